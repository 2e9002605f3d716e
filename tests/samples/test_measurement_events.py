"""Events for the measurement: both levels, truth, backgrounds, trigger, two worlds."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, samples, settings
from hepml_lib.samples.detector import ELECTRON, MUON, level1
from hepml_lib.samples.recipes import measurement_events as recipe

RECIPE = recipe.RECIPE
TTBAR, WJETS, QCD = 0, 1, 2


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / "measurement_events.root").exists():
        return samples.load("measurement_events")
    return RECIPE.decode(RECIPE.make(RECIPE.part("train", 0), 100))


@pytest.fixture(scope="module")
def top_pairs(events):
    return events[events.process == TTBAR]


def column(events, name):
    return events[name].to_numpy().astype(np.float64)


def momenta(records):
    """Four-momenta in double precision."""
    names = ("pt", "eta", "phi", "mass")
    return kinematics.momenta({n: ak.values_astype(records[n], np.float64) for n in names}, 2)


def total_mass(records):
    return kinematics.total(momenta(records)).mass.to_numpy()


def transverse_mass(lepton, pt, phi):
    return np.sqrt(2 * lepton.pt * pt * (1 - np.cos(lepton.phi - phi))).to_numpy()


def near(value, expected, count, spread):
    """Within four standard deviations of a mean of `count` values."""
    return abs(value - expected) < 4 * spread / np.sqrt(count)


def test_events_are_unique_and_of_their_split(events):
    event, split = events.event.to_numpy(), events.split.to_numpy()
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 16).all()
    assert (event // 10**12 % 10 == split).all()
    # World and process are in the number: no two of them share an event.
    source = event % 10**6 // 100_000
    assert np.array_equal(source, 3 * events.world.to_numpy() + events.process.to_numpy())


def test_worlds_and_processes_have_their_shares(events):
    for world in (0, 1):
        chosen = events.process.to_numpy()[events.world.to_numpy() == world]
        assert len(chosen) == pytest.approx(len(events) / 2, abs=1)
        assert np.allclose(np.bincount(chosen) / len(chosen), recipe.SHARES, atol=0.02)


def test_selection_is_the_stated_one(events):
    jets = ak.sum(events.jets.pt > 25, axis=1)
    lepton = ak.any(events.leptons.pt > 20, axis=1)
    passed = ((jets >= 3) & lepton).to_numpy()
    assert np.array_equal(passed, events.selected.to_numpy())
    assert ak.max(events.leptons.isolation) < 1.01
    assert ak.max(abs(events.jets.eta)) < 2.51
    assert ak.all(events.selected | events.fiducial)


def test_fiducial_region_is_the_stated_one(events):
    leptons, jets = events.genleptons, events.genjets
    jets = jets[(jets.pt > 30) & (abs(jets.eta) < 2.4)]
    leptons = leptons[(leptons.pt > 25) & (abs(leptons.eta) < 2.4)]
    passed = (ak.num(leptons) == 1) & (ak.num(jets) >= 4) & (ak.sum(jets.label == 5, axis=1) >= 2)
    assert ak.all(passed == events.fiducial)
    # Two b quarks with a W are rare, and prompt leptons are not in multijets.
    background = events.process != TTBAR
    assert ak.mean(events.fiducial[background]) < 0.05
    assert not ak.any(events.fiducial[events.process == QCD])


def test_efficiency_of_the_fiducial_region(top_pairs):
    """Muons are identified in 96 % of the cases, electrons in 90 %; the jets nearly always."""
    inside = top_pairs[top_pairs.fiducial]
    count = len(inside)
    efficiency = ak.mean(inside.selected)
    assert near(efficiency, 0.83, count, 0.38)
    assert efficiency < 0.96 + 4 * 0.37 / np.sqrt(count)


def test_partons_make_a_top(top_pairs):
    assert ak.all(ak.num(top_pairs.tops) == 2)
    assert ak.all(ak.num(top_pairs.partons) == 4)
    quarks = top_pairs.partons
    # Charge: b of the hadronic top has the sign of its top, and the W that of their pair.
    assert ak.all(np.sign(quarks.id[:, 0]) == np.sign(top_pairs.tops.id[:, 0]))
    assert ak.all(np.sign(quarks.id[:, 1]) == np.sign(top_pairs.tops.id[:, 1]))
    assert ak.all(top_pairs.tops.id[:, 0] == -top_pairs.tops.id[:, 1])
    assert ak.all((quarks.id[:, 2] > 0) & (quarks.id[:, 3] < 0))
    hadronic = total_mass(quarks[:, 1:])
    assert np.median(hadronic / column(top_pairs.tops[:, 1], "mass")) == pytest.approx(1, abs=0.01)
    boson = total_mass(quarks[:, 2:])
    assert abs(np.median(boson) - 80.4) < 0.5


def test_mass_of_the_simulated_top_is_the_card_s(top_pairs):
    mass = top_pairs.tops.mass[top_pairs.world == 0].to_numpy()
    assert np.median(mass) == pytest.approx(172.5, abs=0.3)


def test_lepton_and_neutrino_make_a_w(events):
    chosen = events[(events.process != QCD) & (ak.num(events.genleptons) > 0)]
    lepton = chosen.genleptons[:, 0]
    product = np.cosh(lepton.eta - chosen.neutrino_eta) - np.cos(lepton.phi - chosen.neutrino_phi)
    mass = np.sqrt(2 * lepton.pt * chosen.neutrino_pt * product).to_numpy()
    assert np.median(mass) == pytest.approx(80.3, abs=0.5)


def test_transverse_mass_ends_at_the_w(events):
    chosen = events[(events.process == WJETS) & (ak.num(events.genleptons) > 0)]
    true = transverse_mass(chosen.genleptons[:, 0], chosen.neutrino_pt, chosen.neutrino_phi)
    # Of the W's Breit-Wigner a few per cent lie above 85 GeV; half of those come near the edge.
    assert (true > 85).mean() < 0.08
    assert (true > 60).mean() > 0.4
    seen = chosen[ak.num(chosen.leptons) > 0]
    reconstructed = transverse_mass(seen.leptons[:, 0], seen.met_pt, seen.met_phi)
    # At 50 pileup the missing momentum has a resolution of 35 GeV.
    assert np.std(reconstructed) > np.std(true)


def test_jets_of_the_quarks_make_w_and_top(top_pairs):
    chosen = top_pairs[ak.all(top_pairs.partons.jet >= 0, axis=1) & top_pairs.selected]
    share = len(chosen) / ak.sum(top_pairs.selected)
    assert 0.2 < share < 0.45
    place = chosen.partons.jet
    w, top = (total_mass(chosen.jets[place[:, first:]]) for first in (2, 1))
    # Jets are not calibrated: they lack what leaves their cone, and neutrinos of b hadrons.
    spread = 25 / np.sqrt(len(chosen))
    assert abs(np.median(w) - 72.5) < 4 * 0.6 * spread + 0.5
    assert abs(np.median(top) - 150) < 4 * 1.25 * spread + 1
    label = chosen.jets.label[place]
    assert ak.mean(label[:, :2] == 5) > 0.93


def test_number_of_interactions(events):
    number = column(events, "interactions")
    assert near(number.mean(), 1 + recipe.PILEUP, len(number), np.sqrt(recipe.PILEUP))


def test_constituents_belong_to_their_jets(events):
    jets = events.jets
    inside = jets.constituents
    assert ak.all(ak.num(inside) == ak.num(jets.pt))
    assert ak.all(inside.pt[:, :, :-1] >= inside.pt[:, :, 1:])
    distance = kinematics.delta_r(
        *(
            ak.to_numpy(ak.flatten(x, axis=None))
            for x in ak.broadcast_arrays(inside.eta, inside.phi, jets.eta, jets.phi)
        )
    )
    assert np.quantile(distance, 0.99) < 0.45
    assert ak.max(ak.sum(inside.charge == 0, axis=2)) <= 4
    assert ak.all(inside.d0_error[inside.charge == 0] == 0)
    assert ak.all(inside.origin[inside.charge == 0] == 0)
    share = ak.flatten(ak.sum(inside.pt, axis=2) / jets.pt).to_numpy()
    assert np.median(share) == pytest.approx(0.96, abs=0.04)


def test_pileup_tracks_are_nearly_gone(events):
    tracks = events.jets.constituents
    tracks = tracks[tracks.charge != 0]
    origin = ak.to_numpy(ak.flatten(tracks.origin, axis=None))
    assert (origin == 0).mean() < 0.02


def test_b_jets_have_displaced_tracks(events):
    jets = events.jets
    tracks = jets.constituents
    tracks = tracks[(tracks.charge != 0) & (tracks.pt > 1)]
    sign = np.sign(tracks.d0 * np.sin(jets.phi - tracks.phi))
    significance = abs(tracks.d0 / tracks.d0_error) * sign
    share = {
        code: (ak.to_numpy(ak.flatten(significance[jets.label == code], axis=None)) > 3).mean()
        for code in (5, 0)
    }
    assert share[5] > 0.22
    assert share[0] < 0.04


def test_top_pairs_have_two_b_jets(top_pairs):
    number = ak.sum(top_pairs.jets.label == 5, axis=1)[top_pairs.selected].to_numpy()
    assert near(number.mean(), 1.6, len(number), 0.6)
    assert (number > 2).mean() < 0.05


def test_leptons_of_multijets_are_not_isolated(events):
    chosen = events[events.selected]
    leading = chosen.leptons[:, 0]
    isolated = (leading.isolation < 0.15).to_numpy()
    process = chosen.process.to_numpy()
    assert isolated[process == QCD].mean() < 0.15
    for prompt in (TTBAR, WJETS):
        assert isolated[process == prompt].mean() > 0.8
    # The forced decays favour neither charge.
    charge = leading.charge.to_numpy()[process == QCD]
    assert near(charge.mean(), 0, len(charge), 1)


def test_level1_sees_what_is_reconstructed(events):
    chosen = events[events.selected]
    leading = chosen.leptons[:, 0]
    hard = (leading.pt > 30).to_numpy() & (chosen.process.to_numpy() != QCD)
    muon = hard & (leading.kind == MUON).to_numpy()
    found = ak.fill_none(ak.max(chosen.l1muons.pt, axis=1), 0).to_numpy() * level1.SCALES["pt"]
    # The muon trigger has an efficiency of 0.93, and its resolution takes some below 15 GeV.
    efficiency = (found[muon] > 15).mean()
    assert abs(efficiency - 0.93) < 4 * np.sqrt(0.07 / muon.sum()) + 0.01
    electron = hard & (leading.kind == ELECTRON).to_numpy()
    found = ak.fill_none(ak.max(chosen.l1egammas.pt, axis=1), 0).to_numpy() * level1.SCALES["pt"]
    assert (found[electron] > 20).mean() > 0.9
    jet = chosen.jets.pt[:, 0].to_numpy()
    first = ak.fill_none(ak.max(chosen.l1jets.pt, axis=1), 0).to_numpy() * level1.SCALES["pt"]
    assert np.median((first / jet)[jet > 60]) == pytest.approx(1, abs=0.15)


def test_missing_momentum_is_the_neutrino(events):
    chosen = events[(events.process != QCD) & (events.neutrino_pt > 80)]
    angle = kinematics.wrap_phi(column(chosen, "met_phi") - column(chosen, "neutrino_phi"))
    assert np.median(np.abs(angle)) < 0.5
    ratio = column(chosen, "met_pt") / column(chosen, "neutrino_pt")
    assert 0.8 < np.median(ratio) < 1.2


def test_cross_sections(events):
    one = {
        (world, process): column(events[chosen], "cross_section")[0]
        for world in (0, 1)
        for process in (TTBAR, WJETS, QCD)
        if ak.any(chosen := (events.world == world) & (events.process == process))
    }
    # 8/27 of 573 pb at leading order are of this channel; half of them are kept.
    assert 0.4 < one[0, TTBAR] / (573 * 8 / 27) < 0.65
    # The worlds differ by more than the errors of these constants.
    assert abs(one[1, TTBAR] / one[0, TTBAR] - 1) > 0.05


def test_worlds_differ_and_share_the_detector(events):
    """Nature has another top; what does not depend on the collision is the same."""
    tops = events[events.process == TTBAR]
    mass = {world: np.median(tops.tops.mass[tops.world == world].to_numpy()) for world in (0, 1)}
    assert abs(mass[1] - mass[0]) > 0.3
    rho = {world: column(events[events.world == world], "rho") for world in (0, 1)}
    error = np.hypot(*(value.std() / np.sqrt(len(value)) for value in rho.values()))
    # Two crossings of a chunk share its pool of pileup: allow for a little more.
    assert abs(rho[0].mean() - rho[1].mean()) < 5 * error


def test_every_field_is_documented(events):
    assert set(RECIPE.fields) == set(events.fields)
