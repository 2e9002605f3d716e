"""Figures to move: live in JupyterLab, and on the built page without kernel or network.

`explore` calls ``draw`` for every setting of its sliders and keeps the pictures. On a page plain HTML
sliders choose among them, by mouse or keyboard. In JupyterLab the same call shows widgets that call
``draw`` anew. Text and grid follow the theme of the page.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hepml_lib.plots.figure import COLOURS, check_words

__all__ = ["Exploration", "Picture", "Slider", "explore"]

_HEIGHT = 430  # pixels, unless the layout says another
_LIMIT = 1_500_000  # characters of HTML
_SLIDERS = 2

# Default of all text. The style sheet below turns just this colour into that of the page's text.
_GREY = "rgb(127, 127, 127)"
_AXIS = {
    "automargin": True,
    "gridcolor": "rgba(127, 127, 127, 0.2)",
    "linecolor": _GREY,
    "mirror": "ticks",
    "showline": True,
    "tickcolor": _GREY,
    "ticks": "inside",
    "title": {"standoff": 8},
    "zeroline": False,
}
_TEMPLATE = {
    "data": {"scatter": [{"line": {"dash": d}} for d in ("solid", "dash", "dashdot", "dot")]},
    "layout": {
        "colorway": list(COLOURS),
        "font": {"color": _GREY, "family": "system-ui, sans-serif", "size": 14},
        "legend": {"x": 0.98, "xanchor": "right", "y": 0.98, "yanchor": "top"},
        "margin": {"l": 60, "r": 15, "t": 15, "b": 50},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "scene": {"bgcolor": "rgba(0, 0, 0, 0)"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
}
_STYLE = f"""<style>
.hepml-explore {{ color: var(--pst-color-text-base, var(--jp-content-font-color1, inherit)); }}
.hepml-explore text[style*="fill: {_GREY}"] {{ fill: currentColor !important; }}
.hepml-explore label {{ display: grid; grid-template-columns: 13em minmax(8em, 22em) auto;
  gap: 0.8em; align-items: center; margin: 0.25em 0; }}
.hepml-explore .hepml-reading {{ min-height: 1.5em; margin: 0.6em 0 0.2em; font-weight: 600; }}
.hepml-explore .hepml-alt {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }}
@media (max-width: 40em) {{ .hepml-explore label {{ grid-template-columns: 1fr auto; }}
  .hepml-explore label span {{ grid-column: 1 / -1; }} }}
</style>"""
_SCRIPT = Path(__file__).with_suffix(".js")


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
                f"slider {self.label!r} starts at position {self.start} of {len(self.values)} values"
            )

    def text(self, position: int) -> str:
        """Value at a position, with its unit."""
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
        return int(self.layout.get("height", _HEIGHT))


Draw = Callable[..., go.Figure | tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]]


class Exploration:
    """A figure with sliders; it shows itself at the end of a cell. Made by `explore`."""

    def __init__(self, draw: Draw, sliders: Mapping[str, Slider], alt: str, caption: str) -> None:
        self.draw, self.sliders, self.alt, self.caption = draw, dict(sliders), alt, caption
        self._last: tuple[object, list[dict[str, Any]]] = (None, [])
        self._start = self.picture(*(slider.start for slider in self.sliders.values()))

    def __repr__(self) -> str:
        return f"Figure with sliders: {self.caption}\n{self.alt}"

    def picture(self, *positions: int) -> Picture:
        """What is drawn at one position of each slider.

        Raises
        ------
        TypeError, ValueError
            If ``draw`` returns no figure, or plotly does not know an entry of it.
        """
        chosen = {
            name: slider.values[k]
            for (name, slider), k in zip(self.sliders.items(), positions, strict=True)
        }
        drawn = self.draw(**chosen)
        if isinstance(drawn, go.Figure):
            drawn = drawn.data, drawn.layout.to_plotly_json()
        if not (isinstance(drawn, tuple) and len(drawn) == 2):
            raise TypeError(
                f"draw({_arguments(chosen)}) returned a {type(drawn).__name__}; return a plotly "
                "Figure, or a pair: a list of traces, and a layout"
            )
        traces = self._plain_traces(drawn[0])
        layout = _plain(go.Layout(drawn[1]).to_plotly_json())
        layout.pop("template", None)
        title = layout.pop("title", {}).get("text", "")
        return Picture(traces, layout, title)

    def _plain_traces(self, traces: Any) -> list[dict[str, Any]]:
        # The same tuple means that only the layout changed, as when an event is turned.
        if traces is not self._last[0] or not isinstance(traces, tuple):
            data = go.Figure(list(traces)).data
            self._last = traces, [_plain(trace.to_plotly_json()) for trace in data]
        return self._last[1]

    @cached_property
    def pictures(self) -> list[Picture]:
        """The picture at every setting; the last slider moves fastest.

        Raises
        ------
        ValueError
            If the number or the types of the traces change between settings.
        """
        settings = itertools.product(*(range(len(s.values)) for s in self.sliders.values()))
        pictures = [self.picture(*positions) for positions in settings]
        kinds = {tuple(trace["type"] for trace in picture.traces) for picture in pictures}
        if len(kinds) > 1:
            raise ValueError(
                f"draw returns different traces at different settings: {sorted(kinds)}; draw an "
                "empty trace where there is nothing to show"
            )
        return pictures

    def html(self) -> str:
        """Markup for a page that has plotly.js: sliders, figure, caption and every picture.

        Raises
        ------
        ValueError
            If it takes more than 1.5 MB.
        """
        sliders = list(self.sliders.values())
        texts = [[s.text(k) for k in range(len(s.values))] for s in sliders]
        record = {"texts": texts, "template": _TEMPLATE, **_shared(self.pictures)}
        data = _json(record).replace("</", "<\\/")
        name = hashlib.sha256(f"{data}{self.alt}{self.caption}".encode()).hexdigest()[:12]
        page = "\n".join(
            [
                f'<figure class="hepml-figure hepml-explore" id="explore-{name}" role="group">',
                _STYLE,
                *map(_control, sliders),
                '<p class="hepml-reading" role="status"></p>',
                f'<div class="plotly-graph-div" role="img" aria-label="{html.escape(self.alt)}" '
                f'style="width:100%;height:{self._start.height}px"></div>',
                f"<noscript>{html.escape(self.alt)}</noscript>",
                f"<figcaption>{html.escape(self.caption)} <small>The pictures were computed "
                "beforehand; in JupyterLab the figure is live.</small></figcaption>",
                f'<script type="application/json">{data}</script>',
                f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script>",
                "</figure>",
            ]
        )
        if len(page) > _LIMIT:
            raise ValueError(
                f"{len(self.pictures)} pictures take {len(page) / 1e6:.1f} MB, of which a page bears "
                f"{_LIMIT / 1e6:g}: use fewer slider values, or fewer points in a trace"
            )
        return page

    @cached_property
    def widget(self) -> Any:
        """Live version: ipywidgets sliders above a plotly figure."""
        import ipywidgets

        controls = [
            ipywidgets.SelectionSlider(
                options=[(slider.text(k), k) for k in range(len(slider.values))],
                value=slider.start,
                description=slider.label,
                style={"description_width": "13em"},
                layout={"width": "min(40em, 95%)"},
            )
            for slider in self.sliders.values()
        ]
        figure = go.FigureWidget(
            go.Figure(self._start.traces, {"template": _TEMPLATE} | self._start.layout)
        )
        reading = ipywidgets.HTML(_reading(self._start.title))

        def redraw(_: object) -> None:
            new = self.picture(*(control.value for control in controls))
            with figure.batch_update():
                for trace, content in zip(figure.data, new.traces, strict=True):
                    trace.update(content, overwrite=True)
                gone = set(figure.layout.to_plotly_json()) - set(new.layout) - {"template"}
                figure.layout.update(dict.fromkeys(gone) | new.layout, overwrite=True)
            reading.value = _reading(new.title)

        for control in controls:
            control.observe(redraw, names="value")
        alt = f'{_STYLE}<p class="hepml-alt">{html.escape(self.alt)}</p>'
        caption = f"<p>{html.escape(self.caption)}</p>"
        box = ipywidgets.VBox(
            [*controls, reading, figure, ipywidgets.HTML(alt), ipywidgets.HTML(caption)]
        )
        return box.add_class("hepml-explore")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        # JupyterLab takes the widget, a built page the HTML.
        live = self.widget._repr_mimebundle_()
        return {**live, "text/html": self.html(), "text/plain": repr(self)}

    def show(self) -> None:
        """Display the figure before the end of a cell."""
        from IPython.display import display

        display(self)


def explore(draw: Draw, *, alt: str, caption: str, **sliders: Slider) -> Exploration:
    """Figure whose sliders call ``draw(**values)``.

    Parameters
    ----------
    draw
        Takes one value per slider, by name. Returns a plotly Figure, or its traces (a list of dicts)
        and its layout (a dict). Every setting has the same number and types of traces; fixed ranges
        of the axes keep the picture calm. A tuple of traces that is returned again counts as unchanged.
    alt, caption
        Description for readers who cannot see the figure; the finding in a sentence. Plain text.
    sliders
        One or two `Slider`. Every combination of their values is drawn for the page, so about 50 are
        plenty, and ``draw`` should take well under a second.

    Raises
    ------
    TypeError, ValueError
        If the words or the sliders will not do, or ``draw`` fails its contract.

    Examples
    --------
    >>> parabola = explore(
    ...     lambda a: ([{"x": [0, 1, 2], "y": [0, a, 4 * a]}], {"title": f"a = {a}"}),
    ...     a=Slider([1, 2], label="Curvature"),
    ...     alt="A parabola that opens upward and gets steeper with a.",
    ...     caption="A larger curvature makes the parabola steeper.",
    ... )
    >>> parabola.picture(1).traces[0]["y"]
    [0, 2, 8]
    """
    check_words(alt, caption)
    if not 1 <= len(sliders) <= _SLIDERS:
        raise ValueError(f"explore takes one or two sliders, not {len(sliders)}: {list(sliders)}")
    for name, slider in sliders.items():
        if not isinstance(slider, Slider):
            raise TypeError(
                f'{name} is a {type(slider).__name__}: write Slider(values, label="...")'
            )
    return Exploration(draw, sliders, alt, caption)


def _arguments(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _plain(value: Any) -> Any:
    """The same as JSON has it: lists for arrays, six significant digits, null for NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (np.ndarray, list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _shared(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Pictures for the page: what several have in common is there once, and named by its number."""
    parts: dict[str, int] = {}

    def number(part: dict[str, Any]) -> int:
        return parts.setdefault(_json(part), len(parts))

    listed = [
        {
            "title": picture.title,
            "traces": [number(trace) for trace in picture.traces],
            "layout": number(picture.layout),
        }
        for picture in pictures
    ]
    return {"pictures": listed, "parts": [json.loads(part) for part in parts]}


def _control(slider: Slider) -> str:
    return (
        f"<label><span>{html.escape(slider.label)}</span>"
        f'<input type="range" min="0" max="{len(slider.values) - 1}" step="1" '
        f'value="{slider.start}" autocomplete="off"><output></output></label>'
    )


def _reading(title: str) -> str:
    return f'<p class="hepml-reading" role="status">{html.escape(title)}</p>'
