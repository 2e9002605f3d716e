"""Figures to move: live in JupyterLab, and on the built page without kernel or network.

`explore` calls ``draw`` for every setting of its sliders and keeps the pictures. On a page plain
HTML sliders choose among them, by mouse or keyboard. In JupyterLab the same call shows widgets that
call ``draw`` anew. Text and grid follow the theme of the page.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import plotly.graph_objects as go

from hepml_lib.page.assembly import assemble
from hepml_lib.page.panels import Panel
from hepml_lib.page.pictures import TEMPLATE, Picture, Slider, plain
from hepml_lib.page.static import STYLE, markup
from hepml_lib.plots.drawing import check_words

__all__ = ["Exploration", "Panel", "Slider", "explore"]

_SLIDERS = 2

Drawn = Panel | Sequence[Panel] | tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]
Draw = Callable[..., Drawn]


class Exploration:
    """A figure with sliders; it shows itself at the end of a cell. Made by `explore`.

    Parameters
    ----------
    draw : callable
        As in `explore`.
    sliders : mapping
        Name of an argument of `draw` → its `Slider`.
    alt, caption : str
        As in `explore`.

    Raises
    ------
    TypeError, ValueError
        If the first picture cannot be drawn.
    """

    def __init__(self, draw: Draw, sliders: Mapping[str, Slider], alt: str, caption: str) -> None:
        self.draw, self.sliders, self.alt, self.caption = draw, dict(sliders), alt, caption
        self._last: tuple[object, list[dict[str, Any]]] = (None, [])
        self._start = self.picture(*(slider.start for slider in self.sliders.values()))

    def __repr__(self) -> str:
        return f"Figure with sliders: {self.caption}\n{self.alt}"

    def picture(self, *positions: int) -> Picture:
        """What is drawn at one position of each slider.

        Parameters
        ----------
        *positions : int
            Position of each slider, counted from 0, in their order.

        Returns
        -------
        Picture
            Traces, layout and title as plain data.

        Raises
        ------
        TypeError, ValueError
            If ``draw`` returns no panel, or plotly does not know an entry of what it returns.
        """
        chosen = {
            name: slider.values[k]
            for (name, slider), k in zip(self.sliders.items(), positions, strict=True)
        }
        drawn: Any = self.draw(**chosen)
        panels = [drawn] if isinstance(drawn, Panel) else drawn
        if isinstance(panels, Sequence) and all(isinstance(panel, Panel) for panel in panels):
            drawn = assemble(panels)
        if not (isinstance(drawn, tuple) and len(drawn) == 2):
            raise TypeError(
                f"draw({_arguments(chosen)}) returned a {type(drawn).__name__}; return a Panel, or "
                "a list of two"
            )
        traces = self._plain_traces(drawn[0])
        layout = plain(go.Layout(drawn[1]).to_plotly_json())
        layout.pop("template", None)
        title = layout.pop("title", {}).get("text", "")
        return Picture(traces, layout, title)

    def _plain_traces(self, traces: Any) -> list[dict[str, Any]]:
        # The same tuple means that only the layout changed, as when an event is turned.
        if traces is not self._last[0] or not isinstance(traces, tuple):
            data = go.Figure(list(traces)).data
            self._last = traces, [plain(trace.to_plotly_json()) for trace in data]
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
        """Markup for a page that has plotly.js, with every picture.

        Returns
        -------
        str
            As `static.markup` writes it.

        Raises
        ------
        ValueError
            If the pictures differ in their kinds of traces, or take more than 1.5 MB.
        """
        return markup(list(self.sliders.values()), self.pictures, self.alt, self.caption)

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
            go.Figure(self._start.traces, {"template": TEMPLATE} | self._start.layout)
        )
        reading = ipywidgets.HTML(_reading(self._start.title))

        def redraw(_: object) -> None:
            new = self.picture(*(control.value for control in controls))
            with figure.batch_update():
                for trace, content in zip(figure.data, new.traces, strict=True):
                    _replace(trace, content, keep={"type", "uid"})
                _replace(figure.layout, new.layout, keep={"template"})
            reading.value = _reading(new.title)

        for control in controls:
            control.observe(redraw, names="value")
        alt = f'{STYLE}<p class="hepml-alt">{html.escape(self.alt)}</p>'
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
        Takes one value per slider, by name. Returns a `Panel`, or a list of two that stand side by
        side, with the same series at every setting. What no panel can draw is returned in plotly's
        terms, as a pair of traces and layout; traces in a tuple that is returned again count as
        unchanged.
    alt, caption
        Description for readers who cannot see the figure; the finding in a sentence. Plain text.
    **sliders
        One or two `Slider`, by the name of the argument that each moves. Every combination of
        their values is drawn for the page: about 50 are plenty, and ``draw`` should take well
        under a second.

    Returns
    -------
    Exploration
        End the cell with the call, and it is shown.

    Raises
    ------
    TypeError, ValueError
        If the words or the sliders will not do, or ``draw`` fails its contract.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0, 1, 2])
    >>> parabola = explore(
    ...     lambda a: Panel("x", "y", f"y = {a} x²").lines(x, {"parabola": a * x**2}),
    ...     a=Slider([1, 2], label="Curvature"),
    ...     alt="A parabola that opens upward and gets steeper with a.",
    ...     caption="A larger curvature makes the parabola steeper.",
    ... )
    >>> parabola.picture(1).traces[0]["y"], parabola.picture(1).title
    ([0.0, 2.0, 8.0], 'y = 2 x²')
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


def _replace(part: Any, content: Mapping[str, Any], keep: set[str]) -> None:
    """Make a trace or layout of a live figure what `content` says, and nothing else."""
    gone = set(part.to_plotly_json()) - set(content) - keep
    part.update(dict.fromkeys(gone) | dict(content), overwrite=True)


def _reading(title: str) -> str:
    return f'<p class="hepml-reading" role="status">{html.escape(title)}</p>'
