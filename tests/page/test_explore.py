"""Figures to move: the page holds what draw gives, and the live version calls it anew."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from hepml_lib.page.explore import Exploration, Panel, Slider, explore
from hepml_lib.page.pictures import HEIGHT, plain

WORDS = {
    "alt": "A straight line whose slope and offset two sliders change.",
    "caption": "Slope and offset are independent.",
}
SLOPES, OFFSETS = [1, 2, 3], [0.0, 0.5]


def draw(slope: int, offset: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    x = np.linspace(0, 1, 5)
    moving = {"x": x, "y": slope * x + offset, "line_shape": "hvh", "name": "moving"}
    fixed = {"type": "bar", "x": [0, 1], "y": [1, 1]}
    return [moving, fixed], {"title": f"slope {slope}", "xaxis_title": "x", "height": 300}


def line(**options: Any) -> Exploration:
    words = WORDS | {k: options.pop(k) for k in ("alt", "caption") if k in options}
    sliders = {"slope": Slider(SLOPES, "Slope"), "offset": Slider(OFFSETS, "Offset", "GeV")}
    return explore(options.pop("draw", draw), **words, **(sliders | options))


def record(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


class TestPage:
    def test_frames_are_what_draw_gives(self) -> None:
        content = record(line().html())
        for number, (slope, offset) in enumerate((a, b) for a in SLOPES for b in OFFSETS):
            picture = content["pictures"][number]
            moving, _ = (content["parts"][k] for k in picture["traces"])
            assert moving["y"] == pytest.approx(slope * np.linspace(0, 1, 5) + offset)
            assert picture["title"] == f"slope {slope}"

    def test_short_names_of_plotly_are_written_out(self) -> None:
        """plotly.js knows no underscores: an axis title would be lost without a word."""
        picture = line().picture(0, 0)
        assert picture.layout["xaxis"] == {"title": {"text": "x"}}
        assert picture.traces[0]["line"] == {"shape": "hvh"}

    def test_what_pictures_share_is_there_once(self) -> None:
        content = record(line().html())
        fixed = {picture["traces"][1] for picture in content["pictures"]}
        assert len(fixed) == 1
        assert len({picture["layout"] for picture in content["pictures"]}) == 1

    def test_every_slider_has_its_label_and_texts(self) -> None:
        html = line().html()
        assert re.findall(r"<label><span>(\w+)</span><input type=\"range\"", html) == [
            "Slope",
            "Offset",
        ]
        assert record(html)["texts"] == [["1", "2", "3"], ["0 GeV", "0.5 GeV"]]

    def test_words_and_size(self) -> None:
        html = line(alt='A line that rises, "steep" & <straight> to the top.').html()
        alt = "A line that rises, &quot;steep&quot; &amp; &lt;straight&gt; to the top."
        assert f'role="img" aria-label="{alt}"' in html
        assert f"<noscript>{alt}</noscript>" in html
        assert f"<figcaption>{WORDS['caption']}" in html
        assert "in JupyterLab the figure is live" in html
        assert "height:300px" in html
        assert explore(lambda a: ([], {}), a=Slider([1], "a"), **WORDS).picture(0).height == HEIGHT

    def test_the_build_finds_that_plotly_is_needed(self) -> None:
        assert "window.Plotly" in line().html()

    def test_a_label_cannot_end_the_script(self) -> None:
        html = line(
            slope=Slider(["</script><b>"], "Slope"), draw=lambda slope, offset: ([], {})
        ).html()
        assert record(html)["texts"][0] == ["</script><b>"]

    def test_the_same_figure_is_the_same_page(self) -> None:
        assert line().html() == line().html()
        name = re.compile(r'id="(explore-[0-9a-f]{12})"')
        assert name.findall(line().html()) != name.findall(line(caption="Another finding.").html())

    def test_too_large_a_page_is_refused(self) -> None:
        def heavy(a: int) -> Any:
            return [{"y": np.random.default_rng(a).normal(size=20_000)}], {}

        figure = explore(heavy, a=Slider(range(12), "a"), **WORDS)
        with pytest.raises(ValueError, match=r"12 pictures take 2\.\d MB and a page bears 1\.5"):
            figure.html()

    def test_numbers_as_json_has_them(self) -> None:
        value = {"a": np.array([[1, 2]]), "b": (np.float32(1 / 3), float("nan"), np.inf), "c": True}
        assert plain(value) == {"a": [[1, 2]], "b": [0.333333, None, None], "c": True}


class TestLive:
    def test_the_sliders_call_draw(self) -> None:
        figure = line()
        slope, offset, reading, plot, *_ = figure.widget.children
        slope.value = 2
        offset.value = 1
        assert np.asarray(plot.data[0].y) == pytest.approx(3 * np.linspace(0, 1, 5) + 0.5)
        assert "slope 3" in reading.value

    def test_values_that_the_page_has_not_computed(self) -> None:
        """The live figure sees what a reader changes in the notebook."""
        offsets = {"now": 0.0}
        figure = explore(
            lambda a: ([{"y": [a + offsets["now"]]}], {}), a=Slider([1, 2], "a"), **WORDS
        )
        figure.html()
        control, _, plot, *_ = figure.widget.children
        offsets["now"] = 10.0
        control.value = 1
        assert list(plot.data[0].y) == [12.0]

    def test_nothing_stays_of_the_last_picture(self) -> None:
        def shrinking(n: int) -> Any:
            boxes = [{"type": "rect", "x0": k, "x1": k + 1, "y0": 0, "y1": 1} for k in range(n)]
            colour = {"marker_color": "red"} if n else {}
            return [{"y": [n], **colour}], {"shapes": boxes} if n else {}

        control, _, plot, *_ = explore(shrinking, n=Slider([2, 1, 0], "n"), **WORDS).widget.children
        assert len(plot.layout.shapes) == 2
        control.value = 1
        assert len(plot.layout.shapes) == 1
        control.value = 2
        assert len(plot.layout.shapes) == 0
        assert plot.data[0].marker.color is None

    def test_it_starts_where_the_slider_does(self) -> None:
        figure = line(slope=Slider(SLOPES, "Slope", start=2))
        assert figure.widget.children[0].value == 2
        assert figure.widget.children[3].data[0].y[-1] == 3
        assert 'max="2" step="1" value="2"' in figure.html()

    def test_both_versions_are_there_without_a_front_end(self) -> None:
        bundle = line()._repr_mimebundle_()
        assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(
            bundle
        )
        assert WORDS["caption"] in bundle["text/plain"]


class TestContract:
    def test_a_panel_or_two_will_do(self) -> None:
        def panel(a: int) -> Panel:
            return Panel("x", "y", f"slope {a}").lines([0, 1], {"line": [0, a]})

        picture = explore(panel, a=Slider([2], "a"), **WORDS).picture(0)
        assert (picture.traces[0]["y"], picture.title) == ([0, 2], "slope 2")
        assert "template" not in picture.layout
        beside = explore(lambda a: [panel(a), panel(-a)], a=Slider([2], "a"), **WORDS).picture(0)
        assert [trace["y"] for trace in beside.traces] == [[0, 2], [0, -2]]

    def test_a_list_that_draw_changes_is_read_again(self) -> None:
        traces: list[dict[str, Any]] = [{"y": [0]}]

        def change(a: int) -> Any:
            traces[0]["y"] = [a]
            return traces, {}

        figure = explore(change, a=Slider([1, 2], "a"), **WORDS)
        assert [p.traces[0]["y"] for p in figure.pictures] == [[1], [2]]

    @pytest.mark.parametrize(
        ("drawn", "error", "message"),
        [
            (None, TypeError, r"draw\(a=1\) returned a NoneType"),
            (([{"y": [1], "colour": "red"}], {}), ValueError, "colour"),
            (([], {"titel": "x"}), ValueError, "titel"),
        ],
    )
    def test_what_draw_must_return(self, drawn: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            explore(lambda a: drawn, a=Slider([1], "a"), **WORDS)

    def test_traces_must_not_come_and_go(self) -> None:
        figure = explore(lambda a: ([{"y": [1]}] * a, {}), a=Slider([1, 2], "a"), **WORDS)
        with pytest.raises(ValueError, match="different traces at different settings"):
            figure.html()

    def test_words_are_required(self) -> None:
        with pytest.raises(ValueError, match="describe the figure"):
            line(alt="A line.")
        with pytest.raises(ValueError, match="are the same"):
            line(caption=WORDS["alt"])
        with pytest.raises(TypeError, match="alt"):
            explore(draw, caption="x", slope=Slider([1], "Slope"))  # type: ignore[call-arg]

    def test_sliders(self) -> None:
        with pytest.raises(ValueError, match="not 0"):
            explore(lambda: ([], {}), **WORDS)
        with pytest.raises(ValueError, match=r"not 3: \['slope', 'offset', 'third'\]"):
            line(third=Slider([1], "Third"))
        with pytest.raises(TypeError, match=r"slope is a list: write Slider\("):
            line(slope=[1, 2])
        with pytest.raises(ValueError, match="has 0 values"):
            Slider([], "Slope")
        with pytest.raises(ValueError, match="starts at 3"):
            Slider([1, 2], "Slope", start=3)
