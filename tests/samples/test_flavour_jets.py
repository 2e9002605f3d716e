"""Jets of top pairs with tracks: labels, impact parameters, decays, and their truth."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.samples import ancestry, clustering, detector, pythia
from hepml_lib.samples.recipes import flavour_jets

RECIPE = flavour_jets.RECIPE
LABELS = {0: "light", 4: "c", 5: "b", 15: "tau"}

# Mean proper decay length [mm] and mass [GeV] of what is commonest (Review of Particle Physics).
HADRONS = {511: (0.455, 5.280), 521: (0.491, 5.279), 411: (0.310, 1.870), 421: (0.123, 1.865)}


@pytest.fixture(scope="module")
def jets():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / "flavour_jets.root").exists():
        return samples.load("flavour_jets")
    return RECIPE.decode(RECIPE.make(RECIPE.part("train", 0), 1500))


@pytest.fixture(scope="module")
def label(jets):
    return jets.label.to_numpy()


@pytest.fixture(scope="module")
def signed(jets):
    """Significance of the impact parameter with the sign of lifetime, as the data card has it."""
    tracks = jets.tracks
    return abs(tracks.d0 / tracks.d0_error) * np.sign(tracks.d0 * np.sin(jets.phi - tracks.phi))


def column(jets, name):
    return jets[name].to_numpy().astype(np.float64)


def flat(column):
    return ak.to_numpy(ak.flatten(column))


def test_splits_share_no_event(jets):
    event, split = jets.event.to_numpy(), jets.split.to_numpy()
    assert (event // 10**13 == 6).all()
    assert (event // 10**12 % 10 == split).all()
    assert np.unique(event, return_counts=True)[1].max() < 12


def test_jets_pass_the_selection(jets):
    assert column(jets, "pt").min() >= 20
    assert np.abs(column(jets, "eta")).max() <= 2.501
    response = column(jets, "pt") / column(jets, "generated_pt")
    assert np.median(response) == pytest.approx(0.99, abs=0.015)


def test_labels_and_weights(jets, label):
    assert set(np.unique(label)) == set(LABELS)
    for code, share in flavour_jets.KEPT.items():
        assert np.allclose(column(jets, "weight")[label == code], 1 / share)
    # What it is labelled by has that flavour.
    hadron = np.abs(jets.hadron_id.to_numpy())
    assert np.array_equal(ancestry.heavy_quark(hadron), np.where(label % 15 == 0, 0, label))
    assert np.array_equal(hadron == 15, label == 15)
    assert np.array_equal(hadron == 0, label == 0)
    assert column(jets, "hadron_pt")[label > 0].min() > 4.99


def test_fractions_of_top_pairs(jets, label):
    """Two b quarks an event; a W decays to c in a third of all cases, as often as to u."""
    weight = column(jets, "weight")
    total = {code: weight[label == code].sum() for code in LABELS}
    error = np.sqrt(sum((weight[label == code] ** 2).sum() for code in (4, 5))) / total[5]
    # 2 · 1/3 c quarks for 2 b quarks, and as likely in a jet that is in the acceptance; gluons that
    # split to c quarks add some.
    assert 0.30 - 4 * error < total[4] / total[5] < 0.42 + 4 * error
    # 2 · 1/9 · 0.65 taus with hadrons, of which the neutrino takes a third of the momentum.
    assert 0.03 < total[15] / total[5] < 0.072
    assert 0.25 < total[5] / sum(total.values()) < 0.42


@pytest.mark.parametrize("code", HADRONS)
def test_hadrons_fly_their_lifetime(jets, code):
    length, mass = HADRONS[code]
    chosen = np.abs(jets.hadron_id.to_numpy()) == code
    jets = jets[chosen]
    proper = column(jets, "hadron_lxy") / column(jets, "hadron_pt") * mass
    # 2 % for Pythia's table, which is some years older, and for hadrons that carry a jet's label.
    assert abs(proper.mean() / length - 1) < 4 / np.sqrt(chosen.sum()) + 0.03
    assert (column(jets, "hadron_flight") >= 0.99 * column(jets, "hadron_lxy")).all()


def test_tracks_are_sorted_and_near_the_axis(jets):
    tracks = jets.tracks
    assert ak.all(tracks.pt[:, :-1] >= tracks.pt[:, 1:])
    assert ak.min(tracks.pt) >= 0.5
    assert ak.max(tracks.deltaR(jets)) < 0.402
    assert ak.all(np.abs(tracks.charge) == 1)
    assert (ak.num(tracks) == flavour_jets.MAX_TRACKS).to_numpy().mean() < 0.001


def test_errors_of_impact_parameters_are_right(jets):
    """Core of unit width with one track in twenty in a tail 2.5 times as wide."""
    primary = jets.tracks[jets.tracks.origin == 1]
    expected = np.sqrt(0.95 + 0.05 * 2.5**2)
    for name in ("d0", "z0"):
        pull = flat(primary[name] / primary[f"{name}_error"])
        assert abs(pull.mean()) < 4 * expected / np.sqrt(len(pull))
        assert pull.std() == pytest.approx(expected, abs=4 / np.sqrt(len(pull)) + 0.01)


def test_impact_parameter_is_that_of_the_true_vertex(jets):
    """Near the beam a track is straight: its distance from the line through the decay."""
    chosen = jets[ak.num(jets.vertices) > 0]
    tracks = chosen.tracks[chosen.tracks.vertex >= 0]
    vertex = chosen.vertices[tracks.vertex]
    near = (np.hypot(vertex.x, vertex.y) < 10) & (tracks.pt > 2)
    # The axis is exact to half a step, and over 10 mm the field bends a track of 2 GeV by 30 µm.
    expected = -vertex.x * np.sin(tracks.phi) + vertex.y * np.cos(tracks.phi)
    radius = tracks.pt * 1000 / (0.3 * 3.8)
    bend = tracks.charge * (vertex.x**2 + vertex.y**2 - expected**2) / (2 * radius)
    pull = flat(((tracks.d0 - expected + bend) / tracks.d0_error)[near])
    assert abs(np.median(pull)) < 5 / np.sqrt(len(pull))
    # Beyond the resolution of d0 there are the angles: of the track and in steps of 1 mrad.
    assert 0.95 < np.diff(np.quantile(pull, [0.16, 0.84]))[0] / 2 < 1.15


def test_origins_agree_with_the_vertices(jets):
    tracks = jets.tracks
    assert ak.all((tracks.origin == 1) == (tracks.vertex == -1))
    assert not ak.any(tracks.origin == 0)
    chosen = jets[ak.num(jets.vertices) > 0]
    tracks = chosen.tracks[chosen.tracks.vertex >= 0]
    vertex = chosen.vertices[tracks.vertex]
    origin, code = flat(tracks.origin), np.abs(flat(vertex.id))
    quark = ancestry.heavy_quark(code)
    assert np.array_equal(np.isin(origin, (3, 4)), quark == 4)
    assert np.array_equal(origin == 2, quark == 5)
    assert np.array_equal(origin == 5, code == 15)
    assert np.isin(code[origin == 6], (310, 3122, 3112, 3222, 3312, 3322, 3334)).all()
    # Charm of a b hadron stems from one in the list.
    above = flat(vertex.mother)
    assert (above[origin == 3] >= 0).all()
    assert (above[np.isin(origin, (2, 4))] == -1).all()


def test_no_vertex_has_more_tracks_than_charged_particles(jets):
    tracks, vertices = jets.tracks, jets.vertices
    number = ak.local_index(vertices, axis=1)
    seen = ak.sum(number[:, :, None] == tracks.vertex[:, None, :], axis=2)
    assert ak.all(seen <= vertices.charged)
    assert ak.all(vertices.mother < ak.num(vertices))


def test_tracks_of_b_jets_are_displaced(jets, label, signed):
    hard = signed[jets.tracks.pt > 1]
    share = {code: (flat(hard[label == code]) > 3).mean() for code in LABELS}
    negative = {code: (flat(hard[label == code]) < -3).mean() for code in LABELS}
    assert 0.30 < share[5] < 0.40
    assert 0.08 < share[4] < 0.16
    assert 0.015 < share[0] < 0.04
    # Without lifetime the sign is a coin: what is negative is mostly resolution and strange decays.
    assert share[5] > 5 * negative[5]
    assert negative[0] < share[0]


def test_primary_tracks_have_no_lifetime(jets, signed):
    chosen = flat(signed[jets.tracks.origin == 1])
    up, down = (chosen > 2).sum(), (chosen < -2).sum()
    assert abs(up - down) < 4 * np.sqrt(up + down)


def test_b_hadrons_carry_their_jets(jets, label):
    """A b hadron has most of its quark's momentum; of it, neutrinos take part out of the jet."""
    share = (column(jets, "hadron_pt") / column(jets, "pt"))[label == 5]
    assert 0.80 < np.median(share) < 0.92
    # Five charged particles of a b hadron and its charm.
    tracks = jets.tracks[label == 5]
    displaced = ak.sum((tracks.origin == 2) | (tracks.origin == 3), axis=1).to_numpy()
    assert 3 < displaced.mean() < 5


def test_prompt_leptons_make_no_jets(jets):
    leading = jets.tracks[ak.num(jets.tracks) > 0][:, 0]
    pt = jets.pt[ak.num(jets.tracks) > 0]
    lepton = (leading.kind >= detector.ELECTRON) & (leading.origin == 1) & (leading.pt > 0.8 * pt)
    assert ak.mean(lepton) < 0.005


def test_labels_find_the_b_quarks():
    """Of the b hadrons well inside the acceptance nearly all have their jet."""
    table = pythia.records(next(pythia.batches(flavour_jets.CARD, 5_150_002, 60)).prt)
    decays = ancestry.weak_decays(table)
    candidates = detector.respond(
        pythia.visible_particles(table), np.random.default_rng(3)
    ).candidates
    found, _ = clustering.anti_kt(candidates, flavour_jets.RADIUS, flavour_jets.JET_PT)
    flavour, hadron = ancestry.jet_labels(found, decays)
    chosen = (decays["flavour"] == 5) & (decays["pt"] > 40) & (np.abs(decays["eta"]) < 2.2)
    matched = np.isin(np.flatnonzero(chosen), hadron)
    assert chosen.sum() > 40
    assert matched.mean() > 0.95
    assert (flavour[np.isin(hadron, np.flatnonzero(chosen))] == 5).all()


def test_every_field_is_documented(jets):
    assert set(RECIPE.fields) == set(jets.fields)
