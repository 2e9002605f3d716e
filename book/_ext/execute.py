"""Run notebooks side by side and keep their outputs in jupyter-cache, which Sphinx reads.

Sphinx alone would run one notebook after the other, and would not see that the library or the data
changed. Here each notebook runs in a process of its own, which also measures its time and memory.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError
from traitlets.config import Config

__all__ = [
    "BUDGET_MB",
    "BUDGET_SECONDS",
    "Run",
    "cached",
    "environment",
    "fingerprint",
    "needs_widget_state",
    "open_cache",
    "run_all",
    "run_cells",
    "store",
    "words_file",
    "write_executed",
]

BUDGET_SECONDS = 90.0
BUDGET_MB = 2048.0
_CELL_TIMEOUT = 600
_WIDGET = "application/vnd.jupyter.widget-view+json"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Run:
    """One execution of a notebook, named by its path from the root; `error` says what failed.

    The budget is in processor time, which a busy machine does not lengthen.
    """

    notebook: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    error: str = ""

    @property
    def over_budget(self) -> str:
        """What exceeds the budget of a notebook, or an empty string."""
        excess = []
        if self.cpu_seconds > BUDGET_SECONDS:
            excess.append(f"{self.cpu_seconds:.0f} CPU-seconds of {BUDGET_SECONDS:.0f}")
        if self.peak_mb > BUDGET_MB:
            excess.append(f"{self.peak_mb:.0f} MB of {BUDGET_MB:.0f} MB")
        return " and ".join(excess)


def fingerprint(root: Path) -> str:
    """One hash of what outputs depend on besides the notebook: library, data, pins, settings.

    The data are those of the checkout, or with ``HEPML_DATA`` the folder that it names.
    """
    digest = hashlib.sha256()
    for setting in ("HEPML_SCALE", "HEPML_SEED", "HEPML_DEVICE", "HEPML_THREADS"):
        digest.update(f"{setting}={os.environ.get(setting)};".encode())
    digest.update(f"python {sys.version_info[:2]}".encode())
    data = root / "data"
    if "HEPML_DATA" in os.environ:
        data = Path(os.environ["HEPML_DATA"]).expanduser().resolve()
        digest.update(f"HEPML_DATA={data};".encode())
    files = [root / "constraints.txt", *(root / "hepml_lib").rglob("*"), *data.rglob("*")]
    for file in sorted(files):
        if file.is_file() and "__pycache__" not in file.parts:
            name = file.relative_to(root if file.is_relative_to(root) else data)
            digest.update(name.as_posix().encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def environment(root: Path, build: Path) -> dict[str, str]:
    """Variables under which the notebooks of a checkout run, besides ``HEPML_NOTEBOOK``."""
    variables = {
        "HEPML_BUILD": str(build),
        # Small networks run faster on one thread, and two notebooks then do not disturb each other.
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
    }
    if "HEPML_DATA" in os.environ:  # a kernel works in the folder of its notebook
        variables["HEPML_DATA"] = str(Path(os.environ["HEPML_DATA"]).expanduser().resolve())
    return variables


def open_cache(root: Path, build: Path) -> JupyterCacheBase:
    """Cache of executed notebooks, emptied when it was filled under another fingerprint."""
    folder = build / ".jupyter_cache"
    mark = folder / "fingerprint"
    current = fingerprint(root)
    if folder.exists() and not (mark.exists() and mark.read_text() == current):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(current)
    return get_cache(str(folder))


def cached(cache: JupyterCacheBase, root: Path, notebook: str) -> Run | None:
    """The run that the cache holds for the present source and words of a notebook, if any."""
    try:
        record = cache.match_cache_notebook(nbformat.read(root / notebook, as_version=4))
    except KeyError:
        return None
    used = dict(record.data)
    return (
        Run(notebook, **used) if used.pop("words", None) == _words_hash(root / notebook) else None
    )


def words_file(notebook: Path) -> Path:
    """File with the captions and alternative texts of a notebook's figures, if it has one."""
    return notebook.with_suffix(".figures.toml")


def _words_hash(notebook: Path) -> str:
    words = words_file(notebook)
    return hashlib.sha256(words.read_bytes()).hexdigest() if words.exists() else ""


def store(cache: JupyterCacheBase, root: Path, run: Run, executed: Any) -> None:
    """Keep an executed notebook, with the time and the memory that it took."""
    path = root / run.notebook
    used = {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds, "peak_mb": run.peak_mb}
    bundle = CacheBundleIn(executed, str(path), data=used | {"words": _words_hash(path)})
    cache.cache_notebook_bundle(bundle, overwrite=True)


def write_executed(cache: JupyterCacheBase, root: Path, notebook: str, folder: Path) -> Path:
    """Write a notebook with the outputs that the cache holds, and return the path."""
    _, executed = cache.merge_match_into_notebook(nbformat.read(root / notebook, as_version=4))
    path = folder / notebook
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(executed, path)
    return path


def run_all(
    cache: JupyterCacheBase, root: Path, build: Path, notebooks: Sequence[str], jobs: int
) -> Iterator[Run]:
    """Run notebooks, `jobs` at a time, yield each as it ends, and cache the ones that succeed."""
    variables = environment(root, build)
    with ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        tasks = [pool.submit(_run, root, notebook, variables) for notebook in notebooks]
        for task in as_completed(tasks):
            run, executed = task.result()
            if not run.error:
                store(cache, root, run, executed)
            yield run


def run_cells(content: Any, folder: Path) -> None:
    """Run the cells of a notebook in a folder; outputs and widget states go into `content`.

    Raises
    ------
    CellControlSignal, RuntimeError
        If a cell fails or the kernel dies, with a note that names the cell.
    """
    cells = ["before the first cell"]
    with tempfile.TemporaryDirectory(prefix="hepml-") as sockets:
        client = NotebookClient(
            content,
            timeout=_CELL_TIMEOUT,
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,  # cell timings would change the key of the cache
            on_cell_start=lambda cell, cell_index: cells.append(f"cell {cell.id!r}"),
            # Two kernels that start at once may choose one port; sockets in a folder cannot clash.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
        )
        try:
            client.execute()
        except (CellControlSignal, RuntimeError) as failure:
            failure.add_note(cells[-1])
            raise


def _run(root: Path, notebook: str, variables: dict[str, str]) -> tuple[Run, Any]:
    """Run one notebook; the kernel is this process's only child, so what it used can be read."""
    os.environ.update(variables, HEPML_NOTEBOOK=notebook)
    path = root / notebook
    content = nbformat.read(path, as_version=4)
    start = time.monotonic()
    error = ""
    try:
        run_cells(content, path.parent)
    except (CellControlSignal, RuntimeError) as failure:  # a cell failed, or the kernel died
        error = _describe(failure)
    seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = used.ru_utime + used.ru_stime
    unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB on Linux
    if not needs_widget_state(content):
        content.metadata.pop("widgets", None)
    return Run(notebook, seconds, cpu_seconds, used.ru_maxrss / unit, error), content


def _describe(failure: Exception) -> str:
    """Which cell failed, by its id, and why."""
    why = str(failure)
    if isinstance(failure, CellExecutionError):
        why = f"{failure.ename}: {failure.evalue}\n{failure.traceback}"
    return f"{failure.__notes__[-1]}: {_COLOURS.sub('', why)}"


def needs_widget_state(executed: Any) -> bool:
    """Whether an output is a widget without an HTML form, which a page would show in its place."""
    return any(
        _WIDGET in output.get("data", {}) and "text/html" not in output["data"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
    )
