"""Figures: words are required, both themes are there, and colours are told apart."""

from __future__ import annotations

import inspect
import itertools
import re
import warnings
from collections.abc import Callable
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.axes import Axes

from hepml_lib import plots
from hepml_lib.metrics import Estimate
from hepml_lib.plots import drawing

ALT = "A straight line that rises from zero to two."
CAPTION = "The response is linear."
WORDS = {"alt": ALT, "caption": CAPTION}


def line(ax: Axes) -> None:
    ax.plot([0, 1], [0, 2])


def page(shown: plots.Figure) -> str:
    return shown._repr_mimebundle_()["text/html"]


def pictures(shown: plots.Figure) -> dict[str, bytes]:
    """Decoded files by theme."""
    return {k: urlopen(v).read() for k, v in shown.images.items()}


class TestWords:
    @pytest.mark.parametrize(
        ("alt", "caption", "message"),
        [
            ("", CAPTION, "alt is ''"),
            ("A line.", CAPTION, "30 characters"),
            (" " * 40, CAPTION, "describe the figure"),
            (ALT, "", "caption is empty"),
            (ALT, f" {ALT} ", "are the same"),
            (ALT, r"The ratio $\tau_{32}$ is small.", "without TeX"),
            (f"{ALT} It has slope $m$.", CAPTION, "alt is plain text"),
        ],
    )
    def test_a_figure_without_words_is_refused(self, alt: str, caption: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plots.figure(line, alt=alt, caption=caption)

    @pytest.mark.parametrize(
        "draw",
        [plots.figure, plots.histogram, plots.jet_images, plots.roc, plots.training, plots.scaling],
    )
    def test_words_cannot_be_left_out(self, draw: Callable[..., plots.Figure]) -> None:
        required = {
            name
            for name, parameter in inspect.signature(draw).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        }
        assert {"alt", "caption"} <= required

    def test_words_are_shown_as_written(self) -> None:
        shown = plots.figure(line, alt=f'{ALT} <b> & "c"', caption="pT < 5 & η > 0")
        assert "pT &lt; 5 &amp; η &gt; 0" in page(shown)
        assert "&lt;b&gt; &amp; &quot;c&quot;" in page(shown)
        assert shown._repr_mimebundle_()["text/plain"] == repr(shown)
        assert "pT < 5" in repr(shown)


class TestThemes:
    def test_one_picture_for_each_theme(self) -> None:
        shown = plots.figure(line, **WORDS)
        for theme in ("light", "dark"):
            assert len(re.findall(f'<img class="only-{theme}"[^>]* alt="{ALT}"', page(shown))) == 1
        files = pictures(shown)
        assert drawing._INK["light"].encode() in files["light"]
        assert drawing._INK["dark"].encode() in files["dark"]
        assert drawing._INK["dark"].encode() not in files["light"]

    def test_both_hosts_choose_a_theme(self) -> None:
        for host in ('html[data-theme="dark"]', 'body[data-jp-theme-light="false"]'):
            assert page(plots.figure(line, **WORDS)).count(host) == 2

    def test_the_caption_is_no_sibling_of_a_picture(self) -> None:
        """The book's theme hides captions that are siblings of the picture for the other theme."""
        assert re.search(
            r"<div><img [^>]*><img [^>]*></div><figcaption>", page(plots.figure(line, **WORDS))
        )

    def test_the_same_figure_is_the_same_file(self) -> None:
        assert page(plots.figure(line, **WORDS)) == page(plots.figure(line, **WORDS))

    def test_no_setting_leaks(self) -> None:
        before = dict(rcParams)
        plots.figure(line, **WORDS)
        with pytest.raises(ZeroDivisionError):
            plots.figure(lambda ax: 1 / 0, **WORDS)
        assert dict(rcParams) == before

    def test_size_in_pixels_of_the_page(self) -> None:
        shown = plots.figure(
            lambda axes: [line(ax) for ax in axes], columns=2, size=(3, 2), **WORDS
        )
        assert (shown.width, shown.height) == (576, 192)
        assert 'width="576" height="192"' in page(shown)

    def test_a_crowded_figure_is_an_image_of_points(self) -> None:
        x = np.random.default_rng(1).normal(size=(2, 6000))
        shown = plots.figure(lambda ax: ax.scatter(*x), **WORDS)
        assert all(address.startswith("data:image/png") for address in shown.images.values())
        assert len(page(shown)) < 600_000
        few = plots.figure(line, **WORDS)
        assert all(address.startswith("data:image/svg+xml") for address in few.images.values())
        assert len(page(few)) < 150_000

    def test_a_drawing_is_valid_and_keeps_its_points(self) -> None:
        """Shortened numbers are right to a hundredth of a point; glyphs keep their scale."""
        shown = pictures(plots.figure(line, **WORDS))["light"].decode()
        assert ET.fromstring(shown).tag.endswith("svg")
        assert not re.search(r" d='[^']*\.\d{3}", shown)
        assert "scale(0.015625)" in shown

    def test_every_name_in_a_drawing_is_short_and_has_its_use(self) -> None:
        """Ticks, glyphs and clipped areas find what they refer to; no other name is sent."""
        shown = pictures(plots.figure(line, **WORDS))["light"].decode()
        defined = re.findall(r" id='([^']*)'", shown)
        used = re.findall(r"(?:href='|url\()#([^')]+)", shown)
        assert set(defined) == set(used)
        assert len(set(defined)) == len(defined)
        assert max(map(len, defined)) <= 4

    def test_symbols_keep_their_strokes(self) -> None:
        """Those of a line have it in their definition, those of a cloud each of its own."""
        cloud, edges = ([0, 1, 2], [0, 1, 0]), ["#123456", "#654321", "#abcdef"]
        shown = pictures(
            plots.figure(lambda ax: ax.scatter(*cloud, c="red", edgecolors=edges), **WORDS)
        )["light"].decode()
        assert all(re.search(rf"<use [^>]*stroke: {colour}", shown) for colour in edges)
        markers = pictures(plots.figure(lambda ax: ax.plot(*cloud, "o", mec="#123456"), **WORDS))
        drawing = markers["light"].decode()
        assert re.search(r"<path id='n\d+'[^>]*stroke: #123456", drawing)
        assert not re.search(r"<use [^>]*stroke: #123456", drawing)

    def test_every_sign_has_a_glyph(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plots.figure(
                lambda ax: ax.set(xlabel="τ₃₂ Δη Δφ [rad] ε_S σ² √s ± − ×", title="é ü"), **WORDS
            )


# Machado, Oliveira, Fernandes, IEEE TVCG 15 (2009) 1291, full severity, on linear RGB.
_SIGHT = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no long-wave cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle-wave cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no short-wave cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


# Ottosson 2020: linear RGB to cones, and the cones' cube roots to perceptual coordinates.
_LMS = [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
_LAB = [[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80868]]


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Perceptual coordinates, in which a distance of 0.02 is just seen."""
    return np.array(_LAB) @ np.cbrt(np.clip(np.array(_LMS) @ rgb, 0, None))


def contrast(colour: str, background: str) -> float:
    """Ratio of luminances by WCAG 2; parts of a picture need 3."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (colour, background))
    return (high + 0.05) / (low + 0.05)


class TestColours:
    @pytest.mark.parametrize("sight", _SIGHT)
    def test_any_two_are_told_apart(self, sight: str) -> None:
        seen = [oklab(np.clip(np.array(_SIGHT[sight]) @ linear(c), 0, 1)) for c in plots.COLOURS]
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.1

    def test_seen_on_both_pages(self) -> None:
        assert all(contrast(colour, "#14181e") > 3 for colour in plots.COLOURS)
        assert all(contrast(colour, "#ffffff") > 3 for colour in plots.COLOURS[:2])
        assert all(contrast(colour, "#ffffff") > 2 for colour in plots.COLOURS)

    def test_text_is_read_on_both_pages(self) -> None:
        assert contrast(drawing._INK["light"], "#ffffff") > 7
        assert contrast(drawing._INK["dark"], "#14181e") > 7

    def test_more_curves_than_colours_are_refused(self) -> None:
        estimate = {f"curve {k}": [Estimate(1, 0, 2, "")] for k in range(7)}
        with pytest.raises(ValueError, match="7 curves"):
            plots.scaling([1], estimate, xlabel="n", ylabel="y", **WORDS)
        with pytest.raises(ValueError, match="0 curves"):
            plots.roc({}, **WORDS)
