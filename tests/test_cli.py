"""The command line: what it prints, and that it fails with one line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepml_lib import cli, formats, samples
from hepml_lib.nets import store

runner = CliRunner()


def run(*words: str) -> str:
    result = runner.invoke(cli.app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_lists_and_describes_samples() -> None:
    assert "top_jets" in run("data", "list").split()
    assert "550 < pT < 650 GeV" in run("data", "describe", "top_jets")


def test_checks_the_committed_samples() -> None:
    assert "agrees with the manifest" in run("data", "check")


def test_lists_public_sets_with_licence_and_size() -> None:
    cards = run("data", "fetch")
    assert "higgsml: ATLAS Higgs challenge" in cards
    assert "licence  CC0" in cards
    assert "val.h5, 347.4 MB, md5:" in cards


def test_fetches_a_public_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").touch()
    monkeypatch.setattr(samples, "fetch", lambda name, files: [tmp_path / "a.csv"][:files])
    assert run("data", "fetch", "higgsml", "--files", "1").strip() == str(tmp_path / "a.csv")


def test_lists_every_model_that_can_be_trained() -> None:
    listed = run("train").split()
    assert set(store.names()) <= set(listed)
    assert len(listed) == len(set(listed))


def test_converts_a_sample(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "events.h5"
    run("convert", str(root / "data/samples/collisions.root"), str(target), "--tree", "sample")
    assert len(formats.load(target)) == len(samples.load("collisions"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "describe", "top_jet"], "did you mean 'top_jets'?"),
        (["data", "fetch", "higsml"], "did you mean 'higgsml'?"),
        (["data", "make", "top_jets"], "or --all"),
        (["train", "taging.pfn"], "did you mean 'tagging.pfn'?"),
        (["train", "tagging.pnf"], "did you mean 'tagging.pfn'?"),
    ],
)
def test_a_wrong_name_gives_one_helpful_line(
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["hepml", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in error
    assert error.count("\n") == 1
