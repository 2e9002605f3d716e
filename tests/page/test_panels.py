"""Panels: what is drawn is what was given, and series are told apart without colour too."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from hepml_lib.metrics import Estimate
from hepml_lib.page.assembly import assemble
from hepml_lib.page.panels import Panel
from hepml_lib.page.pictures import plain

X = np.array([1.0, 2.0, 3.0])
ESTIMATES = [Estimate(v, v - 0.1, v + 0.3, "toys") for v in (0.5, 0.6, 0.7)]


def panel(**options: Any) -> Panel:
    return Panel("Mass [GeV]", "Events", "three events", **options)


def drawn(*panels: Panel) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout as a page has them: plotly knows every entry."""
    traces, layout = assemble(panels)
    figure = go.Figure(traces, layout)
    return [plain(t.to_plotly_json()) for t in figure.data], plain(figure.layout.to_plotly_json())


class TestSeries:
    def test_a_line_is_its_points(self) -> None:
        (line,), layout = drawn(panel().lines(X, {"signal": X**2}))
        assert (line["x"], line["y"], line["mode"]) == ([1, 2, 3], [1, 4, 9], "lines")
        assert layout["xaxis"]["title"]["text"] == "Mass [GeV]"
        assert layout["title"]["text"] == "three events"

    def test_a_line_of_estimates_has_their_band(self) -> None:
        (low, high, middle), _ = drawn(panel().lines(X, {"signal": ESTIMATES}))
        assert middle["y"] == [0.5, 0.6, 0.7]
        assert (low["y"], high["y"]) == ([0.4, 0.5, 0.6], [0.8, 0.9, 1.0])
        assert high["fill"] == "tonexty"
        assert "fill" not in low
        assert [t["showlegend"] for t in (low, high, middle)] == [False, False, True]

    def test_steps_reach_both_outer_edges(self) -> None:
        (steps,), _ = drawn(panel().steps([0, 10, 20], {"QCD": [3.0, 1.0]}))
        assert (steps["x"], steps["y"]) == ([0, 10, 20], [3, 1, 1])
        assert steps["line"]["shape"] == "hv"

    @pytest.mark.parametrize("kind", ["points", "bars"])
    def test_estimates_have_asymmetric_error_bars(self, kind: str) -> None:
        (trace,), _ = drawn(getattr(panel(), kind)(list(X), {"signal": ESTIMATES}))
        assert trace["y"] == [0.5, 0.6, 0.7]
        assert trace["error_y"]["array"] == [0.3, 0.3, 0.3]
        assert trace["error_y"]["arrayminus"] == [0.1, 0.1, 0.1]

    def test_the_chosen_point_is_filled_and_larger(self) -> None:
        (points,), _ = drawn(panel().points(X, {"all": X}, chosen=[False, True, False]))
        assert points["marker"]["symbol"] == ["circle-open", "circle", "circle-open"]
        small, large, _ = points["marker"]["size"]
        assert large > small

    def test_an_image_stands_as_its_axes_say(self) -> None:
        """Columns run along x: the brightest cell keeps its place."""
        cells = np.zeros((2, 3))
        cells[1, 2] = 5.0
        (image,), layout = drawn(panel().image([0, 1], [0, 1, 2], cells, "pT share", (0, 5)))
        assert image["z"][2][1] == 5.0
        assert layout["yaxis"]["scaleanchor"] == "x"
        with pytest.raises(ValueError, match=r"shape \(3, 2\) where \(2, 3\)"):
            panel().image([0, 1], [0, 1, 2], cells.T, "pT share", (0, 5))

    def test_a_length_that_does_not_fit(self) -> None:
        with pytest.raises(ValueError, match=r"'signal' has shape \(2,\) where \(3,\)"):
            panel().lines(X, {"signal": [1.0, 2.0]})
        with pytest.raises(ValueError, match=r"where \(2,\)"):
            panel().steps(X, {"signal": [1.0, 2.0, 3.0]})


class TestLook:
    def test_series_differ_in_more_than_colour(self) -> None:
        names = {f"series {k}": X for k in range(6)}
        looks = {
            "lines": lambda t: t["line"]["dash"],
            "points": lambda t: t["marker"]["symbol"],
            "bars": lambda t: t["marker"]["pattern"]["shape"],
        }
        for kind, look in looks.items():
            traces, _ = drawn(getattr(panel(), kind)(X, names))
            assert len({look(trace) for trace in traces}) == 6

    def test_a_name_keeps_its_colour_and_has_one_entry(self) -> None:
        both = panel().lines(X, {"QCD": X, "top": X}).points(X, {"top": X})
        (_, line, points), _ = drawn(both)
        assert line["line"]["color"] == points["marker"]["color"]
        assert (line["showlegend"], points["showlegend"]) == (True, False)

    def test_a_seventh_series_has_no_colour(self) -> None:
        with pytest.raises(ValueError, match="7 series: a figure shows up to 6"):
            assemble([panel().lines(X, {f"{k}": X for k in range(7)})])


class TestAxes:
    def test_a_logarithmic_axis(self) -> None:
        """Plotly takes the logarithm of the ends, and would draw nothing at zero."""
        (line,), layout = drawn(panel(log="y", ylim=(0.01, 10)).lines(X, {"rate": [0, 1, 10]}))
        assert layout["yaxis"]["range"] == [-2, 1]
        assert layout["yaxis"]["type"] == "log"
        assert "type" not in layout["xaxis"]
        assert 0 < line["y"][0] < 0.01

    def test_error_bars_end_below_a_logarithmic_frame(self) -> None:
        none = [Estimate(0.02, 0.0, 0.05, "Clopper-Pearson")]
        (points,), _ = drawn(panel(log="y", ylim=(0.01, 1)).points([1.0], {"rate": none}))
        assert points["error_y"]["arrayminus"] == pytest.approx([0.019])

    def test_what_a_logarithmic_axis_cannot_show(self) -> None:
        with pytest.raises(ValueError, match="'rate' reaches zero on a logarithmic axis"):
            panel(log="y").lines(X, {"rate": [0, 1, 2]})
        with pytest.raises(ValueError, match="cannot reach 0"):
            panel(log="x", xlim=(0, 3))
        with pytest.raises(ValueError, match="write 'x', 'y' or 'xy'"):
            panel(log="z")

    def test_marks_span_their_panel(self) -> None:
        left, right = panel().shade(1, 2), panel().level(0.05)
        _, layout = drawn(left, right)
        shade, level = layout["shapes"]
        assert (shade["x0"], shade["x1"], shade["xref"], shade["yref"]) == (1, 2, "x", "y domain")
        assert (level["y0"], level["y1"], level["xref"], level["yref"]) == (
            0.05, 0.05, "x2 domain", "y2",
        )  # fmt: skip

    def test_two_panels_stand_side_by_side(self) -> None:
        right = Panel("Cycles", "LUT").points([3], {"HGQ": [100]})
        (_, points), layout = drawn(panel().bars(["a"], {"trees": [0.8]}), right)
        assert (points["xaxis"], points["yaxis"]) == ("x2", "y2")
        assert layout["xaxis"]["domain"][1] < layout["xaxis2"]["domain"][0]
        assert layout["title"]["text"] == "three events"

    def test_what_cannot_be_assembled(self) -> None:
        with pytest.raises(ValueError, match="not 3"):
            assemble([panel(), panel(), panel()])
        with pytest.raises(ValueError, match="title that states the numbers"):
            assemble([Panel("x", "y")])
