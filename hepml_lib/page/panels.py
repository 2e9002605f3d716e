"""Panels of a figure that responds: lines, points, bars and images, without plotly's own terms.

Wherever a series of numbers is drawn, `Estimate` objects may stand for them: then their intervals
are drawn too. How series look is decided when a figure is put together, in `assembly`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics import Estimate
from hepml_lib.page.pictures import GREY

__all__ = ["Panel"]

_SIZE = 9  # of a symbol, in pixels
_DECADES = 2  # from here on, powers of ten alone are written at a logarithmic axis
_BELOW = 0.1  # of a logarithmic axis: where values go that its range leaves out

Series = Mapping[str, ArrayLike | Sequence[Estimate]]


class Panel:
    """A pair of axes and what is drawn on it. Calls are chained.

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
    >>> panel.axes["y"]["range"], panel.traces[0]["name"]
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
        self.axes = {axis: self._axis(axis, label) for axis, label in (("x", x), ("y", y))}
        self.traces: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []

    def lines(self, x: ArrayLike, series: Series) -> Panel:
        """Draw a line for each series; where it holds estimates, with a band.

        Parameters
        ----------
        x
            Shape (points,).
        series
            Name → values or estimates, shape (points,).

        Returns
        -------
        Panel
            Itself.

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

        Returns
        -------
        Panel
            Itself.

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

        Returns
        -------
        Panel
            Itself.

        Raises
        ------
        ValueError
            As in `lines`.
        """
        for name, values in series.items():
            middle, low, high = self._numbers(name, values, np.size(x))
            trace: dict[str, Any] = {"x": x, "y": middle, "mode": "markers", "marker_size": _SIZE}
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

        Returns
        -------
        Panel
            Itself.

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

        Returns
        -------
        Panel
            Itself.

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
        self.axes["y"]["scaleanchor"] = "x"
        return self

    def shade(self, low: float, high: float) -> Panel:
        """Shade what lies between two values of the horizontal axis.

        Parameters
        ----------
        low, high
            In the unit of the axis.

        Returns
        -------
        Panel
            Itself.
        """
        ends = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "domain"}
        look = {"type": "rect", "fillcolor": GREY, "opacity": 0.2, "line_width": 0}
        self.shapes.append(look | ends)
        return self

    def level(self, value: float) -> Panel:
        """Draw a dotted line across the panel at a value of the vertical axis.

        Parameters
        ----------
        value
            In the unit of the axis.

        Returns
        -------
        Panel
            Itself.
        """
        ends = {"x0": 0, "x1": 1, "y0": value, "y1": value, "xref": "domain"}
        self.shapes.append({"type": "line", "line_dash": "dot", "line_color": GREY} | ends)
        return self

    def _add(self, name: str, trace: Mapping[str, Any]) -> None:
        self.traces.append({"type": "scatter", "name": name, **trace})

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
        decades = abs(ends[1] - ends[0])
        ticks = {"dtick": 1, "exponentformat": "power"} if decades >= _DECADES else {}
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
            columns = columns if limits is None else np.maximum(columns, _BELOW * min(limits))
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
