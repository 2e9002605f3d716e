"""Particle level: dressed leptons, jets without them, the fiducial region, the tops."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.kinematics import delta_r
from hepml_lib.samples import ancestry, fiducial, hooks, pythia
from hepml_lib.samples.detector import MUON, take

CARD = "measurement_events_ttbar_simulation"
EVENTS = 150


@pytest.fixture(scope="module")
def table():
    hook = hooks.one_lepton()
    return pythia.records(next(pythia.batches(CARD, 5_160_001, EVENTS, hook)).prt)


@pytest.fixture(scope="module")
def level(table):
    particles = pythia.visible_particles(table)
    return fiducial.lepton_and_jets(table, particles, ancestry.weak_decays(table))


def test_the_hook_keeps_one_lepton(table):
    first = (np.abs(table["status"]) == 23) & np.isin(np.abs(table["id"]), (11, 13))
    assert (np.bincount(table["event"][first], minlength=EVENTS) == 1).all()


def test_leptons_are_dressed(table, level):
    """The muon of a W and its photons have nearly the momentum of the W's decay."""
    leptons, _ = level
    assert np.bincount(leptons["event"], minlength=EVENTS).max() <= 2
    hard = take(leptons, leptons["kind"] == MUON)
    born = (np.abs(table["status"]) == 23) & (np.abs(table["id"]) == 13)
    before = np.zeros(EVENTS)
    before[table["event"][born]] = np.hypot(table["px"], table["py"])[born]
    ratio = hard["pt"] / before[hard["event"]]
    assert np.median(ratio) == pytest.approx(1, abs=0.002)
    assert (np.abs(ratio - 1) < 0.05).mean() > 0.85


def test_jets_hold_no_lepton(level):
    leptons, jets = level
    for row in range(len(leptons["event"])):
        here = jets["event"] == leptons["event"][row]
        distance = delta_r(
            jets["eta"][here], jets["phi"][here], leptons["eta"][row], leptons["phi"][row]
        )
        assert (distance > 0.4).all()
    # Four quarks give 3.2 to 4.7 jets: some leave the acceptance, some gluons join.
    assert 3.2 < np.bincount(jets["event"], minlength=EVENTS).mean() < 4.7
    assert jets["pt"].min() > 20


def test_fiducial_region(level):
    leptons, jets = level
    inside = fiducial.fiducial(leptons, jets, EVENTS)
    assert 0.1 < inside.mean() < 0.4
    # Softer jets or no b jet: nothing is left.
    softer = jets | {"pt": 0.1 * jets["pt"]}
    untagged = jets | {"label": 0 * jets["label"]}
    assert not fiducial.fiducial(leptons, softer, EVENTS).any()
    assert not fiducial.fiducial(leptons, untagged, EVENTS).any()


def test_quarks_make_the_hadronic_top(table):
    tops, quarks = fiducial.semileptonic_top_pair(table)
    neutrino = fiducial.neutrinos(table, EVENTS)
    assert tops["pt"].shape == (EVENTS, 2)
    assert quarks["pt"].shape == (EVENTS, len(fiducial.ROLES))
    # The W recoils against what the b quark radiates, before it decays: not exactly.
    for component in (np.cos, np.sin):
        three = (quarks["pt"] * component(quarks["phi"]))[:, 1:].sum(axis=1)
        off = three - tops["pt"][:, 1] * component(tops["phi"][:, 1])
        assert np.median(np.abs(off)) < 2
        assert np.corrcoef(three, three - off)[0, 1] > 0.98
    assert np.median(tops["mass"]) == pytest.approx(172.5, abs=0.5)
    assert (neutrino["pt"] > 0).all()


def test_other_events_are_refused():
    table = pythia.records(next(pythia.batches("flavour_jets_ttbar", 5_160_002, 10)).prt)
    with pytest.raises(ValueError, match="hadronic W"):
        fiducial.semileptonic_top_pair(table)


def test_showered_partons_are_asked_for():
    card = "measurement_events_wjets_simulation"
    table = pythia.records(
        next(pythia.batches(card, 5_160_003, 30, hooks.showered_partons(2, 20.0))).prt
    )
    particles = pythia.visible_particles(table)
    _, jets = fiducial.lepton_and_jets(table, particles, ancestry.weak_decays(table))
    with_two = np.bincount(jets["event"], minlength=30) >= 2
    assert with_two.mean() > 0.5


def test_events_with_a_lepton_stay_whole(table):
    some, number = fiducial.with_lepton(table, 30.0)
    assert 0.4 < len(number) / EVENTS < 0.9
    for new in (0, len(number) - 1):
        here, before = some["event"] == new, table["event"] == number[new]
        for name in ("id", "mother1", "px"):
            assert np.array_equal(some[name][here], table[name][before])
        assert (some["first"][here] == np.flatnonzero(here)[0]).all()
    none, number = fiducial.with_lepton(table, 1e4)
    assert len(none["id"]) == len(number) == 0
