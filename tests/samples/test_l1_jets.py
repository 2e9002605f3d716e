"""The sample l1_jets: definition, equal spectra, and the physics of its five classes."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from scipy import stats

from hepml_lib import settings
from hepml_lib.samples import storage
from hepml_lib.samples.recipes import l1_jets

CLASSES = {name: label for label, name in enumerate(l1_jets.CLASSES)}


@pytest.fixture(scope="module")
def columns():
    """Committed file, or where there is none a small chunk made now."""
    file = settings.data_dir() / "samples" / "l1_jets.root"
    if file.exists():
        return storage.read(file)
    return l1_jets.make(l1_jets.RECIPE.part("validation", 0), 500)


@pytest.fixture(scope="module")
def loaded(columns):
    return l1_jets.RECIPE.decode(columns)


@pytest.fixture(scope="module")
def label(loaded):
    return loaded.label.to_numpy()


def column(loaded, name):
    return loaded[name].to_numpy().astype(np.float64)


def test_fields_are_the_documented_ones(loaded):
    assert set(loaded.fields) == set(l1_jets.RECIPE.fields)
    # No name is one that a four-vector computes.
    for name in loaded.fields:
        if name != "constituents":
            assert ak.array_equal(getattr(loaded, name), loaded[name])


def test_splits_are_balanced_mixed_and_share_no_event(loaded, label):
    split, event = loaded.split.to_numpy(), loaded.event.to_numpy()
    for code in np.unique(split):
        numbers = np.bincount(label[split == code], minlength=5)
        assert numbers.max() == numbers.min()
    # Mixed: no class fills a hundred jets in a row.
    runs = label[: len(label) // 100 * 100].reshape(-1, 100)
    assert max(np.bincount(run).max() for run in runs) < 45
    assert (event // 10**13 == 4).all()
    assert (event // 10**12 % 10 == split).all()
    assert (event % 10**6 // 100_000 == label).all()
    # At most the two of the hard process and one from radiation near them.
    assert np.unique(event, return_counts=True)[1].max() <= 3


def test_jets_are_in_the_window(loaded):
    assert column(loaded, "pt").min() >= 799
    assert column(loaded, "pt").max() <= 1201
    assert np.abs(column(loaded, "eta")).max() <= 1.5
    for name in loaded.fields:
        if name != "constituents":
            assert np.isfinite(column(loaded, name)).all()


def test_constituents_are_the_hardest_32(loaded):
    inside = loaded.constituents
    counts = ak.num(inside).to_numpy()
    assert counts.max() == 32
    assert (counts <= loaded.multiplicity.to_numpy()).all()
    assert (counts == 32).mean() > 0.7
    assert ak.all(inside.pt[:, :-1] >= inside.pt[:, 1:])
    assert ak.min(inside.pt) >= 0.5
    share = ak.sum(inside.pt, axis=1).to_numpy() / column(loaded, "pt")
    assert 0.9 < share.mean() < 1.0
    charged = np.abs(ak.flatten(inside.charge).to_numpy())
    assert np.array_equal(charged, np.isin(ak.flatten(inside.kind).to_numpy(), (0, 3, 4)))


def p_value(counts, expected, freedom, event, where):
    """Of agreement of counts with expectations.

    The two jets of an event often share a bin: the variance is not the mean of a count, but larger
    by the mean square over the mean of the jets that an event has in a bin.
    """
    number = np.unique(np.stack([event, where]), axis=1, return_counts=True)[1]
    spread = (number**2).sum() / number.sum()
    return stats.chi2.sf(((counts - expected) ** 2 / expected).sum() / spread, freedom)


@pytest.mark.parametrize(
    ("name", "edges"), [("pt", np.linspace(800, 1200, 9)), ("eta", np.linspace(0, 1.5, 7))]
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
    for name, allowed in {"q": (1, 2, 3), "g": (21,), "W": (24,), "Z": (23,), "t": (6,)}.items():
        assert np.isin(parton[label == CLASSES[name]], allowed).all()
    flavour = loaded.decay_flavour.to_numpy()
    assert (flavour[label < 2] == 0).all()
    # One top in six hundred decays to s or d.
    assert (flavour[label == CLASSES["t"]] == 5).mean() > 0.99
    angle = column(loaded, "decay_angle")
    assert (angle[(label != CLASSES["W"]) & (label != CLASSES["Z"])] == 0).all()
    assert angle.max() <= 1


def test_momenta_agree_with_the_particle_level(loaded):
    true = column(loaded, "generated_pt")
    assert (true > 0).mean() > 0.999
    response = column(loaded, "pt")[true > 0] / true[true > 0]
    # The detector needs no calibration within one percent at this momentum.
    assert np.median(response) == pytest.approx(1, abs=0.015)
    assert 0.02 < np.diff(np.quantile(response, [0.16, 0.84]))[0] / 2 < 0.06


def peak(mass, pole, width=0.15):
    """Mean mass about the pole and its error, cut again around itself until it rests."""
    centre = pole
    for _ in range(20):
        near = mass[np.abs(mass - centre) < width * pole]
        centre = near.mean()
    return centre, near.std() / np.sqrt(len(near))


def test_groomed_masses_peak_at_the_poles(loaded, label):
    """Within 3 % for response, lost and added particles, and the statistical error."""
    groomed = column(loaded, "groomed_mass")
    found = {}
    for name, pole in (("W", 80.4), ("Z", 91.2), ("t", 173.0)):
        found[name] = peak(groomed[label == CLASSES[name]], pole)
        assert found[name][0] == pytest.approx(pole, abs=0.03 * pole + 3 * found[name][1])
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
    median = {
        name: {
            "tau_21": np.median((loaded.tau_2 / loaded.tau_1).to_numpy()[label == code]),
            "tau_32": np.median((loaded.tau_3 / loaded.tau_2).to_numpy()[label == code]),
            "d2": np.median((loaded.ecf_3 / loaded.ecf_2**3).to_numpy()[label == code]),
        }
        for name, code in CLASSES.items()
    }
    for boson in ("W", "Z"):
        for other in ("q", "g", "t"):
            assert median[boson]["tau_21"] < median[other]["tau_21"]
    for other in ("q", "g", "W", "Z"):
        assert median["t"]["tau_32"] < median[other]["tau_32"]
    assert median["W"]["d2"] < median["g"]["d2"]


def test_bosons_are_transverse(loaded, label):
    """For quarks of transverse bosons <cos^2> is 2/5, for longitudinal ones 1/5."""
    for name in ("W", "Z"):
        square = column(loaded, "decay_angle")[label == CLASSES[name]] ** 2
        longitudinal = 2 - 5 * square.mean()
        error = 5 * square.std() / np.sqrt(len(square))
        assert -4 * error - 0.02 < longitudinal < 0.25 + 3 * error
