"""Dijets with a hidden resonance: the masses, the falling background, the truth."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, samples, settings
from hepml_lib.samples.recipes.dijet_resonance import QCD, RECIPE, SIGNAL, make


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(make(RECIPE.part("train", 0), 220))


@pytest.fixture(scope="module")
def signal(events):
    return events[events.label == SIGNAL]


@pytest.fixture(scope="module")
def background(events):
    return events[events.label == QCD]


def flat(values):
    return ak.flatten(values, axis=None).to_numpy().astype(np.float64)


def median_error(values):
    return 1.25 * np.diff(np.quantile(values, [0.16, 0.84]))[0] / 2 / np.sqrt(len(values))


def peak(values, low, high, bins):
    """Centre of the fullest bin, and the bin width."""
    counts, edges = np.histogram(values, np.linspace(low, high, bins + 1))
    return edges[counts.argmax()] + 0.5 * (edges[1] - edges[0]), edges[1] - edges[0]


def test_one_event_in_eleven_is_signal_and_none_is_twice_there(events):
    event, label = events.event.to_numpy(), events.label.to_numpy()
    assert label.sum() == len(label) // 11
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 8).all()
    assert (event // 10**12 % 10 == events.split.to_numpy()).all()


def test_selection(events):
    jets = events.jets
    assert ak.all(ak.num(jets) == 2)
    assert ak.min(jets.pt[:, 0]) >= 1200
    assert ak.min(jets.pt) >= 200
    assert ak.all(jets.pt[:, 0] >= jets.pt[:, 1])
    assert ak.max(np.abs(jets.eta)) <= 2.501
    assert ak.max(ak.sum(jets.pt, axis=1)) < 13_600


def test_dijet_mass_is_that_of_the_two_jets(events):
    total = events.jets[:, 0] + events.jets[:, 1]
    assert np.allclose(total.mass.to_numpy(), events.m_jj.to_numpy(), rtol=1e-3)


def test_signal_peaks_at_the_mass_of_the_resonance(signal):
    """Median 3.48 TeV: radiation out of the jets pulls it below 3.5 TeV."""
    mass = signal.m_jj.to_numpy().astype(np.float64)
    assert abs(np.median(mass) - 3480) < 4 * median_error(mass) + 10
    assert np.diff(np.quantile(mass, [0.16, 0.84]))[0] / 2 < 230


def test_jets_of_the_signal_peak_at_the_masses_of_its_bosons(signal):
    """Without grooming, the rest of the event adds some 20 GeV to a light jet."""
    code, mass = np.abs(flat(signal.jets.origin_id)), flat(signal.jets.mass)
    assert (code == 0).mean() < 0.02
    where, width = peak(mass[code == 24], 300, 700, 20)
    assert abs(where - 500) <= 1.5 * width
    where, width = peak(mass[code == 23], 60, 220, 8)
    assert abs(where - 110) <= 1.5 * width
    # One of each.
    assert ak.mean(ak.sum(np.abs(signal.jets.origin_id), axis=1) == 47) > 0.96


def test_background_falls_and_has_no_peak(background):
    mass = background.m_jj.to_numpy().astype(np.float64)
    edges = np.array([2800, 3100, 3400, 3700, 4100, 4700, 6000.0])
    counts, _ = np.histogram(mass, edges)
    density = counts / np.diff(edges)
    assert (np.diff(density) < 2 * np.sqrt(counts[:-1]) / np.diff(edges)[:-1]).all()
    assert density[0] > 5 * density[-1]


def test_substructure_separates(signal, background):
    tau21 = {
        name: flat(jets.tau_2) / np.maximum(flat(jets.tau_1), 1e-6)
        for name, jets in (("signal", signal.jets), ("background", background.jets))
    }
    assert np.median(tau21["signal"]) < np.median(tau21["background"]) - 0.15


def test_truth_agrees_with_the_jets(events):
    true, seen = flat(events.jets.generated_pt), flat(events.jets.pt)
    assert (true > 0).mean() > 0.995
    response = seen[true > 0] / true[true > 0]
    assert abs(np.median(response) - 1) < 4 * median_error(response) + 0.01
    assert 0.02 < np.diff(np.quantile(response, [0.16, 0.84]))[0] / 2 < 0.07
    code = np.abs(flat(events[events.label == QCD].jets.origin_id))
    assert set(code) <= {0, 1, 2, 3, 4, 5, 21}


def test_jets_are_back_to_back(events):
    first, second = events.jets[:, 0], events.jets[:, 1]
    across = kinematics.wrap_phi(first.phi.to_numpy() - second.phi.to_numpy())
    assert np.median(np.abs(across)) > 2.9


def test_some_fields_alone_decode(events):
    columns = {"event": ak.Array([1, 2]), "label": ak.Array([0, 1])}
    assert RECIPE.decode(columns).fields == ["event", "label"]


def test_shares_of_a_chunk(small_chunk):
    assert np.bincount(small_chunk("dijet_resonance")["label"].to_numpy()).tolist() == [10, 1]
