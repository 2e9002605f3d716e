"""Build the book: run its notebooks, two at a time, then make the pages.

python book/_ext/build.py                       the whole book into _build/html
python book/_ext/build.py --chapter tagging     one chapter into _build/tagging/html
python book/_ext/build.py --strict              from scratch, and a warning is an error
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

import execute

__all__ = ["build", "chapter_toc", "notebooks"]

_ROOT = Path(__file__).resolve().parents[2]
_JOBS = 2


def pages(toc: dict[str, Any]) -> list[str]:
    """Files of a table of contents, in reading order, as they are written there."""
    listed = [toc["root"]]
    for part in toc["parts"]:
        listed += [chapter["file"] for chapter in part["chapters"]]
    return listed


def notebooks(root: Path, toc: dict[str, Any]) -> list[str]:
    """Notebooks of a table of contents, relative to the root."""
    named = [f"{page}.ipynb" for page in pages(toc)]
    return [notebook for notebook in named if (root / notebook).exists()]


def chapter_toc(toc: dict[str, Any], chapter: str) -> dict[str, Any]:
    """Table of contents reduced to the first page of the book and the pages of one chapter.

    Raises
    ------
    ValueError
        If no page lies in ``book/<chapter>/``; the message lists the chapters that there are.
    """
    parts = []
    for part in toc["parts"]:
        kept = [page for page in part["chapters"] if Path(page["file"]).parts[1] == chapter]
        if kept:
            parts.append({**part, "chapters": kept})
    if not parts:
        known = sorted({Path(page).parts[1] for page in pages(toc)[1:]})
        raise ValueError(f"there is no chapter {chapter!r}; there are: {', '.join(known)}")
    return {**toc, "parts": parts}


def _execute(root: Path, build_dir: Path, listed: Sequence[str]) -> list[execute.Run]:
    """Run what the cache does not hold, with a line per notebook as it ends."""
    cache = execute.open_cache(root, build_dir)
    runs = {notebook: execute.cached(cache, root, notebook) for notebook in listed}
    missing = [notebook for notebook, run in runs.items() if run is None]
    if missing:
        print(f"running {len(missing)} of {len(listed)} notebooks, {_JOBS} at a time", flush=True)
    ended = execute.run_all(cache, root, build_dir, missing, _JOBS) if missing else ()
    for done, run in enumerate(ended, start=1):
        runs[run.notebook] = run
        verdict = "FAILED" if run.error else run.over_budget and f"over budget: {run.over_budget}"
        print(
            f"[{done}/{len(missing)}] {run.notebook:40s} {run.seconds:6.1f} s "
            f"({run.cpu_seconds:5.1f} CPU) {run.peak_mb:6.0f} MB"
            f"  {verdict}".rstrip(),
            flush=True,
        )
    return [run for run in runs.values() if run is not None]


def _make_pages(root: Path, toc: Path, output: Path, cache: Path, *, strict: bool) -> bool:
    """Run Sphinx as Jupyter Book sets it up; True when it succeeded."""
    from jupyter_book.sphinx import REDIRECT_TEXT, build_sphinx

    config = root / "_config.yml"
    suppressed = yaml.safe_load(config.read_text(encoding="utf-8"))["sphinx"]["config"][
        "suppress_warnings"
    ]
    if toc != root / "_toc.yml":
        # With one chapter only, links to the others lead nowhere; that is no news.
        suppressed.append("myst.xref_missing")
    outcome = build_sphinx(
        root,
        output / "html",
        noconfig=True,
        path_config=config,
        confoverrides={
            "external_toc_path": toc.as_posix(),
            "latex_individualpages": False,
            "nb_execution_cache_path": str(cache),
            "suppress_warnings": suppressed,
        },
        freshenv=strict,
        warningiserror=strict,
        keep_going=strict,
        quiet=True,
    )
    if outcome:
        return False
    first = yaml.safe_load(toc.read_text(encoding="utf-8"))["root"]
    redirect = REDIRECT_TEXT.format(first_page=f"{first}.html")
    (output / "html" / "index.html").write_text(redirect, encoding="utf-8")
    return True


def _collect(root: Path, output: Path, build_dir: Path, listed: Sequence[str]) -> None:
    """Write the headline figures of the pages, executed now or earlier, to results.json."""
    from hepml_lib.page import results

    os.environ["HEPML_BUILD"] = str(build_dir)
    if output == build_dir:  # the whole book: forget the figures of notebooks that are no more
        (build_dir / "results.json").unlink(missing_ok=True)
    cache = execute.open_cache(root, build_dir)
    executed = [
        execute.write_executed(cache, root, notebook, output / "executed") for notebook in listed
    ]
    results.save(results.collect(executed))


def build(root: Path = _ROOT, *, chapter: str | None = None, strict: bool = False) -> int:
    """Execute and build the book, or one chapter; return the exit status."""
    start = time.monotonic()
    output = build_dir = root / "_build"
    toc_file = root / "_toc.yml"
    toc = yaml.safe_load(toc_file.read_text(encoding="utf-8"))
    if chapter:
        toc = chapter_toc(toc, chapter)
        output = build_dir / chapter
        output.mkdir(parents=True, exist_ok=True)
        toc_file = output / "_toc.yml"
        toc_file.write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    listed = notebooks(root, toc)
    runs = _execute(root, build_dir, listed)
    failed = [run for run in runs if run.error]
    for run in failed:
        print(f"\n{run.notebook}, {run.error}", file=sys.stderr)
    if failed:
        names = ", ".join(run.notebook for run in failed)
        print(f"\nerror: {len(failed)} of {len(listed)} notebooks failed: {names}", file=sys.stderr)
        return 1
    if not _make_pages(root, toc_file, output, build_dir / ".jupyter_cache", strict=strict):
        print("error: the pages could not be built; see the messages above", file=sys.stderr)
        return 1
    _collect(root, output, build_dir, listed)
    total = sum(run.cpu_seconds for run in runs)
    print(
        f"{len(runs)} notebooks, {total:.0f} CPU-seconds of execution, "
        f"at most {max((run.peak_mb for run in runs), default=0):.0f} MB; "
        f"done in {time.monotonic() - start:.0f} s\n"
        f"open {(output / 'html' / 'index.html').as_uri()}"
    )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("--chapter", help="build only book/CHAPTER/")
    parser.add_argument("--strict", action="store_true", help="from scratch; warnings are errors")
    arguments = parser.parse_args()
    try:
        return build(chapter=arguments.chapter, strict=arguments.strict)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
