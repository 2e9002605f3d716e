"""Pictures in plotly's terms, as plain data, with their look and the sliders that choose one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepml_lib.plots.drawing import COLOURS

__all__ = ["GREY", "HEIGHT", "TEMPLATE", "Picture", "Slider", "plain"]

HEIGHT = 430  # pixels, unless the layout says another

# Default of all text. The page turns just this colour into that of its own text.
GREY = "rgb(127, 127, 127)"
_AXIS = {
    "automargin": True,
    "gridcolor": "rgba(127, 127, 127, 0.2)",
    "linecolor": GREY,
    "mirror": "ticks",
    "showline": True,
    "tickcolor": GREY,
    "ticks": "inside",
    "title": {"standoff": 8},
    "zeroline": False,
}
TEMPLATE = {
    "data": {"scatter": [{"line": {"dash": d}} for d in ("solid", "dash", "dashdot", "dot")]},
    "layout": {
        "colorway": list(COLOURS),
        "font": {"color": GREY, "family": "system-ui, sans-serif", "size": 14},
        "legend": {"x": 0.98, "xanchor": "right", "y": 0.98, "yanchor": "top"},
        "margin": {"l": 60, "r": 15, "t": 15, "b": 50},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "scene": {"bgcolor": "rgba(0, 0, 0, 0)"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
}


@dataclass(frozen=True)
class Slider:
    """Values that a slider takes, in order.

    Parameters
    ----------
    values
        Numbers or names.
    label, unit
        What the reader sees.
    start
        Position of the first picture, counted from 0.

    Raises
    ------
    ValueError
        If `start` is no position of the values.

    Examples
    --------
    >>> Slider([10, 20, 30.5], label="Half width", unit="GeV").text(2)
    '30.5 GeV'
    """

    values: Sequence[Any]
    label: str
    unit: str = ""
    start: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.values):
            raise ValueError(
                f"slider {self.label!r} has {len(self.values)} values and starts at {self.start}"
            )

    def text(self, position: int) -> str:
        """Value at a position, with its unit.

        Parameters
        ----------
        position : int
            Counted from 0.

        Returns
        -------
        str
            Such as ``"30.5 GeV"``.
        """
        value = self.values[position]
        number = isinstance(value, (int, float, np.number))
        return f"{value:g} {self.unit}".rstrip() if number else f"{value} {self.unit}".rstrip()


@dataclass(frozen=True)
class Picture:
    """What plotly draws at one setting: plain lists, dicts and numbers, as JSON has them.

    Parameters
    ----------
    traces, layout
        Of a plotly figure.
    title
        Of the layout, which stands as text above the figure: there it wraps on a narrow page, and
        is read aloud when it changes.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    title: str

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.layout.get("height", HEIGHT))


def plain(value: Any) -> Any:
    """The same as JSON has it: lists for arrays, six significant digits, null for NaN.

    Parameters
    ----------
    value
        Numbers, arrays, and lists and mappings of them.

    Returns
    -------
    object
        Dicts, lists, numbers, strings and None.
    """
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (np.ndarray, list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
