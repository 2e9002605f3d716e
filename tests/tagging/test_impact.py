"""Impact parameters: signs, resolution, and taggers without a network."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import metrics, samples
from hepml_lib.tagging import impact

_ANGLE = st.floats(-3.1, 3.1)


def jet_with(phi_jet, phi, d0, eta=0.0, z0=0.1, error=0.02):
    """Jets of one track each."""
    track = {"pt": 5.0, "eta": eta, "phi": phi, "kind": 0, "charge": 1, "d0": d0, "z0": z0}
    track |= {"d0_error": error, "z0_error": 0.05, "origin": 1, "vertex": -1}
    return ak.Array([{"eta": 0.0, "phi": phi_jet, "tracks": [track]}])


@given(
    axis=_ANGLE, turn=st.floats(0.02, 0.3), side=st.sampled_from([-1, 1]), flight=st.floats(0.1, 9)
)
def test_a_decay_ahead_is_positive_and_one_behind_negative(axis, turn, side, flight):
    phi = axis + side * turn
    for ahead in (flight, -flight):
        x, y = ahead * np.cos(axis), ahead * np.sin(axis)
        found = impact.tracks_of(jet_with(axis, phi, -x * np.sin(phi) + y * np.cos(phi)))
        assert found.significance[0, 0] * ahead > 0
        assert np.isclose(abs(found.significance[0, 0]), flight * np.sin(turn) / 0.02)


@pytest.mark.parametrize("turn", [-2.9, 0.3, 1.7])
def test_turning_the_detector_changes_nothing(turn):
    jets = samples.load("flavour_jets", split="test", events=200)
    turned = ak.with_field(jets, jets.phi + turn, "phi")
    turned = ak.with_field(
        turned, ak.with_field(jets.tracks, jets.tracks.phi + turn, "phi"), "tracks"
    )
    before, after = impact.tracks_of(jets), impact.tracks_of(turned)
    clear = np.abs(before.dphi) > 1e-4  # the side of a track along the axis is rounding
    assert np.allclose(before.significance[clear], after.significance[clear], rtol=1e-5)


def test_padding_and_the_hardest_tracks():
    jets = samples.load("flavour_jets", split="test", events=500)
    tracks = impact.tracks_of(jets)
    number = np.minimum(ak.to_numpy(ak.num(jets.tracks)), 24)
    assert (tracks.mask.sum(axis=1) == number).all()
    assert (tracks.pt[~tracks.mask] == 0).all()
    assert (np.diff(tracks.pt, axis=1) <= 0).all()


def test_the_order_in_the_file_does_not_matter():
    jets = samples.load("flavour_jets", split="test", events=500)
    backwards = ak.with_field(jets, jets.tracks[:, ::-1], "tracks")
    before, after = impact.tracks_of(jets), impact.tracks_of(backwards)
    for name in ("mask", "pt", "sign"):
        equal = getattr(before, name) == getattr(after, name)
        assert equal[:, :-1].mean() > 0.99  # tracks with the same pT change places
    assert (before.pt == after.pt).all()


def test_errors_of_zero_and_nan_are_named():
    jets = ak.concatenate([jet_with(0.0, 0.1, 0.1), jet_with(0.0, 0.1, 0.1, error=0.0)])
    with pytest.raises(ValueError, match="jet 1 of 2: d0_error of a track is 0; .* above zero"):
        impact.tracks_of(jets)
    with pytest.raises(ValueError, match="jet 0 of 1: d0 of a constituent is nan"):
        impact.tracks_of(jet_with(0.0, 0.1, np.nan))


def test_jet_probability_of_jets_without_decays_is_uniform():
    from scipy import stats

    rng = np.random.default_rng(1)
    resolution = impact.Resolution(rng.standard_t(3, 400_000))
    number = rng.integers(1, 9, 20_000)
    used = np.arange(8) < number[:, None]
    values = rng.standard_t(3, used.shape)
    minus_log = impact.jet_probability(values, used, resolution)
    some = (used & (values > 0)).any(axis=1)
    assert (minus_log[~some] == 0).all()
    assert stats.kstest(minus_log[some], "expon").pvalue > 1e-3


def test_the_resolution_needs_tracks_behind():
    with pytest.raises(ValueError, match="0 negative significances"):
        impact.Resolution(np.ones(1000))


def test_the_likelihood_is_the_best_of_independent_tracks():
    """Where tracks are independent, nothing beats the sum of the exact log-likelihood ratios."""
    rng = np.random.default_rng(2)
    label = rng.permutation(np.repeat([0, 5], 20_000))
    shape = (len(label), 24)
    used = np.arange(24) < 4
    mean = np.where((label == 5)[:, None], 1.0, 0.0)
    significance = rng.normal(mean, 1, shape)
    zeros = np.zeros(shape)
    empty = dict.fromkeys(impact.Tracks._fields, zeros)
    tracks = impact.Tracks(**(empty | {"significance": significance, "pt": zeros + 2}))
    used = np.broadcast_to(used, shape)
    tagger = impact.ImpactLikelihood(tracks, used, label)
    exact = (significance * used).sum(axis=1)
    by_bins = metrics.auc(tagger.score(tracks, used), label == 5)
    best = metrics.auc(exact, label == 5).value
    assert best - 0.01 < by_bins.value < best + 0.001
    assert (tagger.score(tracks, np.zeros(shape, bool)) == 0).all()


def test_taggers_of_the_sample_are_ordered():
    train, test = (samples.load("flavour_jets", split=part) for part in ("train", "test"))
    tracks, good = impact.tracks_of(test), impact.good_tracks(impact.tracks_of(test))
    known = impact.tracks_of(train)
    tagger = impact.ImpactLikelihood(known, impact.good_tracks(known), train.label)
    chosen = np.isin(test.label, (0, 5))
    area = [
        metrics.auc(score[chosen], test.label[chosen] == 5, replicas=20).value
        for score in (
            impact.track_counting(tracks.significance, good, 3),
            impact.track_counting(tracks.significance, good, 2),
            tagger.score(tracks, good),
        )
    ]
    assert area == sorted(area)
