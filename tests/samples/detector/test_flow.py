"""Detector: what goes in comes out, with the resolutions and efficiencies that it states."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib import kinematics, metrics
from hepml_lib.samples import clustering, detector, hooks, pythia
from hepml_lib.samples.detector import calorimeter, tracker
from hepml_lib.samples.detector.gun import shoot


def gun(kind, charge, pt, eta, count=20_000, phi=0.3):
    """One particle per event, all in the same direction."""
    return shoot(kind, charge, pt, eta, count) | {"phi": np.full(count, float(phi))}


@pytest.fixture
def rng():
    return np.random.default_rng(17)


def test_resolutions_are_the_published_ones():
    one = np.array([1.0])
    # CMS tracker, arXiv:1405.6569: 2.8 % at 100 GeV for |eta| < 1.4.
    assert tracker.momentum_resolution(100 * one, 1.4 * one)[0] == pytest.approx(0.028, abs=0.001)
    # CMS crystals, arXiv:1306.2016: photons of H to two photons 1.1-2.6 % and 2.2-5 %.
    assert 0.010 < calorimeter.ecal_resolution(60 * one, 0 * one)[0] < 0.026
    assert 0.022 < calorimeter.ecal_resolution(120 * one, 2 * one)[0] < 0.05
    # CMS hadrons, arXiv:1706.04965: 110 % at 1 GeV and 9 % in the limit.
    assert calorimeter.hcal_resolution(one)[0] == pytest.approx(np.hypot(1.1, 0.09))
    assert calorimeter.hcal_resolution(1e9 * one)[0] == pytest.approx(0.09, rel=1e-3)


@pytest.mark.parametrize(("eta", "expected"), [(0.5, 0.94), (1.8, 0.85), (2.7, 0.0)])
def test_tracking_efficiency_closes(rng, eta, expected):
    found = detector.respond(gun(detector.CHARGED_HADRON, 1, 10, eta), rng).candidates
    tracks = (found["kind"] == detector.CHARGED_HADRON).sum() / 20_000
    assert tracks == pytest.approx(expected, abs=0.008)


def test_track_resolution_closes(rng):
    found = detector.respond(gun(detector.CHARGED_HADRON, -1, 50, 1.0), rng).candidates
    tracks = detector.take(found, found["kind"] == detector.CHARGED_HADRON)
    expected = tracker.momentum_resolution(np.array([50.0]), np.array([1.0]))[0]
    assert np.std(tracks["pt"]) / 50 == pytest.approx(expected, rel=0.03)
    assert np.mean(tracks["pt"]) == pytest.approx(50, rel=1e-3)
    assert (tracks["charge"] == -1).all()


def test_a_lost_track_is_a_neutral_hadron_where_the_field_takes_it(rng):
    found = detector.respond(gun(detector.CHARGED_HADRON, 1, 50, 0.5), rng).candidates
    events, number = np.unique(found["event"], return_counts=True)
    alone = np.isin(found["event"], events[number == 1])
    neutral = detector.take(found, alone & (found["kind"] == detector.NEUTRAL_HADRON))
    assert 0.05 < len(neutral["pt"]) / 20_000 < 0.07
    # 50 GeV bends by arcsin(0.3 x 3.8 x 1.29 / 100) before it meets the calorimeter.
    assert np.mean(neutral["phi"]) == pytest.approx(0.3 - 0.0147, abs=0.003)
    assert np.mean(neutral["pt"]) == pytest.approx(50, rel=0.02)


@pytest.mark.parametrize("pt", [2.0, 60.0])
def test_photon_resolution_closes(rng, pt):
    found = detector.respond(gun(detector.PHOTON, 0, pt, 0.0), rng).candidates
    assert (found["kind"] == detector.PHOTON).all()
    expected = calorimeter.ecal_resolution(np.array([pt]), np.array([0.0]))[0]
    energy = found["pt"] * np.cosh(found["eta"])
    assert np.std(energy) / pt == pytest.approx(expected, rel=0.03)
    assert np.mean(energy) == pytest.approx(pt, rel=5e-3)


def test_photons_of_one_crystal_merge_and_others_do_not(rng):
    first = gun(detector.PHOTON, 0, 20, 0.002, phi=0.002)
    for distance, expected in ((0.01, 1), (0.04, 2)):
        second = gun(detector.PHOTON, 0, 20, 0.002, phi=0.002 + distance)
        both = {name: np.concatenate([first[name], second[name]]) for name in first}
        both = detector.take(both, np.argsort(both["event"], kind="stable"))
        found = detector.respond(both, rng).candidates
        assert len(found["pt"]) == pytest.approx(expected * 20_000, rel=1e-3)


def test_muons_leave_no_energy(rng):
    found = detector.respond(gun(detector.MUON, 1, 30, 0.5), rng).candidates
    assert set(found["kind"]) == {detector.MUON}
    assert len(found["pt"]) / 20_000 == pytest.approx(0.99, abs=0.003)


@pytest.fixture(scope="module")
def dijets():
    """Particles of 150 dijet events with a jet of partons above 500 GeV."""
    hook = hooks.parton_jets(1, 500.0, 0.8)
    batch = next(pythia.batches("top_jets_qcd", 880_000_001, 150, hook))
    return pythia.visible_particles(pythia.records(batch.prt))


def test_pythia_conserves_charge_and_transverse_momentum(dijets):
    """All visible particles: charge balances up to the beams', pT up to the neutrinos'."""
    totals = np.bincount(dijets["event"], dijets["charge"])
    assert (totals == 2).all()
    px = np.bincount(dijets["event"], dijets["pt"] * np.cos(dijets["phi"]))
    assert np.median(np.abs(px)) < 1


def test_perfect_measurement_conserves_energy(dijets, rng):
    """Without smearing only cells are left, and the pion's mass given to slow kaons and protons."""
    inside = detector.take(dijets, np.abs(dijets["eta"]) < 2.4)
    found = detector.respond(inside, rng, smearing=0.0).candidates
    energy = np.sqrt(
        (found["pt"] * np.cosh(found["eta"])) ** 2 + detector.MASSES[found["kind"]] ** 2
    )
    ratio = np.bincount(found["event"], energy) / np.bincount(inside["event"], inside["energy"])
    assert np.median(ratio) == pytest.approx(1, abs=2e-3)
    assert ratio.min() > 0.98
    assert ratio.max() < 1.002


def test_jet_response_and_resolution(dijets, rng):
    true, _ = clustering.anti_kt(detector.perfect(dijets), 0.8, 500)
    reco, _ = clustering.anti_kt(detector.respond(dijets, rng).candidates, 0.8, 300)
    true = detector.take(true, np.abs(true["eta"]) < 2)
    distance = kinematics.delta_r(
        true["eta"][:, None], true["phi"][:, None], reco["eta"], reco["phi"]
    )
    distance[true["event"][:, None] != reco["event"]] = np.inf
    assert (distance.min(axis=1) < 0.2).mean() > 0.97
    response = reco["pt"][distance.argmin(axis=1)] / true["pt"]
    low, middle, high = np.quantile(response, [0.16, 0.5, 0.84])
    assert middle == pytest.approx(1, abs=0.015)
    assert 0.03 < (high - low) / 2 < 0.06


def test_response_is_reproducible(dijets):
    one, two = (detector.respond(dijets, np.random.default_rng(3)).candidates for _ in range(2))
    for name in one:
        assert np.array_equal(one[name], two[name])
    assert (np.diff(one["event"]) >= 0).all()


def test_anti_kt_jets_are_the_sum_of_their_members(dijets):
    candidates = detector.perfect(dijets)
    jets, members = clustering.anti_kt(candidates, 0.8, 100)
    for number in range(0, len(jets["pt"]), 37):
        rows = np.asarray(members[number])
        px = np.sum(candidates["pt"][rows] * np.cos(candidates["phi"][rows]))
        py = np.sum(candidates["pt"][rows] * np.sin(candidates["phi"][rows]))
        assert jets["pt"][number] == pytest.approx(np.hypot(px, py))
        assert set(candidates["event"][rows]) == {jets["event"][number]}


def test_pulls_of_impact_parameters_have_unit_core_and_tails(rng):
    particles = shoot(detector.MUON, 1, 5.0, 0.7, 40_000)
    seen = detector.respond(particles, rng).candidates
    for name in ("d0", "z0"):
        pull = seen[name] / seen[f"{name}_error"]
        assert metrics.width(pull).value == pytest.approx(1.03, abs=0.03)
        # A normal distribution has 0.27 % beyond three; one track in twenty is 2.5 times worse.
        assert np.mean(np.abs(pull) > 3) == pytest.approx(0.0138, abs=0.003)


def test_a_muon_that_starts_away_from_the_beam_misses_it_by_its_bend(rng):
    """A circle of radius R through a point at r, outward there, misses the centre by r²/2R."""
    seen = detector.respond(shoot(detector.MUON, -1, 20.0, 0.5, 5000, radius=20.0), rng).candidates
    expected = 20.0**2 / 2 / (1000 * 20.0 / (0.3 * 3.8))
    # The median of 4500 tracks is known to 0.4 µm.
    assert abs(np.median(seen["d0"])) == pytest.approx(expected, abs=0.002)
    assert np.median(seen["z0"]) == pytest.approx(0, abs=0.004)


def test_towers_hold_the_energy_and_say_where_it_came_from(dijets, rng):
    seen = detector.respond(dijets, rng).towers
    total = (seen["em"] + seen["had"]).sum()
    # Charged particles below 0.74 GeV curl up before the calorimeter.
    reach = (dijets["charge"] == 0) | (dijets["pt"] > 0.74)
    reach &= (dijets["kind"] != detector.MUON) & (np.abs(dijets["eta"]) < 5)
    assert total == pytest.approx(dijets["energy"][reach].sum(), rel=0.02)
    assert (seen["hard"] == 1).all()
    photons = detector.respond(shoot(detector.PHOTON, 0, 30.0, 1.0, 2000), rng).towers
    assert (photons["had"] == 0).all()
    pions = detector.respond(shoot(detector.CHARGED_HADRON, 1, 30.0, 1.0, 4000), rng).towers
    share = pions["em"] / (pions["em"] + pions["had"])
    # The crystals are one interaction length deep: exp(-1) of the pions pass them.
    assert np.mean(share == 0) == pytest.approx(np.exp(-1), abs=0.03)


def test_a_hadron_passes_for_a_lepton_now_and_then(rng):
    seen = detector.respond(gun(detector.CHARGED_HADRON, 1, 20, 0.5, 200_000), rng).candidates
    tracks = seen["kind"][seen["charge"] != 0]
    assert np.mean(tracks == detector.ELECTRON) == pytest.approx(0.003, rel=0.2)
    assert np.mean(tracks == detector.MUON) == pytest.approx(0.001, rel=0.3)


def test_forward_particles_have_no_tracks_and_a_poor_resolution(rng):
    particles = shoot(detector.CHARGED_HADRON, 1, 40.0, 4.0, 5000)
    seen = detector.respond(particles, rng).candidates
    assert (seen["kind"] == detector.NEUTRAL_HADRON).all()
    energy = seen["pt"] * np.cosh(seen["eta"])
    expected = calorimeter.forward_resolution(particles["energy"][:1])[0]
    # The position of a cell of 0.17 adds to the momentum, not to the energy.
    assert np.std(energy) / particles["energy"][0] == pytest.approx(expected, rel=0.05)
