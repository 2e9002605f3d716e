"""Panels of a figure that responds: lines, points, bars and images, without plotly's own terms.

Wherever a series of numbers is drawn, `Estimate` objects may stand for them: then their intervals
are drawn too. Series are told apart by colour and by dash, symbol or hatching, in the same order
everywhere; a name that appears twice keeps its look and has one entry in the legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics import Estimate
from hepml_lib.page.pictures import GREY
from hepml_lib.plots.drawing import COLOURS

__all__ = ["Panel", "assemble"]

_DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "pentagon")
_HATCHES = ("", "/", "x", ".", "\\", "-")
_DOMAINS = {1: [(0.0, 1.0)], 2: [(0.0, 0.47), (0.6, 1.0)]}
_SMALL, _LARGE = 9, 15  # pixels
_DECADES = 2  # from here on, powers of ten alone are written at a logarithmic axis
_BELOW = 0.1  # of a logarithmic axis: where values go that its range leaves out

Series = Mapping[str, ArrayLike | Sequence[Estimate]]


class Panel:
    """A pair of axes and what is drawn on it. Every method returns the panel: calls are chained.

    Parameters
    ----------
    x, y
        Labels of the axes, with their units.
    title
        Stands above the figure and is read aloud when a slider moves: state the numbers.
    log
        Axes that are logarithmic: ``"x"``, ``"y"`` or ``"xy"``.
    xlim, ylim
        Ends of the axes, in their units. What moves is compared more easily if they are fixed.

    Raises
    ------
    ValueError
        If ``log`` names another axis, or a logarithmic axis ends at zero or below.

    Examples
    --------
    >>> panel = Panel("Signal strength μ", "CLs", "μ < 1.5 at 95 %", log="y", ylim=(1e-3, 1))
    >>> mu = np.linspace(0, 2, 3)
    >>> panel = panel.lines(mu, {"CLs": np.exp(-2 * mu)}).level(0.05)
    >>> traces, layout = assemble([panel])
    >>> layout["yaxis"]["range"], traces[0]["name"]
    ([-3.0, 0.0], 'CLs')
    """

    def __init__(
        self,
        x: str,
        y: str,
        title: str = "",
        *,
        log: str = "",
        xlim: tuple[float, float] | None = None,
        ylim: tuple[float, float] | None = None,
    ) -> None:
        if set(log) - {"x", "y"}:
            raise ValueError(f"log is {log!r}: write 'x', 'y' or 'xy'")
        self.title = title
        self._limits = {"x": xlim, "y": ylim}
        self._log = set(log)
        self._axes = {axis: self._axis(axis, label) for axis, label in (("x", x), ("y", y))}
        self._traces: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []

    def lines(self, x: ArrayLike, series: Series) -> Panel:
        """Draw a line for each series; where it holds estimates, with a band.

        Parameters
        ----------
        x
            Shape (points,).
        series
            Name → values or estimates, shape (points,).

        Raises
        ------
        ValueError
            If a series is not as long as `x`, or has no place on a logarithmic axis.
        """
        for name, values in series.items():
            middle, low, high = self._numbers(name, values, np.size(x))
            if low is not None:
                edge = {"x": x, "mode": "lines", "line_width": 0, "showlegend": False}
                edge |= {"hoverinfo": "skip"}
                self._add(name, edge | {"y": low})
                self._add(name, edge | {"y": high, "fill": "tonexty"})
            self._add(name, {"x": x, "y": middle, "mode": "lines"})
        return self

    def steps(self, edges: ArrayLike, series: Series) -> Panel:
        """Draw a histogram for each series.

        Parameters
        ----------
        edges
            Edges of the bins, shape (bins + 1,).
        series
            Name → height of each bin, shape (bins,).

        Raises
        ------
        ValueError
            As in `lines`.
        """
        for name, values in series.items():
            heights, _, _ = self._numbers(name, values, np.size(edges) - 1)
            trace = {"x": edges, "y": [*heights, heights[-1]], "mode": "lines", "line_shape": "hv"}
            self._add(name, trace)
        return self

    def points(self, x: ArrayLike, series: Series, chosen: ArrayLike | None = None) -> Panel:
        """Draw a symbol for each point; where a series holds estimates, with error bars.

        Parameters
        ----------
        x
            Shape (points,).
        series
            Name → values or estimates, shape (points,).
        chosen
            Whether a point is that of the sliders, shape (points,): it is large and filled, and the
            others are hollow. Without it all are filled.

        Raises
        ------
        ValueError
            As in `lines`.
        """
        for name, values in series.items():
            middle, low, high = self._numbers(name, values, np.size(x))
            trace: dict[str, Any] = {"x": x, "y": middle, "mode": "markers", "marker_size": _SMALL}
            if chosen is not None:
                trace["chosen"] = np.broadcast_to(np.asarray(chosen, bool), len(middle))
            self._add(name, trace | _error_bars(middle, low, high))
        return self

    def bars(self, groups: Sequence[Any], series: Series) -> Panel:
        """Draw bars side by side in each group; where a series holds estimates, with error bars.

        Parameters
        ----------
        groups
            Names or whole numbers along the axis, shape (groups,).
        series
            Name → values or estimates, shape (groups,).

        Raises
        ------
        ValueError
            As in `lines`.
        """
        for name, values in series.items():
            middle, low, high = self._numbers(name, values, len(groups))
            trace: dict[str, Any] = {"type": "bar", "x": list(groups), "y": middle}
            trace |= _error_bars(middle, low, high)
            if "error_y" in trace:
                trace["error_y"]["color"] = GREY  # on its bar its own colour is not seen
            self._add(name, trace)
        return self

    def image(
        self, x: ArrayLike, y: ArrayLike, values: ArrayLike, label: str, limits: tuple[float, float]
    ) -> Panel:
        """Draw values on a grid of cells by their colour, with equal lengths along both axes.

        Parameters
        ----------
        x, y
            Centres of the cells, shapes (columns,) and (rows,).
        values
            Shape (columns, rows).
        label, limits
            Of the colour scale, with its unit.

        Raises
        ------
        ValueError
            If the shape of `values` is another.
        """
        rows, cells = np.asarray(values).T, (np.size(x), np.size(y))
        if rows.shape[::-1] != cells:
            raise ValueError(f"the image has shape {rows.shape[::-1]} where {cells} is needed")
        scale = {"zmin": limits[0], "zmax": limits[1], "colorscale": "Cividis"}
        trace = {"type": "heatmap", "x": x, "y": y, "z": rows, "colorbar": {"title": label}}
        self._add("", trace | scale)
        self._axes["y"]["scaleanchor"] = "x"
        return self

    def shade(self, low: float, high: float) -> Panel:
        """Shade what lies between two values of the horizontal axis."""
        ends = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "domain"}
        look = {"type": "rect", "fillcolor": GREY, "opacity": 0.2, "line_width": 0}
        self._shapes.append(look | ends)
        return self

    def level(self, value: float) -> Panel:
        """Draw a dotted line across the panel at a value of the vertical axis."""
        ends = {"x0": 0, "x1": 1, "y0": value, "y1": value, "xref": "domain"}
        self._shapes.append({"type": "line", "line_dash": "dot", "line_color": GREY} | ends)
        return self

    def _add(self, name: str, trace: Mapping[str, Any]) -> None:
        self._traces.append({"type": "scatter", "name": name, **trace})

    def _axis(self, axis: str, label: str) -> dict[str, Any]:
        content: dict[str, Any] = {"title": label}
        limits = self._limits[axis]
        if axis not in self._log:
            return content | ({"range": list(limits)} if limits else {})
        if limits is None:
            return content | {"type": "log"}
        if min(limits) <= 0:
            raise ValueError(f"a logarithmic axis cannot reach {min(limits)}: see {axis}lim")
        ends = [float(end) for end in np.log10(limits)]
        ticks = {"dtick": 1} if abs(ends[1] - ends[0]) >= _DECADES else {}
        return content | {"type": "log", "range": ends} | ticks

    def _numbers(
        self, name: str, values: Any, length: int
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Values of a series, and the ends of its intervals if it has any."""
        columns = _columns(values)
        if columns.shape[1:] != (length,):
            raise ValueError(f"{name!r} has shape {columns.shape[1:]} where ({length},) is needed")
        if "y" in self._log:
            limits = self._limits["y"]
            if limits is None and np.nanmin(columns) <= 0:
                raise ValueError(f"{name!r} reaches zero on a logarithmic axis: give ylim")
            # Below the frame: a line then leaves it in place of ending.
            columns = columns if limits is None else np.maximum(columns, _BELOW * limits[0])
        middle, *ends = columns
        return (middle, *ends) if ends else (middle, None, None)


def _columns(values: Any) -> np.ndarray:
    """Values, shape (1, points); of estimates value, low and high, shape (3, points)."""
    entries = list(values)
    if entries and all(isinstance(entry, Estimate) for entry in entries):
        return np.array([(entry.value, entry.low, entry.high) for entry in entries]).T
    return np.asarray(entries, float)[np.newaxis]


def _error_bars(
    middle: np.ndarray, low: np.ndarray | None, high: np.ndarray | None
) -> dict[str, Any]:
    if low is None or high is None:
        return {}
    ends = {"array": high - middle, "arrayminus": middle - low}
    return {"error_y": {"type": "data", "width": 3, **ends}}


def assemble(panels: Sequence[Panel]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout, in plotly's terms, of one panel or of two side by side.

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
    names = list(dict.fromkeys(t["name"] for p in panels for t in p._traces if t["name"]))
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
        layout[f"xaxis{suffix}"] = panel._axes["x"] | {"domain": domain, "anchor": f"y{suffix}"}
        layout[f"yaxis{suffix}"] = panel._axes["y"] | {"anchor": f"x{suffix}"}
        for trace in panel._traces:
            place = names.index(trace["name"]) if trace["name"] else 0
            styled = _styled(trace, place) | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            if styled.get("showlegend", True):
                styled["showlegend"] = trace["name"] not in {*listed, ""}
                listed.add(trace["name"])
            traces.append(styled)
        shapes = [_on(shape, suffix) for shape in panel._shapes]
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
            look["marker_size"] = [_LARGE if filled else _SMALL for filled in chosen]
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
