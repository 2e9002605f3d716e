"""Jets with generated partners: pairs, response, resolution and pileup, and the truth inside."""

from __future__ import annotations

from itertools import pairwise

import awkward as ak
import numpy as np
import pytest
from scipy.optimize import curve_fit

from hepml_lib import samples, settings
from hepml_lib.samples.calibration import area, depth, unique_pairs
from hepml_lib.samples.recipes.jet_response import RECIPE, make


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(make(RECIPE.part("train", 0), 375))


@pytest.fixture(scope="module")
def jets(events):
    """Flat columns of all pairs, with those of their events."""
    names = ("pt", "subtracted_pt", "generated_pt", "eta", "generated_eta", "area")
    found = {name: flat(events.jets[name]) for name in (*names, "pileup_fraction")}
    for name in ("mu", "interactions", "weight"):
        found[name] = flat(ak.broadcast_arrays(events[name], events.jets.pt)[0])
    found["central"] = np.abs(found["eta"]) < 1.3
    found["response"] = found["subtracted_pt"] / found["generated_pt"]
    return found


def flat(values):
    return ak.flatten(values, axis=None).to_numpy().astype(np.float64)


def spread(values):
    return np.diff(np.quantile(values, [0.16, 0.84]))[0] / 2


def median_error(values):
    return 1.25 * spread(values) / np.sqrt(len(values))


def test_events_are_of_one_split_each_and_named_once(events):
    event = events.event.to_numpy()
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 11).all()
    assert (event // 10**12 % 10 == events.split.to_numpy()).all()


def test_pairs_are_near_unique_and_sorted(events, jets):
    # Both are stored in steps of 1/128.
    assert np.abs(jets["eta"] - jets["generated_eta"]).max() < 0.2 + 1 / 128
    assert jets["generated_pt"].min() > 19.98
    assert jets["subtracted_pt"].min() > 4.99
    ordered = events.jets.generated_pt
    assert ak.all(ordered[:, :-1] >= ordered[:, 1:])
    matched, generated = ak.num(events.jets).to_numpy().sum(), events.generated.to_numpy().sum()
    assert 0.95 < matched / generated <= 1


def test_each_generated_jet_has_one_partner():
    jets = {"event": np.zeros(3, int), "eta": np.array([0.0, 0.15, 1.0]), "phi": np.zeros(3)}
    true = {"event": np.zeros(2, int), "eta": np.array([0.05, 3.0]), "phi": np.zeros(2)}
    row, partner = unique_pairs(jets, true, 0.2)
    assert row.tolist() == [0]
    assert partner.tolist() == [0]


def test_response_rises_to_one(jets):
    medians = []
    for low, high in ((20, 40), (60, 200), (400, 3000)):
        bin_ = jets["central"] & (jets["generated_pt"] > low) & (jets["generated_pt"] < high)
        medians.append(np.median(jets["response"][bin_]))
    assert medians[0] < medians[1] < medians[2]
    assert medians[0] > 0.8
    error = median_error(jets["response"][bin_])
    assert medians[2] == pytest.approx(1, abs=0.015 + 4 * error)


def test_area_subtraction_takes_the_offset_of_pileup_away(jets):
    """CMS and ATLAS see 0.5 to 1 GeV per collision in such a jet; soft neutrals are lost here."""
    soft = jets["central"] & (jets["generated_pt"] < 100)
    pileup = jets["interactions"][soft] - 1
    slopes = {}
    for name in ("pt", "subtracted_pt"):
        offset = (jets[name] - jets["generated_pt"])[soft]
        (slope, _), covariance = np.polyfit(pileup, offset, 1, cov=True)
        slopes[name] = slope, np.sqrt(covariance[0, 0])
    raw, left = slopes["pt"], slopes["subtracted_pt"]
    assert 0.3 - 4 * raw[1] < raw[0] < 0.7 + 4 * raw[1]
    assert abs(left[0]) < 0.1 * raw[0] + 4 * left[1]


def test_tracks_of_pileup_vertices_carry_the_charged_part_of_the_offset(jets):
    many = jets["central"] & (jets["mu"] > 40) & (jets["generated_pt"] < 100)
    few = jets["central"] & (jets["mu"] < 5) & (jets["generated_pt"] < 100)
    assert jets["pileup_fraction"][many].mean() > 0.1
    assert jets["pileup_fraction"][few].mean() < 0.05


def noise_stochastic_constant(pt, noise, stochastic, constant):
    return np.sqrt((noise / pt) ** 2 + stochastic**2 / pt + constant**2)


def resolution_fit(jets, chosen):
    """N, S and C of the relative resolution, and their errors."""
    edges = np.array([20, 30, 45, 70, 110, 180, 300, 600, 1500])
    points = []
    for low, high in pairwise(edges):
        pt = jets["generated_pt"]
        bin_ = chosen & jets["central"] & (pt > low) & (pt < high)
        if bin_.sum() > 15:
            relative = spread(jets["response"][bin_]) / np.median(jets["response"][bin_])
            points.append((np.median(pt[bin_]), relative, relative / np.sqrt(bin_.sum())))
    pt, relative, error = np.array(points).T
    fit, covariance = curve_fit(
        noise_stochastic_constant, pt, relative, [5, 0.8, 0.05], error, bounds=(0, np.inf)
    )
    return fit, np.sqrt(np.diag(covariance))


def test_resolution_is_of_the_size_of_the_experiments(jets):
    """About 20 % at 30 GeV, 8 % at 100 GeV, 5 % at 1 TeV, as in CMS (arXiv:1607.03663).

    Pileup adds to the noise term. The other two terms are known in their sum better than apart.
    """
    low, low_error = resolution_fit(jets, jets["mu"] < 20)
    high, high_error = resolution_fit(jets, jets["mu"] > 40)
    assert high[0] - low[0] > -4 * np.hypot(low_error[0], high_error[0])
    assert 5 - 4 * high_error[0] < high[0] < 12 + 4 * high_error[0]
    for fit in (low, high):
        assert fit[1] < 1.2
        assert 0.06 < noise_stochastic_constant(100, *fit) < 0.13
        assert 0.03 < noise_stochastic_constant(1000, *fit) < 0.07
    assert 0.12 < noise_stochastic_constant(30, *low) < 0.25


def test_density_and_vertices_grow_with_the_collisions(events):
    pileup = events.interactions.to_numpy() - 1
    rho, vertices = events.rho.to_numpy(), events.vertices.to_numpy()
    assert np.corrcoef(rho, vertices)[0, 1] > 0.85
    assert 0.6 < np.polyfit(pileup, vertices, 1)[0] < 0.9
    assert 0.6 < np.polyfit(pileup, rho, 1)[0] < 1.1
    mu = events.mu.to_numpy()
    assert abs(mu.mean() - 30) < 4 * 60 / np.sqrt(12 * len(mu))
    excess = (pileup - mu).sum() / np.sqrt(mu.sum())
    assert abs(excess) < 4


def test_weights_turn_flat_into_falling(events, jets):
    pthat, weight = (events[name].to_numpy().astype(float) for name in ("pthat", "weight"))
    flattened = weight * (pthat / 15) ** 4.5
    # Charm and bottom quarks get their mass after the weight was chosen.
    assert np.quantile(np.abs(flattened - 1), 0.95) < 5e-3
    assert np.abs(flattened - 1).max() < 0.1
    edges = np.array([40, 80, 160, 320])
    made, _ = np.histogram(jets["generated_pt"], edges)
    real, _ = np.histogram(jets["generated_pt"], edges, weights=jets["weight"])
    # Per octave: about as many are made, while the cross section falls tenfold and more.
    assert made.max() < 3 * made.min()
    assert (real[1:] < 0.15 * real[:-1]).all()


def test_fractions_add_up(events):
    names = ("charged", "neutral", "photon", "electron", "muon")
    total = sum(flat(events.jets[f"{name}_fraction"]) for name in names)
    assert np.abs(total - 1).max() < 5 / 256 + 1e-6
    inside = np.abs(flat(events.jets.eta)) < 2
    charged = flat(events.jets.charged_fraction)
    assert 0.5 < charged[inside].mean() < 0.7
    assert charged[np.abs(flat(events.jets.eta)) > 3.2].max(initial=0) < 0.05


def test_constituents_make_up_the_two_leading_jets(events):
    inside = events.constituents
    assert set(flat(inside.jet)) <= {0, 1}
    neutral = (inside.kind == 1) | (inside.kind == 2)
    assert ak.all((inside.vertex == -1) == neutral)
    assert ak.all(inside.deltaR(events.jets[inside.jet]) < 0.8)
    for number in (0, 1):
        has = ak.num(events.jets) > number
        total = ak.sum(inside.pt[inside.jet == number], axis=1)[has]
        # The scalar sum of those above half a GeV.
        assert np.median(total / events.jets.pt[has, number]) == pytest.approx(1, abs=0.02)


def test_truth_of_constituents_follows_vertex_and_pileup(events):
    inside = events.constituents
    hard, vertex = flat(inside.hard), flat(inside.vertex)
    mu = flat(ak.broadcast_arrays(events.mu, inside.pt)[0])
    assert hard[vertex == 0].mean() > 0.97
    assert hard[vertex == 1].mean() < 0.25
    neutral = vertex == -1
    assert hard[neutral & (mu < 5)].mean() > 0.9
    assert hard[neutral & (mu > 40)].mean() < hard[neutral & (mu < 20)].mean() - 0.1


def test_clusters_know_time_and_depth(events):
    cluster = events.clusters
    hard, time, em = flat(cluster.hard), flat(cluster.time), flat(cluster.em_fraction)
    assert flat(cluster.pt).min() > 1.48
    signal, late = time[hard > 0.9], time[hard < 0.1]
    assert abs(np.median(signal)) < 0.26
    # Other crossings are 25 ns away; of them a tenth of the energy is seen at most.
    assert late.std() > 1.5 * signal.std()
    assert np.corrcoef(em, flat(cluster.depth))[0, 1] < -0.5


def test_shower_of_a_photon_deepens_with_its_energy():
    rng = np.random.default_rng(0)
    soft, hard = (depth(np.full(2000, e), np.zeros(2000), rng) for e in (1.0, 100.0))
    # Ln(100) radiation lengths, of 25.8 to 1.1 interaction lengths.
    expected = np.log(100) * 1.1 / 25.8
    error = np.hypot(soft.std(), hard.std()) / np.sqrt(2000)
    assert hard.mean() - soft.mean() == pytest.approx(expected, abs=4 * error)


def test_two_overlapping_jets_share_the_area_of_both_discs():
    jets = {"event": np.zeros(2, int), "pt": np.array([100.0, 99.9])}
    jets |= {"eta": np.array([0.0, 0.4]), "phi": np.zeros(2)}
    lens = 0.16 * (2 * np.pi / 3 - np.sqrt(3) / 2)
    total = area(jets, 0.4).sum()
    assert total == pytest.approx(2 * np.pi * 0.16 - 0.5 * lens, abs=0.5 * lens)
    assert area(jets, 0.4)[0] == pytest.approx(np.pi * 0.16)
