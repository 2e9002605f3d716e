from __future__ import annotations

import json
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest
from IPython.utils.capture import capture_output
from nbclient import NotebookClient

from hepml_lib.metrics import Estimate
from hepml_lib.page import results

BETTER = Estimate(83.2, 70.1, 98.3, "event bootstrap")
WORSE = Estimate(54.1, 47.0, 62.2, "event bootstrap")
EFFECT = Estimate(0.0071, 0.0050, 0.0092, "paired event bootstrap")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HEPML_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("HEPML_NOTEBOOK", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return tmp_path / "build"


def stored(build: Path) -> list[dict]:
    return json.loads((build / "results.json").read_text())


def write_notebook(path: Path, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, path)
    return path


def test_a_record_is_shown_and_kept(build, capsys):
    results.record("TAG-2", "PFN rejection at 0.5", BETTER, baseline=WORSE, passed=True)
    assert (
        "TAG-2 PFN rejection at 0.5: 83 [70, 98]; baseline 54.1 [47.0, 62.2]"
        in capsys.readouterr().out
    )
    (entry,) = stored(build)
    assert {
        "row": "TAG-2",
        "name": "PFN rejection at 0.5",
        "value": 83.2,
        "low": 70.1,
        "high": 98.3,
        "unit": "",
        "baseline": {"value": 54.1, "low": 47.0, "high": 62.2},
        "passed": True,
        "notebook": "interactive",
        "scale": "quick",
        "seed": 1,
        "level": 0.95,
        "method": "event bootstrap",
    }.items() <= entry.items()
    assert entry["seconds"] > 0
    assert entry["peak_mb"] > 10


def test_running_a_cell_again_replaces_its_entry(build, monkeypatch):
    results.record("TAG-2", "area", WORSE)
    results.record("TAG-2", "area", BETTER)
    monkeypatch.setenv("HEPML_NOTEBOOK", "book/start/tour.ipynb")
    results.record("TAG-2", "area", BETTER)
    assert [(r["notebook"], r["value"]) for r in stored(build)] == [
        ("book/start/tour.ipynb", 83.2),
        ("interactive", 83.2),
    ]


def test_a_failed_claim_is_kept_and_raises_with_the_numbers(build):
    with pytest.raises(AssertionError, match=r"PFN rejection: 54\.1 \[47\.0, 62\.2\]; baseline 83"):
        results.record("TAG-2", "PFN rejection", WORSE, baseline=BETTER, passed=54.1 > 83.2)
    assert stored(build)[0]["passed"] is False


def test_a_claim_holds_above_its_guard_only(build, capsys):
    results.claim("PFN above trees", EFFECT, guard=0.002)
    shown = capsys.readouterr().out
    assert "PFN above trees: 0.0071 [0.0050, 0.0092]; above the guard 0.002: holds" in shown
    with pytest.raises(AssertionError, match=r"0\.0071 \[0\.0050, 0\.0092\] is not above 0\.01"):
        results.claim("PFN above trees", EFFECT, guard=0.01)
    (entry,) = stored(build)
    assert (entry["guard"], entry["null"], entry["passed"]) == (0.01, 0, False)


def test_a_guard_below_the_null_supports_no_claim():
    with pytest.raises(ValueError, match="lies below its null 1"):
        results.claim("rejection ratio", BETTER, guard=0.9, null=1)


def test_exact_numbers_units_and_infinite_ends(build, capsys):
    results.record("TAG-7", "largest change under permutation", 3.1e-16)
    results.record("TRG-1", "latency", Estimate(50.0, 45.0, math.inf, "count"), unit="ns")
    out = capsys.readouterr().out
    assert "TAG-7 largest change under permutation: 3.1e-16" in out
    assert "latency: 50 [45, inf] ns" in out
    low_high = {r["name"]: (r["low"], r["high"]) for r in stored(build)}
    assert low_high == {"largest change under permutation": (None, None), "latency": (45, None)}


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("HEPML_NOTEBOOK", "book/tagging/top.ipynb", "book/tagging/top.ipynb"),
        ("JPY_SESSION_NAME", "/home/me/hepml-book/book/start/tour.ipynb", "book/start/tour.ipynb"),
        ("JPY_SESSION_NAME", "/home/me/Untitled.ipynb", "Untitled.ipynb"),
    ],
)
def test_the_notebook_knows_its_name(build, monkeypatch, variable, value, name):
    monkeypatch.setenv(variable, value)
    results.record("TAG-2", "area", BETTER)
    assert stored(build)[0]["notebook"] == name


def _save_many(folder: str, notebook: str) -> None:
    import os

    os.environ["HEPML_BUILD"] = folder
    for k in range(40):
        results.save([{"notebook": notebook, "row": "", "name": str(k)}])


def test_two_notebooks_at_once_lose_nothing(build):
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        tasks = [pool.submit(_save_many, str(build), notebook) for notebook in "ab"]
        [task.result() for task in tasks]
    assert len(stored(build)) == 80
    assert not list(build.glob("*.tmp"))


def test_a_damaged_file_is_named(build):
    build.mkdir()
    (build / "results.json").write_text("[{")
    with pytest.raises(ValueError, match=r"results\.json is damaged"):
        results.record("TAG-2", "area", BETTER)


def test_a_table_of_processes_says_so():
    with capture_output() as shown:
        results.table("Weights.", {"W": {"events": 3}}, of="process")
    assert shown.stdout.splitlines() == ["Weights.", "process  events", "W        3"]


def test_table_is_readable_with_and_without_eyes():
    with capture_output() as shown:
        results.table(
            "The PFN rejects more <background> than the trees.",
            {
                "trees": {"rejection at 0.5": WORSE, "training [s]": 1.234},
                "PFN": {"rejection at 0.5": BETTER, "parameters": 82_000, "training [s]": 69.0},
            },
        )
    assert shown.stdout.splitlines() == [
        "The PFN rejects more <background> than the trees.",
        "method  rejection at 0.5   training [s]  parameters",
        "trees   54.1 [47.0, 62.2]  1.23          –",
        "PFN     83 [70, 98]        69            82,000",
    ]


CELLS = (
    "from hepml_lib.metrics import Estimate\nfrom hepml_lib.page import results",
    "results.record('TAG-2', 'PFN area', Estimate(.965, .962, .967, 'm'), baseline=.95)",
    "results.claim('PFN above trees', Estimate(.0071, .005, .0092, 'm'), guard=0.002)",
    "results.table('A caption.', {'PFN': {'area': Estimate(.965, .962, .967, 'm')}})",
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    """A notebook that ran in a real kernel, stored where a build would."""
    folder = tmp_path_factory.mktemp("jupyter_execute")
    path = write_notebook(folder / "book" / "tagging" / "top.ipynb", *CELLS)
    notebook = nbformat.read(path, as_version=4)
    text = "The area is {glue:text}`tag-2-pfn-area`, or {glue:text}`tag-2-pfn-area-value`."
    notebook.cells.append(nbformat.v4.new_markdown_cell(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEPML_BUILD", str(folder / "build"))
        patch.setenv("PYTHONPATH", str(Path(results.__file__).parents[2]))
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    nbformat.write(notebook, path)
    return path


def test_a_kernel_shows_one_line_and_glues_the_rest(executed):
    notebook = nbformat.read(executed, as_version=4)
    shown, *glued = notebook.cells[1].outputs
    assert shown.data["text/html"].startswith("<p>TAG-2 PFN area: <strong>0.9650 [0.9620, 0.9670]")
    assert shown.data[results.MIME]["value"] == 0.965
    names = [output.metadata.scrapbook.name for output in glued]
    assert names == ["tag-2-pfn-area", "tag-2-pfn-area-value", "tag-2-pfn-area-baseline"]
    assert all(
        kind.startswith("application/papermill.record/") for out in glued for kind in out.data
    )
    markup = notebook.cells[3].outputs[0].data["text/html"]
    assert "<caption>A caption.</caption>" in markup
    assert '<th scope="col">area</th>' in markup
    assert '<th scope="row">PFN</th>' in markup


def test_prose_quotes_what_was_glued(executed, tmp_path):
    from docutils.core import publish_string
    from myst_nb.docutils_ import Parser

    page = publish_string(
        executed.read_text(),
        source_path=str(executed),
        parser=Parser(),
        writer_name="pseudoxml",
        settings_overrides={
            "nb_execution_mode": "off",
            "nb_output_folder": str(tmp_path),
            "output_encoding": "unicode",
        },
    )
    assert "0.9650 [0.9620, 0.9670]" in page.split("The area is")[1]
    assert page.split("or")[-1].split() == ["<inline", 'classes="pasted-text">', "0.9650", "."]


def test_results_are_rebuilt_from_executed_notebooks(executed, build):
    found = results.collect([executed])
    assert [(r["notebook"], r["row"], r["name"]) for r in found] == [
        ("book/tagging/top.ipynb", "TAG-2", "PFN area"),
        ("book/tagging/top.ipynb", "", "PFN above trees"),
    ]
    assert results.save(found) == build / "results.json"
    assert len(stored(build)) == 2


def test_two_results_of_one_name_are_refused(executed, tmp_path):
    notebook = nbformat.read(executed, as_version=4)
    notebook.cells[2].outputs = notebook.cells[1].outputs
    nbformat.write(notebook, tmp_path / "twice.ipynb")
    with pytest.raises(ValueError, match="two results named 'PFN area'"):
        results.collect([tmp_path / "twice.ipynb"])
