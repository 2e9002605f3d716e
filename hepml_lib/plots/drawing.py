"""One figure, drawn twice: for light and for dark pages, with words for those who cannot see it."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import matplotlib as mpl
import mplhep
from cycler import cycler
from matplotlib.figure import Figure as Canvas

__all__ = ["COLOURS", "LINES", "Figure", "check_count", "check_words", "figure"]

# Petroff's six (arXiv:2107.02270), which people with any colour vision tell apart. Red is moved up,
# because orange is faint on white, and violet is a little lighter, to be seen on dark pages.
COLOURS = ("#5790fc", "#e42536", "#f89c20", "#964a8b", "#9c9ca1", "#8432e9")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))

_INK = {"light": "#222832", "dark": "#ced6dd"}
_SHORTEST_ALT = 30
_PIXELS_PER_INCH = 96
_PLAIN = " '=:/;,()-.!*?+"  # what stands in a data address as it is
_LARGEST_SVG = 250_000  # characters; beyond it an image of points is smaller and faster to show

# The book marks its theme on <html>, JupyterLab on <body>; anything else is taken as light.
_STYLE = """<style>
.hepml-figure img { max-width: 100%; height: auto; background: none; }
.hepml-figure img.only-dark { display: none; }
html[data-theme="dark"] .hepml-figure img.only-light,
body[data-jp-theme-light="false"] .hepml-figure img.only-light { display: none; }
html[data-theme="dark"] .hepml-figure img.only-dark,
body[data-jp-theme-light="false"] .hepml-figure img.only-dark { display: block; }
.hepml-figure figcaption { max-width: 48em; margin-top: 0.5em; font-size: 0.9em; }
</style>"""


@dataclass(frozen=True)
class Figure:
    """A drawn figure; it shows itself at the end of a cell.

    Parameters
    ----------
    images
        Theme → the picture as a ``data:`` address.
    width, height
        In pixels of the page.
    alt, caption
        Description for readers who cannot see it; the finding.
    """

    images: Mapping[str, str]
    width: int
    height: int
    alt: str
    caption: str

    def __repr__(self) -> str:
        return f"Figure: {self.caption}\n{self.alt}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        pictures = "".join(
            f'<img class="only-{theme}" src="{address}" width="{self.width}" '
            f'height="{self.height}" alt="{html.escape(self.alt)}">'
            for theme, address in self.images.items()
        )
        # The theme of the book hides a caption that is a sibling of a picture for the other theme.
        page = (
            f'{_STYLE}<figure class="hepml-figure" role="group"><div>{pictures}</div>'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )
        return {"text/html": page, "text/plain": repr(self)}

    def show(self) -> None:
        """Display the figure before the end of a cell."""
        from IPython.display import display

        display(self)


def figure(
    draw: Callable[[Any], None],
    *,
    alt: str,
    caption: str,
    size: tuple[float, float] = (6.4, 4.2),
    columns: int = 1,
) -> Figure:
    """Figure that ``draw(ax)`` draws, called once for light and once for dark pages.

    Parameters
    ----------
    draw
        Takes one matplotlib Axes, or with `columns` above 1 a list of them. It must draw the same
        thing each time it is called, and leave the colour of text and axes to the style.
    alt
        What the figure shows, for readers who cannot see it: a sentence of 30 characters or more.
    caption
        The finding, in a sentence; another text than `alt`. Both are plain text: τ₃₂, not TeX.
    size
        Width and height of one column [inch].
    columns
        How many Axes stand side by side.

    Returns
    -------
    Figure
        Shows itself at the end of a cell.

    Raises
    ------
    ValueError
        If `alt` or `caption` is too short or holds TeX, or if both are the same.

    Examples
    --------
    >>> line = figure(
    ...     lambda ax: ax.plot([0, 1], [0, 2]),
    ...     alt="A straight line that rises from zero to two.",
    ...     caption="The response is linear.",
    ... )
    >>> sorted(line.images)
    ['dark', 'light']
    """
    check_words(alt, caption)
    images = {theme: _drawn(draw, ink, size, columns) for theme, ink in _INK.items()}
    width, height = (round(_PIXELS_PER_INCH * inches) for inches in (size[0] * columns, size[1]))
    return Figure(images, width, height, alt, caption)


def check_words(alt: str, caption: str) -> None:
    """Refuse a figure without words of its own for those who cannot see it.

    Parameters
    ----------
    alt, caption
        As in `figure`.

    Raises
    ------
    ValueError
        If one is too short or holds TeX, or if both are the same.
    """
    if len(alt.strip()) < _SHORTEST_ALT:
        raise ValueError(
            f"alt is {alt!r}: describe the figure in a sentence of {_SHORTEST_ALT} characters or "
            "more, for readers who cannot see it"
        )
    if not caption.strip():
        raise ValueError("the caption is empty: state in a sentence what the figure shows")
    if caption.strip() == alt.strip():
        raise ValueError(
            "caption and alt are the same: alt describes, the caption states the finding"
        )
    for name, text in {"alt": alt, "caption": caption}.items():
        if "$" in text or "\\" in text:
            raise ValueError(f"{name} is plain text, without TeX: write pT, τ₃₂ or ε_S in {text!r}")


def check_count(things: Collection[str], what: str) -> None:
    """Refuse more curves than there are colours to tell them apart, and none.

    Parameters
    ----------
    things
        Names of the curves.
    what
        What they are called in the message, such as ``"curves"``.

    Raises
    ------
    ValueError
        If there are none, or more than six.
    """
    if not 1 <= len(things) <= len(COLOURS):
        raise ValueError(
            f"{len(things)} {what}: a figure shows between 1 and {len(COLOURS)}, as many as there "
            "are colours that everybody tells apart"
        )


def _drawn(draw: Callable[[Any], None], ink: str, size: tuple[float, float], columns: int) -> str:
    """The figure as a ``data:`` address, with ink of the given colour."""
    with mpl.rc_context(_look(ink)):
        canvas = Canvas(figsize=(size[0] * columns, size[1]), layout="constrained")
        axes = list(canvas.subplots(1, columns, squeeze=False)[0])
        draw(axes[0] if columns == 1 else axes)
        # No date and no version, so that the same figure is the same file.
        drawing = _compact(_saved(canvas, "svg", {"Date": None, "Creator": None}).decode())
        if len(drawing) <= _LARGEST_SVG:
            # As text, since base64 makes a third more of it; for the attribute of a page.
            return f"data:image/svg+xml,{quote(drawing, safe=_PLAIN)}"
        image = base64.b64encode(_saved(canvas, "png", {"Software": None})).decode()
    return f"data:image/png;base64,{image}"


def _compact(svg: str) -> str:
    """The same drawing in fewer bytes, for the attribute of a page."""

    def shortened(place: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", place[0])

    svg = re.sub(r' d="[^"]*"| [xy]="[^"]*"|translate\([^)]*\)', shortened, svg)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", re.sub(r">\s+<", "><", svg))
    svg = _short_names(_without_repeated_strokes(svg))
    return svg.replace("'", "&apos;").replace('"', "'")


def _without_repeated_strokes(svg: str) -> str:
    """A drawing whose symbols, mostly ticks, do not repeat the stroke of their definition."""
    styled = set(re.findall(r'<path id="([^"]+)"[^>]* style="stroke', svg))

    def plain(use: re.Match[str]) -> str:
        return re.sub(r'; stroke[^;"]*', "", use[0]) if use[1] in styled else use[0]

    return re.sub(r'<use xlink:href="#([^"]+)"[^>]*>', plain, svg)


def _short_names(svg: str) -> str:
    """A drawing whose names have few signs; those that nothing refers to go, with their groups."""
    reference, definition = r'(href="|url\()#([^")]+)', r' id="([^"]*)"'
    names = dict.fromkeys(name for _, name in re.findall(reference, svg))
    short = {name: f"n{k}" for k, name in enumerate(names)}
    svg = re.sub(reference, lambda use: f"{use[1]}#{short[use[2]]}", svg)
    svg = re.sub(definition, lambda own: f' id="{short[own[1]]}"' if own[1] in short else "", svg)
    for _ in range(3):  # groups are nested as deep
        svg = re.sub(r"<g>(<(?:use|path) [^>]*/>)</g>", r"\1", svg)
    return svg


def _saved(canvas: Canvas, form: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    canvas.savefig(stream, format=form, metadata=metadata)
    return stream.getvalue()


def _look(ink: str) -> dict[Any, Any]:
    """The look of the field from mplhep, in sizes for a page and with ink for its theme."""
    inked = ["axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "text.color"]
    inked += [f"{axis}tick.{part}" for axis in "xy" for part in ("color", "labelcolor")]
    return {
        **mplhep.style.ROOT,
        **dict.fromkeys(inked, ink),
        **{f"{axis}tick.major.size": 7.0 for axis in "xy"},
        **{f"{axis}tick.minor.size": 3.5 for axis in "xy"},
        "axes.facecolor": "none",
        "axes.linewidth": 1.0,
        "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=LINES),
        "axes.titlesize": "medium",
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        # The first lacks some signs, such as subscript digits; they come from the second.
        "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
        "font.size": 13,
        "legend.handlelength": 2.2,
        "lines.linewidth": 1.8,
        "savefig.dpi": 2 * _PIXELS_PER_INCH,
        "savefig.facecolor": "none",
        "svg.hashsalt": "hepml",
    }
