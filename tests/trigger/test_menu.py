"""The menu: equal rates, thresholds that do what the score says, pure rates."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib.trigger import menu, rates


@pytest.fixture(scope="module")
def crossings() -> tuple[np.ndarray, np.ndarray]:
    """Objects of unequal scale [GeV], as integers of half a GeV, and weights."""
    rng = np.random.default_rng(1)
    values = rng.exponential([20.0, 8.0, 3.0, 15.0], (30_000, 4))
    return np.floor(2 * values) / 2, rng.exponential(1.0, 30_000)


def test_each_line_has_the_same_rate(crossings: tuple[np.ndarray, np.ndarray]) -> None:
    values, weight = crossings
    chosen = menu.Menu(values, weight)
    least = chosen.thresholds(-np.log(300.0))
    lines, _ = menu.pure_rates(values >= least, weight)
    # Steps of half a GeV: a line may stay below its rate by one step.
    assert (lines < 300).all()
    assert (lines > 200).all()
    assert (np.diff(least[[2, 1, 3, 0]]) > 0).all()


def test_lines_have_their_shares(crossings: tuple[np.ndarray, np.ndarray]) -> None:
    values, weight = crossings
    chosen = menu.Menu(values, weight, shares=(1.0, 4.0, 1.0, 4.0))
    lines, _ = menu.pure_rates(values >= chosen.thresholds(-np.log(200.0)), weight)
    assert lines == pytest.approx([200, 800, 200, 800], rel=0.25)


@pytest.mark.parametrize("shares", [(1.0,) * 4, (1.0, 4.0, 2.0, 4.0)])
def test_the_score_and_the_thresholds_agree(
    crossings: tuple[np.ndarray, np.ndarray], shares: tuple[float, ...]
) -> None:
    values, weight = crossings
    chosen = menu.Menu(values, weight, shares)
    score = chosen.score(values)
    cut = rates.threshold(score, weight, 500.0)
    assert ((values >= chosen.thresholds(cut)).any(axis=1) == (score > cut)).all()
    assert weight[score > cut].sum() <= 500


def test_harder_objects_score_higher(crossings: tuple[np.ndarray, np.ndarray]) -> None:
    chosen = menu.Menu(*crossings)
    pt = np.array([10.0, 40.0, 1e3, 2e3])
    muons = np.zeros((4, 4))
    muons[:, 2] = pt
    assert (np.diff(chosen.score(muons)) > 0).all()


def test_a_pure_rate_is_what_switching_off_saves(crossings: tuple[np.ndarray, np.ndarray]) -> None:
    values, weight = crossings
    fired = values >= menu.Menu(values, weight).thresholds(-np.log(2000.0))
    _, pure = menu.pure_rates(fired, weight)
    everything = weight[fired.any(axis=1)].sum()
    for k in range(4):
        without = weight[np.delete(fired, k, axis=1).any(axis=1)].sum()
        assert everything - without == pytest.approx(pure[k])


def test_objects_in_gev() -> None:
    one = {"met_pt": 40, "egammas": [{"pt": 10}, {"pt": 4}], "muons": [], "jets": [{"pt": 60}]}
    other = {"met_pt": 2, "egammas": [], "muons": [{"pt": 7}], "jets": []}
    events = ak.Array([one, other])
    assert menu.leading_objects(events).tolist() == [[20.0, 5.0, 0.0, 30.0], [1.0, 0.0, 3.5, 0.0]]


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        menu.Menu(np.zeros((3, 4)), np.ones(2))


@pytest.mark.parametrize("shares", [(1.0, 1.0), (1.0, 1.0, 0.0, 1.0)])
def test_shares_must_fit(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="need as many shares above 0"):
        menu.Menu(np.zeros((3, 4)), np.ones(3), shares)
