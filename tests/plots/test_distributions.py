"""Histograms are densities with Garwood intervals; an average image shares out the momentum."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import plots
from hepml_lib.plots import distributions

Labels = list[tuple[str, str, list[str]]]


class TestHistogram:
    @given(st.integers(1, 400), st.floats(0.5, 4))
    def test_area_is_the_share_inside(self, events: int, reach: float) -> None:
        x = np.random.default_rng(events).normal(size=events)
        edges = np.linspace(-reach, reach, 11)
        value, low, high = distributions.density("x", x, edges)
        assert np.sum(value * np.diff(edges)) == pytest.approx(np.mean(np.abs(x) < reach))
        assert (low <= value).all()
        assert (value <= high).all()

    def test_garwood_interval_of_small_counts(self) -> None:
        """Three events: 1.37 to 5.92; none: 0 to 1.84 (Garwood 1936, 68.27 %)."""
        _, low, high = distributions.density("x", [0.5, 0.5, 0.5], np.array([0.0, 1.0, 2.0]))
        assert 3 * low == pytest.approx([1.367, 0], abs=2e-3)
        assert 3 * high == pytest.approx([5.918, 1.841], abs=2e-3)

    def test_a_common_weight_changes_nothing(self) -> None:
        x, edges = np.random.default_rng(1).normal(size=50), np.linspace(-2, 2, 5)
        for a, b in zip(
            distributions.density("x", x, edges),
            distributions.density("x", x, edges, np.full(50, 7.0)),
            strict=True,
        ):
            assert a == pytest.approx(b)

    def test_negative_bins_have_a_normal_interval(self) -> None:
        value, low, high = distributions.density(
            "x", [0.5, 1.5], np.array([0.0, 1, 2]), [3.0, -1.0]
        )
        assert (value[1], low[1], high[1]) == pytest.approx((-0.5, -1.0, 0.0))

    @pytest.mark.parametrize(
        ("values", "weights", "message"),
        [
            ([1.0, np.nan], None, "1 of the 2 values or weights of 'top' are NaN"),
            ([], None, "nothing to draw"),
            ([1.0], {"top": [1.0, 2.0]}, "1 values and 2 weights"),
            ([1.0], {"qcd": [1.0]}, "qcd"),
        ],
    )
    def test_bad_input(
        self, words: dict[str, str], values: list[float], weights: object, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            plots.histogram({"top": values}, [0, 1, 2], label="m", weights=weights, **words)  # type: ignore[arg-type]

    def test_drawn_with_units(self, words: dict[str, str], labels: Labels) -> None:
        plots.histogram(
            {"top": [1.0], "QCD": [0.5]}, [0, 1, 2], label="Jet mass", unit="GeV", **words
        )
        assert labels[0] == ("Jet mass [GeV]", "Density [1/GeV]", ["top", "QCD"])


@pytest.fixture
def jets() -> ak.Array:
    """Three jets near φ = π, each with a constituent on its axis and one across the seam."""
    inside = {
        "pt": np.tile([90.0, 10.0], (3, 1)),
        "eta": np.tile([0.5, 0.8], (3, 1)),
        "phi": np.tile([3.1, -3.0], (3, 1)),
    }
    return ak.zip(
        {"eta": np.full(3, 0.5), "phi": np.full(3, 3.1), "constituents": ak.zip(inside)},
        depth_limit=1,
    )


class TestJetImages:
    def test_shares_add_up_across_the_seam(self, jets: ak.Array) -> None:
        image = distributions.average_image(jets, np.linspace(-0.8, 0.8, 41))
        assert image.sum() == pytest.approx(1)
        assert image.max() == pytest.approx(0.9)
        row, column = np.argwhere(np.isclose(image, 0.1))[0]
        # Δη = 0.3, Δφ = 2π − 6.1 = 0.183, in cells of 0.04
        assert (row, column) == (27, 24)

    def test_drawn(self, words: dict[str, str], jets: ak.Array) -> None:
        shown = plots.jet_images({"top": jets, "QCD": jets}, **words)
        assert shown.width > shown.height

    def test_no_jets(self, words: dict[str, str], jets: ak.Array) -> None:
        with pytest.raises(ValueError, match="without jets"):
            plots.jet_images({"top": jets[:0]}, **words)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.array([0.1, 0.2, 0.6], mask=[0, 1, 0]),
        ak.Array([0.1, None, 0.6]),
        [0.1, np.nan, 0.6],
    ],
    ids=["masked", "None", "NaN"],
)
def test_what_is_missing_is_not_counted_in_silence(values):
    edges = np.array([0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match="1 of the 3 values .* masked or missing"):
        distributions.density("mass", values, edges)
    with pytest.raises(ValueError, match="1 of the 3 values or weights"):
        distributions.density("mass", [0.1, 0.2, 0.6], edges, weights=values)
    # Nothing masked is nothing missing.
    whole = np.ma.array([0.1, 0.6])
    assert distributions.density("mass", whole, edges)[0].tolist() == [1, 1]
    assert distributions.density("mass", ak.mask(whole.data, whole.data > 0), edges)[0][0] == 1


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_constituent_is_named_not_drawn(missing):
    inside = {"pt": [[60.0, 40.0]], "eta": [[0.1, missing]], "phi": [[0.0, 0.1]]}
    jets = ak.zip({"eta": [0.0], "phi": [0.0], "constituents": ak.zip(inside)}, depth_limit=1)
    with pytest.raises(ValueError, match="jet 0 of 1: eta of a constituent is nan"):
        distributions.average_image(jets, np.linspace(-0.8, 0.8, 5))
