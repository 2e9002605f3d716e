"""Settings: streams of random numbers, and errors that say what to set."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from hepml_lib import settings


def test_streams_differ_by_name_and_by_base_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = settings.seed("tour", "split")
    assert settings.seed("tour", "split") == first != settings.seed("tour", "weights")
    # Names are separated: "ab", "c" is another stream than "a", "bc".
    assert settings.seed("ab", "c") != settings.seed("a", "bc")
    monkeypatch.setenv("HEPML_SEED", "2")
    assert settings.seed("tour", "split") != first


def test_the_value_of_a_stream_never_changes() -> None:
    # Models, figures and guards rest on it.
    assert settings.seed() == 2074303094


@pytest.mark.parametrize(
    ("variable", "value", "call"),
    [
        ("HEPML_SCALE", "huge", settings.scale),
        ("HEPML_SEED", "one", settings.seed),
        ("HEPML_THREADS", "0", settings.threads),
    ],
)
def test_a_bad_setting_is_named(monkeypatch, variable, value, call) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        call()


def test_import_loads_nothing_heavy() -> None:
    heavy = {"awkward", "matplotlib", "sklearn", "torch"}
    code = f"import hepml_lib, sys; print(*{heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("unix.Unix", ".cache/hepml"),
        ("macos.MacOS", "Library/Caches/hepml"),
        ("windows.Windows", "AppData/Local/hepml"),
    ],
)
def test_the_cache_lies_where_the_system_wants_it(monkeypatch, tmp_path, system, place) -> None:
    """Chunks of hours and downloads of gigabytes are found again where they were put."""
    module, _, name = system.partition(".")
    directories = getattr(importlib.import_module(f"platformdirs.{module}"), name)
    monkeypatch.setattr("platformdirs.PlatformDirs", directories)
    windows = str(tmp_path / "AppData" / "Local")
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: windows)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("HEPML_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert settings.cache_dir() == tmp_path / place
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "elsewhere"))
    assert settings.cache_dir() == tmp_path / "elsewhere"
