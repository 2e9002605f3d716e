"""The sample boosted_jets: definition, equal spectra, tracks, and the physics of its classes."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from scipy import stats

from hepml_lib import settings
from hepml_lib.samples import storage
from hepml_lib.samples.detector import tracker
from hepml_lib.samples.recipes import boosted_jets

CLASSES = {name: label for label, name in enumerate(boosted_jets.CLASSES)}


@pytest.fixture(scope="module")
def loaded():
    """Committed file, or where there is none a small chunk made now."""
    file = settings.data_dir() / "samples" / "boosted_jets.root"
    if file.exists():
        return boosted_jets.RECIPE.decode(storage.read(file))
    return boosted_jets.RECIPE.decode(
        boosted_jets.make(boosted_jets.RECIPE.part("validation", 0), 480)
    )


@pytest.fixture(scope="module")
def label(loaded):
    return loaded.label.to_numpy()


def column(loaded, name):
    return loaded[name].to_numpy().astype(np.float64)


def tracks(loaded):
    return loaded.constituents[loaded.constituents.charge != 0]


def test_fields_are_the_documented_ones(loaded):
    assert set(loaded.fields) == set(boosted_jets.RECIPE.fields)
    # No name is one that a four-vector computes.
    for name in loaded.fields:
        if name != "constituents":
            assert ak.array_equal(getattr(loaded, name), loaded[name])


def test_splits_are_balanced_mixed_and_share_no_event(loaded, label):
    split, event = loaded.split.to_numpy(), loaded.event.to_numpy()
    for code in np.unique(split):
        numbers = np.bincount(label[split == code], minlength=6)
        assert numbers.max() == numbers.min()
    runs = label[: len(label) // 100 * 100].reshape(-1, 100)
    assert max(np.bincount(run).max() for run in runs) < 45
    assert (event // 10**13 == 5).all()
    assert (event // 10**12 % 10 == split).all()
    assert (event % 10**6 // 100_000 == label).all()
    assert np.unique(event, return_counts=True)[1].max() <= 3


def test_jets_are_in_the_window(loaded):
    assert column(loaded, "pt").min() >= 399.5
    assert column(loaded, "pt").max() <= 800.5
    assert np.abs(column(loaded, "eta")).max() <= 1.5
    for name in loaded.fields:
        if name != "constituents":
            assert np.isfinite(column(loaded, name)).all()


def p_value(counts, expected, freedom, event, where):
    """Of agreement of counts with expectations.

    The two jets of an event often share a bin: the variance is not the mean of a count, but larger
    by the mean square over the mean of the jets that an event has in a bin.
    """
    number = np.unique(np.stack([event, where]), axis=1, return_counts=True)[1]
    spread = (number**2).sum() / number.sum()
    return stats.chi2.sf(((counts - expected) ** 2 / expected).sum() / spread, freedom)


@pytest.mark.parametrize(
    ("name", "edges"), [("pt", np.linspace(400, 800, 9)), ("eta", np.linspace(0, 1.5, 7))]
)
def test_all_classes_have_the_same_spectra(loaded, label, name, edges):
    values, event = np.abs(column(loaded, name)), loaded.event.to_numpy()
    where = np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2)
    counts = np.stack([np.bincount(where[label == code]) for code in np.unique(label)])
    expected = counts.sum(axis=0) * counts.sum(axis=1, keepdims=True) / counts.sum()
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    assert p_value(counts, expected, freedom, event, where) > 1e-3
    if name == "pt":
        flat = np.full(len(edges) - 1, len(values) / (len(edges) - 1))
        assert p_value(counts.sum(axis=0), flat, len(flat) - 1, event, where) > 1e-3


def test_truth_is_that_of_the_label(loaded, label):
    parton = np.abs(loaded.parton_id.to_numpy())
    wanted = {"H": (25,), "W": (24,), "Z": (23,), "t": (6,), "q": (1, 2, 3), "g": (21,)}
    for name, allowed in wanted.items():
        assert np.isin(parton[label == CLASSES[name]], allowed).all()
    flavour = loaded.decay_flavour.to_numpy()
    assert (flavour[np.isin(label, (CLASSES["q"], CLASSES["g"]))] == 0).all()
    assert (flavour[label == CLASSES["H"]] == 5).all()
    # One top in six hundred decays to s or d.
    assert (flavour[label == CLASSES["t"]] == 5).mean() > 0.99
    # W to c s or u d, and one decay in a thousand with a b.
    assert set(flavour[label == CLASSES["W"]]) <= {2, 3, 4, 5}
    assert (flavour[label == CLASSES["W"]] == 4).mean() == pytest.approx(0.5, abs=0.15)


def test_hadrons_follow_the_decay(loaded, label):
    b, c = column(loaded, "b_hadrons"), column(loaded, "c_hadrons")
    flavour = loaded.decay_flavour.to_numpy()
    # Two b quarks, now and then one hadron softer than 5 GeV or outside.
    assert 1.9 < b[label == CLASSES["H"]].mean() < 2.08
    assert 0.95 < b[label == CLASSES["t"]].mean() < 1.1
    assert b[label == CLASSES["W"]].mean() < 0.1
    assert b[label == CLASSES["q"]].mean() < 0.1
    # A gluon of 600 GeV splits into b quarks in a few percent of the jets.
    assert 0.01 < (b[label == CLASSES["g"]] > 0).mean() < 0.15
    z = label == CLASSES["Z"]
    assert b[z & (flavour == 5)].mean() > 1.8
    assert b[z & (flavour < 5)].mean() < 0.1
    assert c[z & (flavour == 4)].mean() > 1.8
    assert c[(label == CLASSES["W"]) & (flavour == 4)].mean() > 0.9


def test_z_decays_with_the_branching_fractions(loaded, label):
    """Of hadronic Z decays 21.6 % are to b and 17.2 % to c quarks (PDG, R_b and R_c)."""
    flavour = loaded.decay_flavour.to_numpy()[label == CLASSES["Z"]]
    for quark, fraction in ((5, 0.216), (4, 0.172)):
        error = np.sqrt(fraction * (1 - fraction) / len(flavour))
        assert (flavour == quark).mean() == pytest.approx(fraction, abs=4 * error)


def test_impact_parameters_are_measured_with_their_errors(loaded, label):
    """Tracks of light-quark jets come from the vertex: their significance is nearly normal.

    Its core is 3 % wider for the one track in twenty that is measured worse than it seems, and
    about as much again for strange hadrons.
    """
    held = ak.flatten(tracks(loaded[label == CLASSES["q"]]))
    pt, eta = (held[name].to_numpy().astype(np.float64) for name in ("pt", "eta"))
    for name, error in (("d0", tracker.d0_resolution), ("z0", tracker.z0_resolution)):
        given = held[f"{name}_error"].to_numpy()
        assert np.median(given / error(pt, eta)) == pytest.approx(1, abs=0.02)
        pull = held[name].to_numpy() / given
        core = np.diff(np.quantile(pull, [0.16, 0.84]))[0] / 2
        assert core == pytest.approx(1.06, abs=0.06)
        assert np.median(pull) == pytest.approx(0, abs=4 * 1.25 / np.sqrt(len(pull)))
    neutral = ak.flatten(loaded.constituents[loaded.constituents.charge == 0])
    for name in ("d0", "z0", "d0_error", "z0_error"):
        assert (neutral[name].to_numpy() == 0).all()


def displaced(loaded):
    """Tracks above 1 GeV with an impact parameter of more than 4 errors, up to 2 mm, per jet."""
    held = tracks(loaded)
    off = (np.abs(held.d0) > 4 * held.d0_error) & (np.abs(held.d0) < 2) & (held.pt > 1)
    return ak.sum(off, axis=1).to_numpy()


def test_beauty_shows_in_displaced_tracks(loaded, label):
    number = displaced(loaded)
    mean = {name: number[label == code].mean() for name, code in CLASSES.items()}
    assert mean["H"] > 2 * mean["Z"] > 2 * mean["q"]
    assert mean["t"] > 2 * mean["W"]
    # One cut on their number: it keeps two Higgs bosons of three, and one light jet in a hundred.
    tagged = {name: (number[label == code] >= 4).mean() for name, code in CLASSES.items()}
    assert 0.5 < tagged["H"] < 0.8
    assert tagged["q"] < 0.05


def peak(mass, pole, width=0.15):
    """Mean mass about the pole and its error, cut again around itself until it rests."""
    centre = pole
    for _ in range(20):
        near = mass[np.abs(mass - centre) < width * pole]
        centre = near.mean()
    return centre, near.std() / np.sqrt(len(near))


def test_groomed_masses_peak_at_the_poles(loaded, label):
    """Within 3 % for response, lost and added particles; H to bb loses neutrinos besides."""
    groomed = column(loaded, "groomed_mass")
    found = {}
    for name, pole, low in (("W", 80.4, 3), ("Z", 91.2, 3), ("t", 173.0, 3), ("H", 125.0, 8)):
        found[name] = mass, error = peak(groomed[label == CLASSES[name]], pole)
        assert -low / 100 * pole - 3 * error < mass - pole < 0.03 * pole + 3 * error
    # In the ratio the response cancels, once decays with b quarks and their neutrinos are left out.
    light = loaded.decay_flavour.to_numpy() < 4
    w, z = (
        peak(groomed[light & (label == CLASSES[name])], pole)
        for name, pole in (("W", 80.4), ("Z", 91.2))
    )
    error = np.hypot(w[1] / w[0], z[1] / z[0])
    assert z[0] / w[0] == pytest.approx(91.19 / 80.39, rel=0.01 + 3 * error)


def test_gluons_have_more_particles_than_quarks(loaded, label):
    """Asymptotically by C_A/C_F = 9/4, at these energies by about 1.5."""
    count = column(loaded, "multiplicity")
    quark, gluon = (count[label == CLASSES[name]] for name in "qg")
    error = np.hypot(*(x.std() / np.sqrt(len(x)) / x.mean() for x in (quark, gluon)))
    ratio = gluon.mean() / quark.mean()
    assert 1.3 - 3 * error < ratio < 1.8 + 3 * error


def test_prongs_show_in_subjettiness_and_correlators(loaded, label):
    ratios = {
        "tau_21": (loaded.tau_2 / loaded.tau_1).to_numpy(),
        "tau_32": (loaded.tau_3 / loaded.tau_2).to_numpy(),
        "d2": (loaded.ecf_3 / loaded.ecf_2**3).to_numpy(),
    }
    median = {
        name: {ratio: np.median(value[label == code]) for ratio, value in ratios.items()}
        for name, code in CLASSES.items()
    }
    for boson in "HWZ":
        for other in "tqg":
            assert median[boson]["tau_21"] < median[other]["tau_21"]
        assert median["t"]["tau_32"] < median[boson]["tau_32"]
        assert median[boson]["d2"] < median["g"]["d2"]


def test_subjettiness_falls_with_the_number_of_axes(loaded):
    taus = np.stack([column(loaded, f"tau_{n}") for n in range(1, 5)])
    # The axes are kT jets and not the best ones: now and then one more axis does not help.
    assert (np.diff(taus, axis=0) <= 0).mean(axis=1).min() > 0.93


def test_quarks_of_the_higgs_are_isotropic(loaded, label):
    """A scalar has no direction: up to where one jet cannot hold the decay, |cos| is uniform."""
    # Above 600 GeV both quarks lie within 2 m / (pT sqrt(1 - cos^2)) < 0.6 of each other.
    chosen = (label == CLASSES["H"]) & (column(loaded, "pt") > 600)
    angle = column(loaded, "decay_angle")[chosen]
    inside = angle[angle < 0.7]
    assert stats.kstest(inside / 0.7, "uniform").pvalue > 1e-3


def test_momenta_agree_with_the_particle_level(loaded):
    true = column(loaded, "generated_pt")
    assert (true > 0).mean() > 0.999
    response = column(loaded, "pt")[true > 0] / true[true > 0]
    assert np.median(response) == pytest.approx(1, abs=0.015)
    assert 0.02 < np.diff(np.quantile(response, [0.16, 0.84]))[0] / 2 < 0.06
