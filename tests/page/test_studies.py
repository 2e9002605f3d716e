"""A seed study is believed as long as it is of the page that there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from hepml_lib.page import provenance, studies

CELLS = (
    "from hepml_lib import metrics, plots\nfrom hepml_lib.page import results",
    "pt = sample('top_jets')  # in GeV\neffect = pt.mean() * 2",
    "plots.roc({'PFN': pt}, alt='A curve that rises.', caption='The PFN is better.')",
    "print(f'the effect is {effect:.3f}')\nresults.claim('PFN above trees', effect, guard=0.002)",
)


def write_notebook(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, path)
    return path


def write_study(notebook: Path, values: Any, bootstrap: float = 0.0, **other: Any) -> None:
    """A study whose claim came out as these values, seed by seed."""
    run = {"name": "PFN above trees", "low": None, "high": None, "level": 0.95}
    figures = studies.summary([[run | {"value": value}] for value in values])
    figure = figures["PFN above trees"]
    figure |= {"bootstrap": bootstrap, "s": float(np.hypot(figure["retraining"], bootstrap))}
    figure["largest_guard"] = figure["mean"] - studies.SPREADS * figure["s"]
    content = {
        "scale": "quick",
        "seeds": list(range(1, len(values) + 1)),
        "failed": {},
        "figures": figures,
        "ran_on": studies.ran_on(notebook, []),
    }
    studies.path(notebook).write_text(json.dumps(content | other))


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A page whose study holds: mean 0.007, scatter 0.0005 of trainings and as much of events."""
    path = write_notebook(tmp_path / "top.ipynb", *CELLS)
    write_study(path, 0.007 + 0.0005 * np.tile([-1, 1], 10), bootstrap=0.0005)
    return path


def change(notebook: Path, edit: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is said of the study after an edit of its content."""
    file = studies.path(notebook)
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))
    return studies.check_study(notebook)


def test_a_guard_must_be_five_spreads_away(notebook):
    assert studies.check_study(notebook) == []
    values = 0.007 + 0.0005 * np.tile([-1, 1], 10)
    write_study(notebook, values, bootstrap=0.0011)
    (problem,) = studies.check_study(notebook)
    assert "guard 0.002 is not between the null 0 and 0.0009" in problem
    write_study(notebook, values[:5])
    assert "the study has 5 seeds, not 20" in studies.check_study(notebook)
    studies.path(notebook).unlink()
    assert "make seeds NOTEBOOK=" in studies.check_study(notebook)[0]


def test_a_guard_must_be_written_where_it_can_be_read(tmp_path):
    loop = "for name in ('a', 'b'):\n    results.claim(name, effect, 0.1)"
    hidden = write_notebook(tmp_path / "hidden.ipynb", f"%matplotlib inline\n{loop}")
    said = "write name and guard literally: results.claim(name, effect, 0.1)"
    assert said in studies.check_study(hidden)[0]
    ratio = write_notebook(tmp_path / "ratio.ipynb", "claim('PFN above trees', r, .9, null=1.0)")
    write_study(ratio, [2.0] * 20, bootstrap=0.1)
    assert "guard 0.9 is not between the null 1 and 1.5" in studies.check_study(ratio)[0]
    renamed = write_notebook(tmp_path / "renamed.ipynb", "results.claim('new', r, guard=-0.0)")
    write_study(renamed, [2.0] * 20)
    assert "'new' is not in renamed.seeds.json" in studies.check_study(renamed)[0]
    assert studies.check_study(write_notebook(tmp_path / "none.ipynb", "1 + 1")) == []


def test_the_mean_is_that_of_the_values(notebook):
    def raise_mean(content: dict[str, Any]) -> None:
        content["figures"]["PFN above trees"]["mean"] = 0.0072

    (problem,) = change(notebook, raise_mean)
    assert "the values give mean 0.007, not 0.0072" in problem

    def drop_worst_seed(content: dict[str, Any]) -> None:
        content["figures"]["PFN above trees"]["values"].pop(0)

    assert "'PFN above trees' has 19 values of 20 seeds" in change(notebook, drop_worst_seed)


def test_a_failed_seed_and_another_scale_are_refused(notebook):
    said = change(notebook, lambda content: content.update(failed={"3": ["cell 'fit': no"]}))
    assert said == ["seed 3 failed: cell 'fit': no"]
    said = change(notebook, lambda content: content.update(scale="full", failed={}))
    assert said == ["the study ran at scale 'full', the pages at 'quick'"]


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        (1, "  # in GeV", ""),
        (1, "mean() * 2", "mean(\n) * (2)"),
        (0, "metrics, ", ""),
        (2, "A curve", "A line"),
        (2, "alt='A curve that rises.', caption='The PFN is better.'", '**words["roc"]'),
        (2, "plots.roc", 'words = figure_words("top")\n"""Words."""\nplots.roc'),
        (3, "the effect is", "one finds"),
    ],
)
def test_words_may_change_under_a_study(notebook, cell, old, new):
    assert old in CELLS[cell]
    cells = [*CELLS[:cell], CELLS[cell].replace(old, new), *CELLS[cell + 1 :]]
    write_notebook(notebook, *cells)
    assert studies.check_study(notebook) == []


def test_a_cell_may_be_split_under_a_study(notebook):
    write_notebook(notebook, *[part for cell in CELLS for part in cell.split("\n")])
    assert studies.check_study(notebook) == []


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        (1, "* 2", "* 3"),
        (1, "top_jets", "l1_jets"),
        (2, "pt}", "2 * pt}"),
        (3, "print(", "effect += 1; print("),
        (3, "'PFN above", "'Trees above"),
    ],
)
def test_code_may_not_change_under_a_study(notebook, cell, old, new):
    assert old in CELLS[cell]
    cells = [*CELLS[:cell], CELLS[cell].replace(old, new, 1), *CELLS[cell + 1 :]]
    write_notebook(notebook, *cells)
    assert "another version of the notebook's code" in studies.check_study(notebook)[0]


def test_data_may_not_change_under_a_study(notebook, tmp_path, monkeypatch):
    data = tmp_path / "data"
    for folder in ("samples", "models", "results"):
        (data / folder).mkdir(parents=True)
    table = '["samples/top_jets.root"]\nsha256 = "{file}"\ncolumns = {{ pt = "{pt}" }}\n'
    (data / "manifest.toml").write_text(table.format(file="a", pt="b"))
    (data / "models" / "pfn.safetensors").write_bytes(b"weights")
    (data / "models" / "pfn.json").write_text("{}")
    monkeypatch.setenv("HEPML_DATA", str(data))
    files = [
        *("samples/top_jets.root", "models/pfn.safetensors", "models/pfn.json", "manifest.toml"),
        *("../elsewhere.root", "/proc/self/stat"),
    ]
    opened = provenance.committed_data(str(data / name) for name in files)
    assert opened == ["models/pfn.safetensors", "samples/top_jets.root"]
    write_study(notebook, [0.007] * 20, ran_on=studies.ran_on(notebook, opened))
    # The same columns in another file, a card told better, a model that the page does not open.
    (data / "manifest.toml").write_text(table.format(file="z", pt="b"))
    (data / "models" / "pfn.json").write_text('{"text": "better"}')
    (data / "models" / "efn.safetensors").write_bytes(b"others")
    assert studies.check_study(notebook) == []
    (data / "models" / "pfn.safetensors").write_bytes(b"other weights")
    (data / "manifest.toml").write_text(table.format(file="z", pt="c"))
    (problem,) = studies.check_study(notebook)
    assert "version of models/pfn.safetensors, samples/top_jets.root: run `make seeds" in problem


def test_a_change_of_the_library_moves_a_figure():
    """Where nothing is trained, digits agree; a training may amplify rounding a little."""
    figures = {
        "trained": {"values": [0.90, 0.92]},  # scatter 0.0141
        "read": {"values": [16.8776, 16.8776]},
    }
    study = {"seeds": [1, 2], "figures": figures}

    def said(trained: float | None, read: float) -> list[str]:
        values = {"trained": trained, "read": read}
        records = [{"name": name, "value": value} for name, value in values.items()]
        return studies.stale(study, 2, records)

    assert said(0.9213, 16.87764) == []
    assert said(0.9215, 16.8776) == ["'trained' is 0.92 with seed 2 in the study, and now 0.9215"]
    assert said(0.92, 16.879) == ["'read' is 16.8776 with seed 2 in the study, and now 16.879"]
    assert said(None, 16.8776) == ["'trained' is 0.92 with seed 2 in the study, and now not finite"]
    missing = studies.stale(
        study, 1, [{"name": "trained", "value": 0.9}, {"name": "x", "value": 1}]
    )
    assert missing == [
        "'read' is in the study and not recorded by the notebook",
        "'x' is recorded by the notebook and not in the study",
    ]


def test_summary_adds_bootstrap_and_retraining_in_quadrature():
    def run(value: float) -> list[dict]:
        reach = 4 * 1.959964
        ends = {"low": value - reach, "high": value + reach, "level": 0.95}
        return [{"name": "d", "value": value, **ends, "guard": 1.0, "null": 0.0}]

    figure = studies.summary([run(97.0), run(100.0), run(103.0)])["d"]
    assert (figure["retraining"], figure["bootstrap"], figure["s"]) == pytest.approx((3, 4, 5))
    assert (figure["mean"], figure["largest_guard"]) == pytest.approx((100, 75))
    assert (figure["guard"], figure["values"]) == (1, [97, 100, 103])
    with pytest.raises(ValueError, match="'d' is recorded in 1 of 2 runs"):
        studies.summary([run(1.0), []])
    with pytest.raises(ValueError, match="not finite in every run"):
        studies.summary([[{"name": "d", "value": None, "low": None, "high": None}]])
