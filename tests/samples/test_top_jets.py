"""The committed file of top_jets: integrity, definition, physics."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, samples, substructure
from hepml_lib.samples.recipes import top_jets


@pytest.fixture(scope="module")
def jets():
    return samples.load("top_jets")


@pytest.fixture(scope="module")
def label(jets):
    return jets.label.to_numpy()


def column(jets, name):
    return jets[name].to_numpy().astype(np.float64)


def test_file_and_every_column_have_the_hash_of_the_manifest():
    samples.check("top_jets")


def test_splits_are_balanced_mixed_and_share_no_event(jets, label):
    split, event = jets.split.to_numpy(), jets.event.to_numpy()
    assert np.bincount(split).tolist() == [10_000, 2_000, 8_000]
    for code in range(3):
        inside = label[split == code]
        assert inside.mean() == 0.5
        # Mixed: of any hundred jets in a row, about half are top.
        runs = inside.reshape(-1, 100).mean(axis=1)
        assert runs.min() > 0.25
        assert runs.max() < 0.75
    # The identity names sample and split: no event can be in two.
    assert (event // 10**13 == 1).all()
    assert (event // 10**12 % 10 == split).all()
    # A collision gives top jets or QCD jets, and at most two of them.
    _, first, count = np.unique(event, return_index=True, return_counts=True)
    assert count.max() <= 3
    assert np.array_equal(label, label[first][np.searchsorted(event[first], event)])


def test_jets_are_in_the_window(jets):
    pt, eta = column(jets, "pt"), column(jets, "eta")
    assert pt.min() >= 550
    assert pt.max() <= 650
    assert np.abs(eta).max() <= 2
    assert np.isfinite(column(jets, "mass")).all()


def test_constituents_are_sorted_cut_and_near_the_axis(jets):
    inside = jets.constituents
    counts = ak.num(inside).to_numpy()
    assert counts.min() >= 1
    assert counts.max() <= 100
    assert ak.min(inside.pt) >= 0.5
    assert ak.all(inside.pt[:, :-1] >= inside.pt[:, 1:])
    assert ak.max(inside.deltaR(jets)) < 1.6
    assert (counts == 100).mean() < 0.02


def test_charges_go_with_kinds(jets):
    kind = ak.flatten(jets.constituents.kind).to_numpy()
    charge = np.abs(ak.flatten(jets.constituents.charge).to_numpy())
    assert np.array_equal(np.unique(kind), [0, 1, 2, 3, 4])
    assert np.array_equal(charge, np.isin(kind, (0, 3, 4)))
    # Tracks end at |eta| = 2.5, up to their resolution.
    assert np.abs(ak.flatten(jets.constituents.eta).to_numpy()[charge == 1]).max() < 2.51


def test_precision_is_the_stated_one(jets):
    pt = np.ascontiguousarray(ak.flatten(jets.constituents.pt).to_numpy())
    assert (pt.view(np.uint32) & (2**13 - 1) == 0).all()
    steps = ak.flatten(jets.constituents.eta - jets.eta).to_numpy() * 2**11
    assert np.abs(steps - np.rint(steps)).max() < 2e-3


def test_constituents_add_up_to_the_jet(jets):
    """The cut at 0.5 GeV and at 100 constituents takes 0.2 % of pT and little mass."""
    total = kinematics.total(jets.constituents)
    ratio = total.pt.to_numpy() / column(jets, "pt")
    assert ratio.mean() == pytest.approx(0.998, abs=0.001)
    assert np.median(total.mass.to_numpy() / column(jets, "mass")) == pytest.approx(
        0.995, abs=0.002
    )
    assert np.quantile(total.deltaR(jets).to_numpy(), 0.99) < 0.03


def peak(mass, low, high, bins):
    """Centre of the fullest bin, and the bin width."""
    counts, edges = np.histogram(mass, np.linspace(low, high, bins + 1))
    return edges[counts.argmax()] + 0.5 * (edges[1] - edges[0]), edges[1] - edges[0]


def test_top_jets_peak_at_the_mass_of_the_top(jets, label):
    jets = jets[label == 1][:4000]
    groomed = substructure.softdrop_mass(jets.constituents)
    for mass in (column(jets, "mass"), groomed):
        where, width = peak(mass, 120, 220, 20)
        assert abs(where - 172.5) <= width
    assert 0.85 < ((groomed > 105) & (groomed < 210)).mean() < 0.97


def test_top_jets_hold_a_w_boson(jets, label):
    """Of the three pairs of exclusive kT subjets, the lightest peaks near the mass of the W."""
    inside = jets.constituents[label == 1][:3000]
    flat = ak.flatten(inside)
    columns = (flat[name].to_numpy().astype(np.float64) for name in ("pt", "eta", "phi", "mass"))
    counts = ak.num(inside).to_numpy()
    with pytest.warns(UserWarning, match="exclusive"):
        subjets = substructure.cluster(*columns, counts, "kt_algorithm", 10.0).exclusive_jets(3)
    momenta = np.stack([ak.to_numpy(subjets[name]) for name in ("px", "py", "pz", "E")], axis=-1)
    pairs = momenta[:, [0, 0, 1]] + momenta[:, [1, 2, 2]]
    squares = pairs[..., 3] ** 2 - (pairs[..., :3] ** 2).sum(axis=-1)
    where, width = peak(np.sqrt(squares).min(axis=1), 40, 140, 20)
    assert abs(where - 80.4) <= 1.5 * width


def test_qcd_mass_falls_smoothly_with_no_peak_at_the_top(jets, label):
    counts, _ = np.histogram(column(jets, "mass")[label == 0], np.linspace(90, 250, 17))
    smooth = np.exp(np.polyval(np.polyfit(np.arange(16), np.log(counts), 2), np.arange(16)))
    pull = (counts - smooth) / np.sqrt(smooth)
    assert np.abs(pull).max() < 4
    assert counts[0] > 3 * counts[-1]


def test_pt_spectra_fall_and_the_edges_are_not_shaped(jets, label):
    for code in (0, 1):
        counts, _ = np.histogram(column(jets, "pt")[label == code], np.linspace(550, 650, 6))
        steps = np.diff(counts) / np.sqrt(counts[1:] + counts[:-1])
        assert steps.max() < 2
        assert 1.5 < counts[0] / counts[-1] < 3.5


def test_multiplicity_and_momentum_carriers(jets, label):
    inside = jets.constituents
    counts = ak.num(inside).to_numpy()
    assert 40 < counts[label == 0].mean() < 55
    assert counts[label == 1].mean() - counts[label == 0].mean() > 8
    total = ak.sum(inside.pt, axis=None)
    share = {kind: ak.sum(inside.pt[inside.kind == kind], axis=None) / total for kind in range(3)}
    # About two thirds charged and a quarter photons, as in any jet. A tenth of the tracks is lost,
    # and more of those from decays far from the beam: they turn neutral.
    assert 0.45 < share[0] < 0.6
    assert 0.08 < share[1] < 0.25
    assert 0.2 < share[2] < 0.3


def test_truth_agrees_with_the_jets(jets, label):
    top = label == 1
    parton = jets.parton_id.to_numpy()
    assert set(parton[top]) == {-6, 6}
    assert (parton[~top] == 0).mean() < 0.03
    assert set(np.abs(parton[~top])) <= {0, 1, 2, 3, 4, 5, 21}
    true = column(jets, "generated_pt")
    assert (true > 0).mean() > 0.999
    response = column(jets, "pt")[true > 0] / true[true > 0]
    assert np.median(response) == pytest.approx(1, abs=0.02)
    assert 0.03 < np.diff(np.quantile(response, [0.16, 0.84]))[0] / 2 < 0.06
    # A top jet has the pT of its top, up to radiation out of the cone.
    assert np.median(column(jets, "parton_pt")[top] / true[top]) == pytest.approx(1, abs=0.05)


def test_mass_and_substructure_separate_top_from_qcd(jets, label):
    """The textbook cut: the published N-subjettiness taggers (arXiv:1902.09914) go beyond it."""
    jets, label = jets[:6000], label[:6000]
    tau2, tau3 = (substructure.nsubjettiness(jets.constituents, n) for n in (2, 3))
    mass = column(jets, "mass")
    passed = (mass > 140) & (mass < 210) & (tau3 < 0.5 * tau2)
    assert 0.5 < passed[label == 1].mean() < 0.75
    assert 0.003 < passed[label == 0].mean() < 0.03


def test_particle_level_is_the_same_collisions_without_detector(small_chunk):
    seen = small_chunk("top_jets")
    true = top_jets.make_particle_level(top_jets.RECIPE.part("validation", 70), 12)
    common = np.intersect1d(seen["event"], true["event"])
    assert len(common) > 4
    assert np.array_equal(true["pt"].to_numpy(), true["generated_pt"].to_numpy())
    assert (seen["pt"].to_numpy() != seen["generated_pt"].to_numpy()).all()
    assert np.bincount(seen["label"].to_numpy()).tolist() == [6, 6]
