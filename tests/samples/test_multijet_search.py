"""All-hadronic top pairs in multijets: selection, b tag, top candidates, normalisation."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.samples.recipes import multijet_search as recipe
from hepml_lib.samples.recipes.multijet_search import B_TAG, QCD, RECIPE, TTBAR, make


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(make(RECIPE.part("train", 0), 200))


@pytest.fixture(scope="module")
def ttbar(events):
    return events[events.process == TTBAR]


@pytest.fixture(scope="module")
def qcd(events):
    return events[events.process == QCD]


def column(events, name):
    return events[name].to_numpy().astype(np.float64)


def flat(values):
    return ak.flatten(values, axis=None).to_numpy()


def test_one_event_in_five_is_a_top_pair_and_none_is_twice_there(events):
    event, process = events.event.to_numpy(), events.process.to_numpy()
    assert (process == TTBAR).sum() == len(process) // 5
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 7).all()
    assert (event // 10**12 % 10 == events.split.to_numpy()).all()


def test_selection(events):
    jets = events.jets
    assert np.array_equal(ak.num(jets).to_numpy(), events.jet_count.to_numpy())
    assert events.jet_count.to_numpy().min() >= 6
    assert ak.min(jets.pt) >= 30
    assert ak.max(np.abs(jets.eta)) < 2.405
    assert ak.all(jets.pt[:, :-1] >= jets.pt[:, 1:])
    assert column(events, "ht").min() >= 599.5
    assert np.allclose(ak.sum(jets.pt, axis=1).to_numpy(), column(events, "ht"), rtol=4e-3)


def test_b_tag_has_the_stated_efficiencies(events):
    flavour, tag = flat(events.jets.flavour), flat(events.jets.b_tag)
    assert set(np.unique(flavour)) <= {0, 4, 5}
    for code, expected in B_TAG.items():
        number = (flavour == code).sum()
        error = np.sqrt(expected * (1 - expected) / number)
        assert abs(tag[flavour == code].mean() - expected) < 4 * error
    assert np.array_equal(ak.sum(events.jets.b_tag, axis=1).to_numpy(), events.b_count.to_numpy())


def test_top_pairs_have_two_b_jets_and_charm_from_the_w(ttbar, qcd):
    """A third of a W's quarks are charm: on average one charm jet, less those that are lost."""
    b, c = (ak.sum(ttbar.jets.flavour == code, axis=1).to_numpy() for code in (5, 4))
    assert 1.6 < b.mean() < 2.1
    assert 0.6 < c.mean() < 1.2
    light = flat(qcd.jets.flavour) == 0
    assert 0.8 < light.mean() < 0.93


def test_event_shapes_are_in_their_ranges(ttbar, qcd, events):
    sphericity, aplanarity = column(events, "sphericity"), column(events, "aplanarity")
    assert sphericity.min() >= 0
    assert sphericity.max() <= 1
    assert aplanarity.min() >= 0
    assert aplanarity.max() <= 0.5
    assert (aplanarity <= 0.5 * sphericity * 1.01).all()
    # Top pairs are rounder.
    assert column(ttbar, "aplanarity").mean() > 1.15 * column(qcd, "aplanarity").mean()


def test_shapes_of_known_events():
    """Six equal jets along the axes are a sphere; in a plane they have no aplanarity."""
    ring = np.arange(6) * np.pi / 3
    jets = {
        "event": np.zeros(6, int),
        "pt": np.ones(6),
        "eta": np.zeros(6),
        "phi": ring,
        "mass": np.zeros(6),
    }
    shapes = recipe._shapes(jets)
    assert shapes["sphericity"] == pytest.approx(0.75)
    assert shapes["aplanarity"] == pytest.approx(0, abs=1e-12)
    # Along ±z with the momentum of the others: η of 20 at a pT of 1/sinh(20).
    axis = {
        "pt": np.r_[np.ones(4), np.full(2, 1 / np.sinh(20))],
        "eta": np.r_[np.zeros(4), 20, -20],
    }
    sphere = recipe._shapes(jets | axis | {"phi": np.arange(6) * np.pi / 2})
    assert sphere["sphericity"] == pytest.approx(1)
    assert sphere["aplanarity"] == pytest.approx(0.5)


def test_ninety_ways_to_make_two_tops():
    ways = recipe._ASSIGNMENTS
    assert ways.shape == (90, 6)
    assert (np.sort(ways, axis=1) == np.arange(6)).all()
    assert len({tuple(sorted([tuple(way[:3]), tuple(way[3:])])) for way in ways.tolist()}) == 90


def test_candidates_of_top_pairs_peak_at_the_masses(ttbar, qcd):
    """Where the six hardest jets are those of the tops; in QCD there is no such peak."""
    found = {}
    for name, events in (("ttbar", ttbar), ("qcd", qcd)):
        good = (column(events, "chi2") < 6) & (column(events, "top_mass") < 500)
        mass = column(events, "top_mass")[good]
        window, side = (mass > 150) & (mass < 200), (mass > 200) & (mass < 400)
        found[name] = window.sum(), side.sum()
    (top, above), (background, beside) = found["ttbar"], found["qcd"]
    # Per GeV the window holds more than twice what lies above it, within three deviations.
    assert top - above / 2 > -3 * np.sqrt(top + above / 4)
    # In QCD it holds less.
    assert background - beside / 4 < 3 * np.sqrt(background + beside / 16)
    tagged = (column(ttbar, "chi2") < 6) & (column(ttbar, "b_count") >= 2)
    mass = column(ttbar, "top_mass")[tagged]
    core = mass[(mass > 140) & (mass < 205)]
    # The candidates of either kind spread by about 15 GeV.
    assert abs(np.median(core) - 173.0) < 4 * 1.25 * 15 / np.sqrt(len(core)) + 3
    boson = column(ttbar, "w_mass")[tagged]
    assert abs(np.median(boson) - 80.4) < 4 * 1.25 * 15 / np.sqrt(len(boson)) + 2


def test_large_jet(ttbar, qcd):
    for events in (ttbar, qcd):
        pt, mass = column(events, "large_jet_pt"), column(events, "large_jet_mass")
        assert (pt > 0).mean() > 0.9
        assert pt[pt > 0].min() >= 200
        assert (mass[pt == 0] == 0).all()
    assert column(ttbar, "large_jet_mass").mean() > column(qcd, "large_jet_mass").mean()


def test_cross_sections_are_of_the_processes(events, ttbar, qcd):
    """Before b tags a top pair hides in about a hundred QCD events."""
    assert np.unique(column(events, "weight")).tolist() == [1]
    one, other = (np.unique(column(part, "cross_section")) for part in (ttbar, qcd))
    assert len(one) == len(other) == 1
    assert 60 < other[0] / one[0] < 200
    # Two b tags bring the ratio down by more than ten.
    kept = {
        name: (column(part, "b_count") >= 2).mean()
        for name, part in (("ttbar", ttbar), ("qcd", qcd))
    }
    assert kept["ttbar"] > 4 * kept["qcd"]


def test_ht_falls(qcd):
    counts, _ = np.histogram(column(qcd, "ht"), [650, 750, 850, 950, 1150])
    assert (np.diff(counts[:3]) < 2 * np.sqrt(counts[:2])).all()


def test_shares_of_a_chunk(small_chunk):
    assert np.bincount(small_chunk("multijet_search")["process"].to_numpy()).tolist() == [4, 1]
