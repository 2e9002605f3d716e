"""Headline figures of a notebook: shown, asserted, quoted by the prose, kept for the benchmarks.

`record` states a figure, `claim` asserts an effect beyond a guard. Each writes the same entry to
``results.json`` in the build folder and to the output of its cell, so that `collect` finds it again
in a notebook that was executed elsewhere or earlier. For the prose, each glues its text:
``{glue:text}`tag-2-pfn-auc` `` quotes value and interval, ``tag-2-pfn-auc-value`` the value alone,
``tag-2-pfn-auc-baseline`` the baseline.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock
from IPython import get_ipython
from IPython.display import display

from hepml_lib import atomic, settings
from hepml_lib.metrics import Estimate
from hepml_lib.page.studies import check_study

__all__ = [
    "MIME",
    "check_study",
    "claim",
    "collect",
    "key",
    "record",
    "save",
    "table",
]

MIME = "application/vnd.hepml.record+json"


class _Shown:
    """Something with an HTML and a text form, and possibly a record behind it."""

    def __init__(self, text: str, markup: str, entry: dict[str, Any] | None = None) -> None:
        self._bundle: dict[str, Any] = {"text/plain": text, "text/html": markup}
        if entry is not None:
            self._bundle[MIME] = entry

    def __repr__(self) -> str:
        return self._bundle["text/plain"]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self._bundle


def record(
    row: str,
    name: str,
    estimate: Estimate | float,
    baseline: Estimate | float | None = None,
    unit: str = "",
    passed: bool | None = None,
) -> None:
    """State a headline figure: show it, let the prose quote it, and keep it.

    Parameters
    ----------
    row : str
        The system it belongs to, such as ``"TAG-2"``.
    name : str
        What was measured, such as ``"PFN rejection at 0.5"``; unique in the notebook.
    estimate, baseline : Estimate or float
        The figure and the one that it is measured against; a plain number only for what is exact.
    unit : str
        Unit of both.
    passed : bool, optional
        Outcome of the claim that the prose makes of this figure. For "A beats B by more than" use
        `claim`, whose guard a seed study backs.

    Raises
    ------
    AssertionError
        If `passed` is false. The figure is shown and kept beforehand, marked as failed.
    """
    outcome = None if passed is None else bool(passed)
    text = _text(estimate, unit)
    against = None if baseline is None else _text(baseline, unit)
    note = f"baseline {against}" if against else ""
    entry = _entry(row, name, estimate, unit) | {"baseline": _numbers(baseline), "passed": outcome}
    _publish(entry, text, note)
    _glue(key(row, name), text)
    _glue(key(row, name, "value"), _text(estimate, unit, interval=False))
    if against:
        _glue(key(row, name, "baseline"), against)
    if outcome is False:
        raise AssertionError(f"{row} {name}: {text}; {note or 'its claim'} does not hold")


def claim(
    name: str,
    effect: Estimate | float,
    guard: float,
    *,
    null: float = 0.0,
    row: str = "",
    unit: str = "",
) -> None:
    """Assert that an effect, for which larger is better, exceeds a guard.

    Write the name and the guard as literals: `check_study` reads them from the notebook and
    compares the guard with the seed study beside it.

    Parameters
    ----------
    name : str
        What is claimed, such as ``"PFN above trees, area"``; unique in the notebook.
    effect : Estimate or float
        The effect d, such as the result of ``metrics.compare``; turn its sign when less is better.
    guard : float
        At or beyond `null`, and at most the mean effect minus five total spreads.
    null : float
        The effect that there is if the claim is empty: 0 for a difference, 1 for a ratio.
    row : str
        The system it belongs to, such as ``"TAG-2"``.
    unit : str
        Unit of the effect.

    Raises
    ------
    ValueError
        If the guard does not reach the null: the assertion would not support the claim.
    AssertionError
        If the effect does not exceed the guard; the message holds the numbers.
    """
    if guard < null:
        raise ValueError(f"the guard {guard} of {name!r} lies below its null {null}")
    value = effect.value if isinstance(effect, Estimate) else float(effect)
    passed = value > guard
    text = _text(effect, unit)
    entry = _entry(row, name, effect, unit) | {"passed": passed, "guard": guard, "null": null}
    _publish(entry, text, f"above the guard {guard:g}: {'holds' if passed else 'FAILS'}")
    _glue(key(row, name), text)
    _glue(key(row, name, "value"), _text(effect, unit, interval=False))
    if not passed:
        raise AssertionError(f"{name}: {text} is not above {guard:g} (null {null:g})")


def key(*words: str) -> str:
    """Name under which prose quotes a result.

    Parameters
    ----------
    *words : str
        Row, name and, if wanted, ``"value"`` or ``"baseline"``.

    Returns
    -------
    str
        Lower-case words and numbers, joined by dashes.

    Examples
    --------
    >>> key("TAG-2", "PFN rejection at 0.5", "value")
    'tag-2-pfn-rejection-at-0-5-value'
    """
    return re.sub(r"[\W_]+", "-", " ".join(words).lower()).strip("-")


def _text(number: Estimate | float, unit: str, *, interval: bool = True) -> str:
    if not isinstance(number, Estimate):
        shown = f"{number:.4g}"
    else:
        shown = str(number) if interval else str(number).split(" ")[0]
    return f"{shown} {unit}".rstrip()


def _numbers(number: Estimate | float | None) -> dict[str, float | None] | None:
    """Value and interval as JSON has them: what is not finite becomes null."""
    if number is None:
        return None
    if not isinstance(number, Estimate):
        return {"value": float(number), "low": None, "high": None}
    ends = {"value": number.value, "low": number.low, "high": number.high}
    return {name: end if math.isfinite(end) else None for name, end in ends.items()}


def _entry(row: str, name: str, number: Estimate | float, unit: str) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    numbers = _numbers(number)
    assert numbers is not None
    return {
        "row": row,
        "name": name,
        **numbers,
        "unit": unit,
        "baseline": None,
        "passed": None,
        "level": number.level if isinstance(number, Estimate) else None,
        "method": number.method if isinstance(number, Estimate) else "exact",
        "notebook": _notebook(
            os.environ.get("HEPML_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME") or "interactive"
        ),
        "seconds": round(time.process_time(), 1),
        "peak_mb": round(peak / (1024**2 if sys.platform == "darwin" else 1024)),
        "scale": settings.scale(),
        "seed": int(os.environ.get("HEPML_SEED", "1")),
    }


def _notebook(path: str | Path) -> str:
    """Path of a notebook from the book's folder on, wherever the copy lies."""
    parts = Path(path).parts
    folders = [i for i, part in enumerate(parts[:-1]) if part == "book"]
    return "/".join(parts[folders[-1] :] if folders else parts[-1:])


def _publish(entry: dict[str, Any], text: str, note: str) -> None:
    """Show an entry and keep it."""
    title = f"{entry['row']} {entry['name']}".strip()
    markup = f"<p>{html.escape(title)}: <strong>{html.escape(text)}</strong>"
    markup += f"; {html.escape(note)}</p>" if note else "</p>"
    display(_Shown(f"{title}: {text}" + (f"; {note}" if note else ""), markup, entry))
    save([entry])


def _glue(name: str, text: str) -> None:
    if get_ipython() is not None:
        from myst_nb import glue

        glue(name, text, display=False)


def save(records: Iterable[Mapping[str, Any]]) -> Path:
    """Merge records into ``results.json``, one per notebook, row and name.

    Safe while other notebooks do the same: under a lock, and replaced in one step.

    Parameters
    ----------
    records : iterable of dict
        As `record` and `claim` make them.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = settings.build_dir() / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is damaged ({error}); delete it and build again") from None
        merged = {(r["notebook"], r["row"], r["name"]): r for r in [*stored, *records]}
        ordered = sorted(merged.values(), key=lambda r: (r["row"], r["notebook"], r["name"]))
        atomic.write(path, json.dumps(ordered, indent=1, ensure_ascii=False))
    return path


def collect(notebooks: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Records in the outputs of executed notebooks, in the order of the cells.

    Each takes the name of the file that it is found in, so copies must keep their path from
    ``book/`` on, as those of a build do.

    Parameters
    ----------
    notebooks : iterable of str or Path
        Where they lie.

    Returns
    -------
    list of dict
        Records as `record` and `claim` keep them, with the name of the ``notebook``.

    Raises
    ------
    ValueError
        If a notebook gives two results one name.
    """
    found = []
    for path in notebooks:
        names: set[str] = set()
        for cell in nbformat.read(Path(path), as_version=4).cells:
            for output in cell.get("outputs", []):
                entry = output.get("data", {}).get(MIME)
                if entry is None:
                    continue
                if entry["name"] in names:
                    raise ValueError(f"{path} records two results named {entry['name']!r}")
                names.add(entry["name"])
                found.append({**entry, "notebook": _notebook(path)})
    return found


def table(
    caption: str,
    rows: Mapping[str, Mapping[str, Estimate | float | int | str]],
    of: str = "method",
) -> None:
    """Show methods side by side: figures with intervals, parameters, seconds.

    Parameters
    ----------
    caption : str
        The finding, in a sentence.
    rows : mapping
        Method → column → entry; columns carry their unit, such as ``"training [s]"``. What a method
        lacks is shown as a dash.
    of : str
        What a row is, where it is no method.
    """
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    grid = [[name, *(_cell(row.get(c, "–")) for c in columns)] for name, row in rows.items()]
    lines = [[of, *columns], *grid]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns) + 1)]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in lines[0])
    body = "".join(
        f'<tr><th scope="row">{html.escape(line[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in line[1:])
        + "</tr>"
        for line in grid
    )
    markup = (
        f'<table class="table"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    display(_Shown(f"{caption}\n{text}", markup))


def _cell(entry: Estimate | float | int | str) -> str:
    if isinstance(entry, int) and not isinstance(entry, bool):
        return f"{entry:,}"
    return f"{entry:.3g}" if isinstance(entry, float) else str(entry)
