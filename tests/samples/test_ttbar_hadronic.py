"""All-hadronic top pairs: the selection, the truth and its matching to jets, the masses."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, samples, settings
from hepml_lib.samples.recipes import ttbar_hadronic

RECIPE = ttbar_hadronic.RECIPE


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(RECIPE.make(RECIPE.part("train", 0), 500))


@pytest.fixture(scope="module")
def full(events):
    """Events in which every quark has a jet, and these jets in the order of the quarks."""
    events = events[ak.all(events.quarks.jet >= 0, axis=1)]
    return events, events.jets[events.quarks.jet]


def flat(values):
    return ak.to_numpy(ak.flatten(values, axis=None)).astype(np.float64)


def agree(share, expected, number):
    """Within four standard deviations of a share of a number of objects."""
    return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / number)


def median_error(values):
    """Of the median of a distribution with a normal core."""
    return 1.25 * np.diff(np.quantile(values, [0.16, 0.84]))[0] / 2 / np.sqrt(len(values))


def test_events_are_unique_and_of_their_sample_and_split(events):
    event, split = events.event.to_numpy(), events.split.to_numpy()
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 9).all()
    assert (event // 10**12 % 10 == split).all()


def test_selection(events):
    jets = events.jets
    assert ak.min(ak.num(jets)) >= 6
    assert ak.min(jets.pt) >= 25
    assert np.abs(flat(jets.eta)).max() <= 2.5
    assert ak.all(jets.pt[:, :-1] >= jets.pt[:, 1:])


def test_every_top_has_a_bottom_quark_and_two_of_a_w(events):
    """By PDG code: a W+ holds one up-type quark and one down-type antiquark."""
    quarks, tops = events.quarks, events.tops
    assert ak.all(tops.id == [[6, -6]])
    for first, sign in ((0, 1), (3, -1)):
        codes = sign * quarks.id[:, first : first + 3].to_numpy().astype(int)
        # Top to strange or down: |V_ts|² + |V_td|² = 0.0017.
        assert agree((codes[:, 0] == 5).mean(), 0.9983, len(codes))
        pair = np.sort(codes[:, 1:], axis=1)
        assert np.isin(pair[:, 0], (-1, -3, -5)).all()
        assert np.isin(pair[:, 1], (2, 4)).all()


def test_quarks_make_w_bosons_and_tops(events):
    quarks, tops = events.quarks, events.tops
    boson = np.concatenate([(quarks[:, k] + quarks[:, k + 1]).mass.to_numpy() for k in (1, 4)])
    assert abs(np.median(boson) - 80.4) < 4 * median_error(boson) + 0.05
    mass = flat(tops.mass)
    assert abs(np.median(mass) - 173) < 4 * median_error(mass) + 0.1
    total = quarks[:, 0] + quarks[:, 1] + quarks[:, 2]
    missing = np.hypot(total.px - tops.px[:, 0], total.py - tops.py[:, 0]).to_numpy()
    # Gluons that the b quark radiates are missing from the sum.
    assert np.median(missing) < 1.5
    assert np.quantile(missing, 0.9) < 12


def test_matching_is_to_the_nearest_jet_and_unique(events):
    """Against all pairs at once, in events where rounded angles do not decide."""
    quarks = {name: events.quarks[name].to_numpy()[:, :, None] for name in ("eta", "phi")}
    most = int(ak.max(ak.num(events.jets)))
    jets = {
        name: ak.to_numpy(ak.fill_none(ak.pad_none(events.jets[name], most), 99.0))[:, None]
        for name in ("eta", "phi")
    }
    distance = kinematics.delta_r(quarks["eta"], quarks["phi"], jets["eta"], jets["phi"])
    nearest, least = distance.argmin(axis=2), distance.min(axis=2)
    near = least < 0.4
    same = (nearest[:, :, None] == nearest[:, None]) & near[:, None]
    shared = near & (same.sum(axis=2) > 1)
    two = np.partition(distance, 1, axis=2)
    clear = ((np.abs(least - 0.4) > 0.005) & (two[..., 1] - least > 0.005)).all(axis=1)
    assert clear.mean() > 0.7
    expected = np.where(near & ~shared, nearest, -1)
    assert np.array_equal(events.quarks.jet.to_numpy()[clear], expected[clear])
    assert np.array_equal(events.quarks.shared.to_numpy()[clear], shared[clear])


def test_shares_of_matched_events(events):
    """Those of 8000 events of other seeds."""
    found = events.quarks.jet >= 0
    whole = ak.all(found[:, :3], axis=1) | ak.all(found[:, 3:], axis=1)
    number = len(events)
    # The reference has an error of its own.
    doubled = 1 / (1 / number + 1 / 8000)
    assert agree(ak.mean(ak.all(found, axis=1)), 0.2329, doubled)
    assert agree(ak.mean(whole), 0.7208, doubled)
    assert agree(ak.mean(ak.num(events.jets) == 6), 0.5736, doubled)
    assert not ak.any(found & (events.quarks.shared == 1))


def test_b_tag_has_its_efficiencies(events):
    flavour, tag = flat(events.jets.flavour), flat(events.jets.b_tag)
    assert set(np.unique(tag)) == {0, 1}
    for code, chance in ttbar_hadronic.B_TAG.items():
        assert agree(tag[flavour == code].mean(), chance, (flavour == code).sum())


def test_flavour_of_a_matched_jet_is_that_of_its_quark(full):
    events, jets = full
    code, flavour = np.abs(flat(events.quarks.id)), flat(jets.flavour)
    for quark in (4, 5):
        # Some hadrons are below 5 GeV or leave the cone.
        assert 0.93 < (flavour[code == quark] == quark).mean() < 1
    # A gluon that splits gives a light quark's jet a heavy flavour now and then.
    assert (flavour[code < 4] == 0).mean() > 0.93


def test_matched_jets_make_w_bosons_and_tops(full):
    _, jets = full
    bosons, tops = [], []
    for k in (0, 3):
        boson = jets[:, k + 1] + jets[:, k + 2]
        bosons.append(boson.mass.to_numpy())
        tops.append((boson + jets[:, k]).mass.to_numpy())
    # Below 80.4 and 173 GeV, for radiation leaves the cones; the medians are of 8000 other events.
    for masses, expected, error in ((bosons, 75.4, 0.25), (tops, 158.1, 0.45)):
        mass = np.concatenate(masses)
        assert abs(np.median(mass) - expected) < 4 * np.hypot(median_error(mass), error)
        assert np.diff(np.quantile(mass, [0.16, 0.84]))[0] / 2 < 0.14 * expected
    # Pairs of jets that belong to different tops have no peak.
    wrong = (jets[:, 1] + jets[:, 4]).mass.to_numpy()
    near = [np.mean(np.abs(mass - 75.4) < 10) for mass in (np.concatenate(bosons), wrong)]
    assert near[0] > 3 * near[1]


def test_response_of_jets_to_quarks(full):
    events, jets = full
    response, code = flat(jets.pt) / flat(events.quarks.pt), np.abs(flat(events.quarks.id))
    for chosen, expected in ((code < 5, 0.944), (code == 5, 0.908)):
        one = response[chosen]
        assert abs(np.median(one) - expected) < 4 * np.hypot(median_error(one), 0.003)
