from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

import seeds
from hepml_lib.page import results

NOTEBOOK = """
from hepml_lib import settings
from hepml_lib.metrics import Estimate
from hepml_lib.page import results
import os, pathlib
assert pathlib.Path.cwd() == settings.build_dir()
effect = 0.10 + 0.001 * int(os.environ["HEPML_SEED"])
results.record("TAG-2", "PFN area", Estimate(effect, effect - 0.002, effect + 0.002, "bootstrap"))
"""
CLAIM = 'results.claim("PFN above trees", effect, guard=0.1025)'
LATER = 'results.claim("later", effect, guard=0.05)'


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HEPML_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr("execute.fingerprint", lambda root: "the same library and data")
    path = tmp_path / "book" / "start" / "tour.ipynb"
    path.parent.mkdir(parents=True)
    write(path, NOTEBOOK, CLAIM, LATER)
    return path


def write(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, path)


def test_a_study_measures_the_scatter_and_resumes(notebook, tmp_path, capsys):
    found = seeds.study(notebook, runs=2)
    assert json.loads((notebook.parent / "tour.seeds.json").read_text()) == found
    area = found["figures"]["PFN area"]
    assert area["values"] == [0.101, 0.102]
    assert area["retraining"] == pytest.approx(0.001 / 2**0.5, rel=1e-4)
    assert area["bootstrap"] == pytest.approx(0.002 / 1.96, rel=1e-3)
    # The guard fails with both seeds, and the cells behind it are measured all the same.
    assert len(found["figures"]["later"]["values"]) == 2
    assert "not above 0.1025" in found["failed"]["1"][0]
    table = seeds.report(found)
    assert "guard too high" in table
    assert "seed 2: cell " in table
    assert "the study has 2 seeds, not 20" in results.check_study(notebook)
    assert not (tmp_path / "build" / "results.json").exists()

    capsys.readouterr()
    assert len(seeds.study(notebook, runs=3)["seeds"]) == 3
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["3"]


def test_a_study_stands_if_two_of_its_seeds_repeat(notebook, tmp_path, capsys, monkeypatch):
    """A study of two seeds; then the code, and then what comes out, changes."""
    data = tmp_path / "data" / "models"
    data.mkdir(parents=True)
    (data / "pfn.safetensors").write_bytes(b"weights")
    monkeypatch.setenv("HEPML_DATA", str(data.parent))
    opens = "stored = (settings.data_dir() / 'models/pfn.safetensors').read_bytes()"
    write(notebook, NOTEBOOK, opens, LATER)
    first = seeds.study(notebook, runs=2)
    assert list(first["ran_on"]["data"]) == ["models/pfn.safetensors"]

    write(notebook, NOTEBOOK, opens, "also = 'something'", LATER)
    (data / "pfn.safetensors").write_bytes(b"the same in other words")
    assert any("the notebook's code, models/pfn" in said for said in results.check_study(notebook))
    capsys.readouterr()
    assert seeds.renew(notebook) == []
    assert sorted(line.split()[1] for line in capsys.readouterr().out.splitlines()) == ["1", "2"]
    assert not any("version" in said for said in results.check_study(notebook))
    file = notebook.parent / "tour.seeds.json"
    renewed = json.loads(file.read_text())
    assert renewed | {"ran_on": first["ran_on"]} == first

    write(notebook, NOTEBOOK.replace("0.10 +", "0.11 +"), opens, LATER)
    monkeypatch.setattr("sys.argv", ["seeds.py", str(notebook), "--renew"])
    assert seeds.main() == 1
    out, err = capsys.readouterr()
    assert "'PFN area' is 0.102 with seed 2 in the study, and now 0.112" in out
    assert f"make seeds NOTEBOOK={notebook}" in err
    assert json.loads(file.read_text()) == renewed


def test_an_error_stops_the_study_and_is_located(notebook):
    write(notebook, NOTEBOOK, "1 / 0")
    with pytest.raises(RuntimeError, match=r"seed \d: cell '\w+': ZeroDivisionError"):
        seeds.study(notebook, runs=3, workers=1)
    assert not notebook.with_suffix(".seeds.json").exists()


def test_a_verdict_for_every_guard():
    figure = {"mean": 1.0, "s": 0.1, "largest_guard": 0.5, "null": 0.0}
    said = {guard: seeds._verdict(figure | {"guard": guard}) for guard in (0.4, 0.6)}
    assert said == {0.4: "ok", 0.6: "guard too high"}
    undecided = figure | {"largest_guard": -0.1, "guard": 0.0}
    assert seeds._verdict(undecided) == "the data do not decide: do not assert"


def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["seeds.py", str(tmp_path / "tuor.ipynb")])
    assert seeds.main() == 1
    assert "there is no notebook" in capsys.readouterr().err
    write(tmp_path / "tour.ipynb", "1 + 1")
    monkeypatch.setattr("sys.argv", ["seeds.py", str(tmp_path / "tour.ipynb"), "--renew"])
    assert seeds.main() == 1
    assert "tour.seeds.json" in capsys.readouterr().err
