"""Public sets: a true download from a server on this machine, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hepml_lib import formats, samples
from hepml_lib.samples import public

# Two particles of TrackML: a file that `formats.read` knows.
CONTENT = b"particle_id,vx,vy,vz,px,py,pz,q,nhits\n7,0,0,0,3.0,4.0,0.0,1,9\n8,0,0,0,0,1,1,-1,5\n"
HASH = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"


class Server(BaseHTTPRequestHandler):
    """Serves `CONTENT` under any name; ``short`` breaks off half-way, ``gone`` is not there."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if "gone" in self.path:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if "short" in self.path else CONTENT)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served():
    """Address of a server, and what it was asked for."""
    handler = type("Handler", (Server,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/records/1", handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def offer(monkeypatch, tmp_path):
    """Make a public set known, in an empty cache."""
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))

    def known(record, *files, mb=0.1):
        given = tuple(public.PublicFile(name, value, mb) for name, value in files)
        tiny = public.PublicSet("tiny", "two particles", record, "CC0", "none", "us", given)
        monkeypatch.setitem(public.sets(), "tiny", tiny)
        return tmp_path / "cache" / "public" / "tiny"

    return known


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_with_its_hash_is_downloaded_once_and_read(offer, served):
    folder = offer(served[0], ("particles.csv", HASH), ("more.csv", HASH))
    (path,) = samples.fetch("tiny", files=1)
    assert path == folder / "particles.csv"
    assert formats.read(path).pt.tolist() == [5.0, 1.0]
    assert len(samples.fetch("tiny")) == 2
    assert served[1] == ["/records/1/files/particles.csv", "/records/1/files/more.csv"]
    assert left(folder) == ["more.csv", "particles.csv"]


def test_what_killed_downloads_left_is_cleared_away(offer, served):
    folder = offer(served[0], ("particles.csv", HASH))
    folder.mkdir(parents=True)
    for name, age in (("tmpold", 3600), ("tmpnew", 0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    samples.fetch("tiny")
    assert left(folder) == ["particles.csv", "tmpnew"]


def test_a_download_with_another_hash_is_named_and_leaves_nothing(offer, served):
    folder = offer(served[0], ("particles.csv", "sha1:" + 40 * "0"))
    with pytest.raises(
        OSError, match=r"particles\.csv is not what .*does not have the hash sha1:0"
    ):
        samples.fetch("tiny")
    assert left(folder) == []


@pytest.mark.parametrize("value", [HASH, None])
def test_an_interrupted_download_leaves_nothing(offer, served, value):
    folder = offer(served[0], ("short.csv", value))
    with pytest.raises(ConnectionError, match=r"short\.csv cannot be downloaded"):
        samples.fetch("tiny")
    assert left(folder) == []


def test_a_user_who_interrupts_leaves_nothing(offer, served, monkeypatch):
    folder = offer(served[0], ("particles.csv", HASH))

    def interrupted(url, output, pooch):
        Path(output).write_bytes(CONTENT[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(public, "_downloader", lambda: interrupted)
    with pytest.raises(KeyboardInterrupt):
        samples.fetch("tiny")
    assert left(folder) == []


def test_offline_the_message_says_all_that_is_needed(offer):
    # Nobody listens on port 9 of this machine.
    folder = offer("http://127.0.0.1:9/records/1", ("particles.csv", HASH))
    with pytest.raises(ConnectionError) as caught:
        samples.fetch("tiny")
    message = str(caught.value)
    for word in (
        "http://127.0.0.1:9/records/1/files/particles.csv",
        "0.1 MB",
        "licence: CC0",
        f"put it at {folder / 'particles.csv'}",
        f"checks it against the publisher's hash, {HASH}",
    ):
        assert word in message
    assert "\n" not in message
    # By hand, as it says.
    (folder / "particles.csv").write_bytes(CONTENT)
    assert samples.fetch("tiny") == [folder / "particles.csv"]


def test_a_page_that_is_gone_is_told_like_no_network(offer, served):
    offer(served[0], ("gone.csv", HASH))
    with pytest.raises(ConnectionError, match=r"gone\.csv cannot .*HTTP status 404"):
        samples.fetch("tiny")


def test_a_damaged_file_is_put_aside_and_fetched_again(offer, served):
    folder = offer(served[0], ("particles.csv", HASH))
    (path,) = samples.fetch("tiny")
    path.write_bytes(CONTENT[:-5])
    with pytest.raises(
        OSError, match=r"particles\.csv is damaged .*now called particles\.csv\.wrong"
    ):
        samples.fetch("tiny")
    assert left(folder) == ["particles.csv.wrong"]
    (path,) = samples.fetch("tiny")
    assert path.read_bytes() == CONTENT


def test_without_a_published_hash_the_one_found_is_shown_recorded_and_checked(offer, served):
    folder = offer(served[0], ("particles.csv", None))
    found = hashlib.sha256(CONTENT).hexdigest()
    with pytest.warns(UserWarning, match=f"is not known to this book.*{found}"):
        samples.fetch("tiny")
    lock = folder / "particles.csv.sha256"
    assert lock.read_text() == f"{found}  particles.csv\n"
    samples.fetch("tiny")
    (folder / "particles.csv").write_bytes(CONTENT + b"9,0,0,0,0,1,1,-1,5\n")
    with pytest.raises(OSError, match=f"that of the file from .* is {found}"):
        samples.fetch("tiny")


def test_no_room_is_told_before_the_download(offer, served):
    offer(served[0], ("particles.csv", HASH), mb=1e12)
    with pytest.raises(OSError, match=r"MB free, and the download takes 10+ MB.*HEPML_CACHE"):
        samples.fetch("tiny")
    assert served[1] == []


@contextmanager
def files_up_to(size):
    """Let no file of this process grow beyond a size: the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_gives_a_clear_error_and_no_file(offer, served):
    folder = offer(served[0], ("particles.csv", HASH))
    with (
        files_up_to(20),
        pytest.raises(OSError, match=r"particles\.csv cannot be written.*The cache"),
    ):
        samples.fetch("tiny")
    assert left(folder) == []


def test_a_cache_that_is_no_folder_gives_a_clear_error(offer, served, tmp_path, monkeypatch):
    offer(served[0], ("particles.csv", HASH))
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot be written.*HEPML_CACHE"):
        samples.fetch("tiny")


def test_unknown_names_come_with_the_nearest_one():
    with pytest.raises(ValueError, match="did you mean 'top_tagging'"):
        samples.fetch("top_taging")
    with pytest.raises(ValueError, match="at least one file"):
        samples.fetch("higgsml", files=0)


LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}


@pytest.mark.parametrize("name", public.names())
def test_the_list_of_sets_is_in_order(name):
    chosen = public.sets()[name]
    assert re.fullmatch(
        r"https://(zenodo\.org/records|opendata\.cern\.ch/record)/\d+", chosen.record
    )
    known = [file.hash for file in chosen.files if file.hash]
    assert len(set(known)) == len(known)
    for value in known:
        algorithm, _, digits = value.partition(":")
        assert re.fullmatch(f"[0-9a-f]{{{LENGTHS[algorithm]}}}", digits)
    card = public.describe(name)
    assert chosen.licence in card
    assert all(file.name in card for file in chosen.files)
