"""Files that are complete or absent, whatever happens while they are written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hepml_lib import atomic


def test_a_new_file_replaces_the_old_one_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "new" / "mass.txt"
    atomic.write(target, "91.19 ± 0.01\n")
    assert target.read_text(encoding="utf-8") == "91.19 ± 0.01\n"
    atomic.write(target, b"\x00\xff")
    assert target.read_bytes() == b"\x00\xff"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type) -> None:
    target = tmp_path / "mass.txt"
    atomic.write(target, "91.19")

    def interrupted() -> None:
        with atomic.replacing(target) as path:
            path.write_text("80.")
            raise failure

    with pytest.raises(failure):
        interrupted()
    assert target.read_text() == "91.19"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "mass.txt"
    atomic.write(target, "91.19")
    monkeypatch.setattr(step, full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(target, "80.38")
    assert target.read_text() == "91.19"
    assert list(tmp_path.iterdir()) == [target]


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch) -> None:
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda file: steps.append("fsync") or fsync(file))
    monkeypatch.setattr("os.replace", lambda *paths: steps.append("replace") or replace(*paths))
    atomic.write(tmp_path / "mass.txt", "91.19")
    assert steps == ["fsync", "replace"]


def test_writers_do_not_meet(tmp_path: Path) -> None:
    target, texts = tmp_path / "mass.txt", [f"{k}" * 100_000 for k in range(8)]
    threads = [threading.Thread(target=atomic.write, args=(target, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_text() in texts
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "mass.txt"
    atomic.write(target, "91.19")
    code = (
        "import os, signal, pathlib, sys; from hepml_lib import atomic\n"
        "with atomic.replacing(pathlib.Path(sys.argv[1])) as path:\n"
        "    path.write_text('80.'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "91.19"
    # What is left is hidden, and known by its ending to `generate.clear_leftovers`.
    left = [path.name for path in tmp_path.glob(".*.part")]
    assert len(left) == 1
    assert len(list(tmp_path.iterdir())) == 2
