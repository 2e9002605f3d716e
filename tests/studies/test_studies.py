"""Studies: listed, run and recorded in one way, used by no chapter, and honest about tools."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from typer.testing import CliRunner

from hepml_lib import cli, records, settings, studies
from hepml_lib.studies import tools

runner = CliRunner()


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """Records and scores go to a folder of the test."""
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "path", lambda name: tmp_path / f"{name}.json")
    return tmp_path


def test_every_committed_record_names_the_study_that_makes_it(root: Path) -> None:
    files = sorted((root / "data" / "results").glob("*.json"))
    assert {file.stem for file in files} == set(studies.STUDIES)
    for file in files:
        text = file.read_text(encoding="utf-8")
        record = json.loads(text)
        assert record["command"] == f"hepml study {file.stem}"
        assert set(record.get("tools", ())) <= set(studies.STUDIES[file.stem].needs)
        assert text == json.dumps(record, indent=1, sort_keys=True) + "\n"
        assert not re.search(r"/(home|tmp|root|work)/", text)


@pytest.mark.parametrize("name", studies.STUDIES)
def test_a_study_is_a_module_with_one_door(name: str) -> None:
    module = importlib.import_module(f"hepml_lib.studies.{name}")
    assert "measure" in module.__all__
    assert set(studies.STUDIES[name].needs) <= set(tools.TOOLS)


def test_only_the_command_line_imports_studies(root: Path) -> None:
    users = set()
    for file in (root / "hepml_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = getattr(node, "module", None) or ""
            names = [f"{module}.{alias.name}".lstrip(".") for alias in getattr(node, "names", ())]
            if any(name.startswith("hepml_lib.studies") for name in names):
                users.add(file.relative_to(root / "hepml_lib").parts[0])
    assert users == {"cli.py", "studies"}
    for notebook in (root / "book").rglob("*.ipynb"):
        assert "hepml_lib.studies" not in notebook.read_text(encoding="utf-8"), notebook


def test_the_list_says_what_is_measured_and_what_is_needed() -> None:
    printed = runner.invoke(cli.app, ["study"]).output
    for name, study in studies.STUDIES.items():
        line = next(line for line in printed.splitlines() if line.startswith(f"{name}: "))
        assert study.measures in line
        assert study.takes in line
        assert all(tool in line for tool in study.needs)


def test_a_run_completes_the_record(results, monkeypatch) -> None:
    from hepml_lib.studies import l1_jets

    made = {"data": "none", "taggers": {"coin": {"AUC": 0.5}}}
    monkeypatch.setattr(l1_jets, "measure", lambda: made)
    file = studies.run("l1_jets")
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["command"] == "hepml study l1_jets"
    assert set(record["tools"]) == {"da4ml", "torch"}
    assert record["taggers"] == made["taggers"]


def test_a_record_with_nan_is_not_written(results) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write("coin", {"taggers": {"coin": {"AUC": float("nan")}}})
    assert not list(results.iterdir())


def test_a_missing_tool_comes_with_its_package_before_anything_runs(monkeypatch, capsys) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda program: None)
    monkeypatch.setattr(studies, "run", lambda name: pytest.fail("the study has begun"))
    monkeypatch.setattr("sys.argv", ["hepml", "study", "l1_jets", "l1_rtl"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "apt install verilator" in error
    assert "apt install yosys" in error
    assert error.count("\n") == 1


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'top_trend'"):
        studies.run("top_trends")


def test_the_makefile_installs_what_the_messages_name(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for tool in ("conifer", "hgq2"):
        assert tools.TOOLS[tool].install.removeprefix("pip install ") in makefile


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"sh ended with code 3:\nno such cell"):
        tools.run_program(["sh", "-c", "echo no such cell >&2; exit 3"])


def test_scores_are_computed_once_for_the_same_jets_alone(results) -> None:
    jets = ak.Array({"event": np.arange(4), "pt": np.full(4, 600.0)})
    asked = []

    def compute() -> np.ndarray:
        asked.append(1)
        return np.arange(4.0)

    first, again = (records.cached_scores("coin", jets, compute) for _ in range(2))
    assert first.tolist() == again.tolist() == [0, 1, 2, 3]
    assert len(asked) == 1
    others = ak.Array({"event": np.arange(1, 5), "pt": jets.pt})
    softer = ak.Array({"event": jets.event, "pt": np.full(4, 500.0)})
    for different in (others, softer, jets[:3]):
        records.cached_scores("coin", different, compute)
    assert len(asked) == 4
    assert not list(settings.cache_dir().rglob("*.part.npy"))
