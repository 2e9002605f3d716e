"""Panels put together to one figure, with a look for each series.

Series are told apart by colour and by dash, symbol or hatching, in the same order everywhere. A
name that appears twice, as a line and its points or in both panels, keeps its look and has one
entry in the legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hepml_lib.page.panels import Panel
from hepml_lib.plots.drawing import COLOURS

__all__ = ["assemble"]

_DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "pentagon")
_HATCHES = ("", "/", "x", ".", "\\", "-")
_DOMAINS = {1: [(0.0, 1.0)], 2: [(0.0, 0.47), (0.6, 1.0)]}
_CHOSEN = 15  # size of a symbol, in pixels


def assemble(panels: Sequence[Panel]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout, in plotly's terms, of one panel or of two side by side.

    Parameters
    ----------
    panels
        From left to right.

    Returns
    -------
    traces, layout
        As `plotly.graph_objects.Figure` takes them.

    Raises
    ------
    ValueError
        If there are more panels, more series than colours, or no title.
    """
    if len(panels) not in _DOMAINS:
        raise ValueError(f"a figure has one or two panels, not {len(panels)}")
    title = "; ".join(panel.title for panel in panels if panel.title)
    if not title:
        raise ValueError("give a Panel a title that states the numbers: it is read aloud")
    names = list(dict.fromkeys(t["name"] for p in panels for t in p.traces if t["name"]))
    if len(names) > len(COLOURS):
        raise ValueError(
            f"{len(names)} series: a figure shows up to {len(COLOURS)}, as many as there are "
            "colours that everybody tells apart"
        )
    layout: dict[str, Any] = {"title": title}
    traces: list[dict[str, Any]] = []
    listed: set[str] = set()
    for number, (panel, domain) in enumerate(zip(panels, _DOMAINS[len(panels)], strict=True)):
        suffix = "" if number == 0 else str(number + 1)
        layout[f"xaxis{suffix}"] = panel.axes["x"] | {"domain": domain, "anchor": f"y{suffix}"}
        layout[f"yaxis{suffix}"] = panel.axes["y"] | {"anchor": f"x{suffix}"}
        for trace in panel.traces:
            place = names.index(trace["name"]) if trace["name"] else 0
            styled = _styled(trace, place) | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            if styled.get("showlegend", True):
                styled["showlegend"] = trace["name"] not in {*listed, ""}
                listed.add(trace["name"])
            traces.append(styled)
        shapes = [_on(shape, suffix) for shape in panel.shapes]
        layout["shapes"] = [*layout.get("shapes", []), *shapes]
    if len(panels) > 1:
        above = {"x": 0, "xanchor": "left", "y": 1.03, "yanchor": "bottom"}
        layout["legend"] = {"orientation": "h", **above}
    return traces, layout


def _styled(trace: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A trace with the look of the series at this place."""
    look: dict[str, Any] = dict(trace)
    colour, symbol = COLOURS[place], _SYMBOLS[place]
    chosen = look.pop("chosen", None)
    if look["type"] == "bar":
        hatching = {"shape": _HATCHES[place], "bgcolor": _faint(colour)}
        look["marker"] = {"color": colour, "line": {"color": colour, "width": 1}}
        look["marker"]["pattern"] = hatching
    elif look.get("mode") == "markers":
        look |= {"marker_color": colour, "marker_symbol": symbol}
        look["marker_line"] = {"color": colour, "width": 2}
        if chosen is not None:
            look["marker_symbol"] = [symbol if filled else f"{symbol}-open" for filled in chosen]
            look["marker_size"] = [_CHOSEN if filled else look["marker_size"] for filled in chosen]
    elif look.get("mode") == "lines":
        look |= {"line_color": colour, "line_dash": _DASHES[place]}
        if "fill" in look:
            look["fillcolor"] = _faint(colour)
    return look


def _faint(colour: str) -> str:
    """A colour such as #5790fc, a quarter opaque."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.25)"


def _on(shape: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """A shape on the axes of its panel; "domain" stands for the whole length of an axis."""
    references = {
        f"{axis}ref": f"{axis}{suffix} {shape.get(f'{axis}ref', '')}".strip() for axis in "xy"
    }
    return {**shape, **references}
