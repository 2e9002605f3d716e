"""Hadronic taus: decays made by hand, and the efficiency for true and false ones."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib.samples import clustering, detector, jets, pythia
from hepml_lib.samples.detector import CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, taus
from hepml_lib.samples.recipes.htautau_events import TAU_ISOLATION, true_taus


def found(*rows):
    """Taus of one jet that holds all candidates (pt, eta, phi, kind, charge)."""
    pt, eta, phi, kind, charge = np.array(rows, float).T
    candidates = {
        "event": np.zeros(len(pt), int),
        "pt": pt,
        "eta": eta,
        "phi": phi,
        "kind": kind.astype(int),
        "charge": charge.astype(int),
    }
    jet = {"event": np.array([0])}
    result = taus.find(candidates, jet, ak.Array([list(range(len(pt)))]))
    return [{name: column[k] for name, column in result.items()} for k in range(len(result["pt"]))]


EFFICIENCY, FAKES = 0.623, 0.0095
"""Of 2528 true decays in H → ττ, and of 6002 jets beside a W, all above 20 GeV, of other seeds."""

PION = (20.0, 0.5, 1.0, CHARGED_HADRON, 1)


def test_a_pion_alone_is_a_tau():
    (tau,) = found(PION)
    assert (tau["prongs"], tau["strips"], tau["charge"]) == (1, 0, 1)
    assert tau["pt"] == pytest.approx(20)
    assert tau["mass"] == pytest.approx(0.1396, abs=1e-3)
    assert tau["isolation"] == 0


def test_a_rho_is_a_pion_and_a_strip():
    """Masses of two light particles: m² = 2 pT₁ pT₂ (1 − cos Δφ) at equal η."""
    (tau,) = found(PION, (10, 0.5, 1.03, PHOTON, 0), (8, 0.5, 1.05, PHOTON, 0))
    assert (tau["prongs"], tau["strips"]) == (1, 1)
    assert tau["pt"] == pytest.approx(38, rel=1e-3)
    assert tau["mass"] == pytest.approx(
        np.sqrt(20 * 10 * 0.03**2 + 20 * 8 * 0.05**2 + 80 * 0.02**2), rel=0.05
    )
    # A soft photon is no pion, and then counts around the tau.
    (tau,) = found(PION, (2, 0.5, 1.03, PHOTON, 0))
    assert tau["strips"] == 0
    assert tau["isolation"] == pytest.approx(2)


def test_three_tracks_need_charge_one_and_a_mass():
    def tracks(width, charges):
        return [
            (10.0, 0.5 + width * x, 1.0 + width * y, CHARGED_HADRON, q)
            for (x, y), q in zip(((1, 0), (-0.5, 0.87), (-0.5, -0.87)), charges, strict=True)
        ]

    (tau,) = found(*tracks(0.04, (1, -1, 1)))
    assert (tau["prongs"], tau["charge"]) == (3, 1)
    assert tau["pt"] == pytest.approx(30, rel=0.01)
    assert 0.8 < tau["mass"] < 1.5
    # Too heavy, or charge three: the leading track is left, amid the others.
    for rows in (tracks(0.09, (1, -1, 1)), tracks(0.04, (1, 1, 1))):
        (tau,) = found(*rows)
        assert tau["prongs"] == 1
        assert tau["isolation"] == pytest.approx(20)


def test_isolation_counts_tracks_and_photons_within_half_a_unit():
    others = (
        (1.0, 0.8, 1.0, CHARGED_HADRON, -1),
        (1.5, 0.5, 1.4, PHOTON, 0),
        (5.0, 0.6, 1.0, NEUTRAL_HADRON, 0),
        (0.4, 0.6, 1.0, PHOTON, 0),
        (7.0, 1.2, 1.0, CHARGED_HADRON, 1),
    )
    (tau,) = found(PION, *others)
    assert tau["isolation"] == pytest.approx(2.5)


def test_without_tracks_there_is_no_tau():
    assert found((30, 0.5, 1.0, PHOTON, 0), (20, 0.5, 1.1, NEUTRAL_HADRON, 0)) == []


def reconstructed(card, number, batches):
    """Event records, jets above 14 GeV and isolated taus above 20 GeV of several batches."""
    rng = np.random.default_rng(8)
    source = pythia.batches(card, 8, number)
    for _ in range(batches):
        table = pythia.records(next(source).prt)
        candidates = detector.respond(pythia.visible_particles(table), rng).candidates
        seeds, members = clustering.anti_kt(candidates, 0.4, 14.0)
        found = taus.find(candidates, seeds, members)
        yield table, seeds, detector.take(found, found["isolation"] < TAU_ISOLATION)


def test_efficiency_response_and_decays():
    matched, response, prongs, number = 0, [], [], 0
    for table, _, found in reconstructed("htautau_ggh", 400, 1):
        true = true_taus(table)
        true = detector.take(true, (true["pt"] > 20) & (np.abs(true["eta"]) < 2.3))
        row = jets.match(true, found, 0.2)
        number += len(row)
        matched += (row >= 0).sum()
        response.append(found["pt"][row[row >= 0]] / true["pt"][row >= 0])
        prongs.append(found["prongs"][row[row >= 0]])
    assert abs(matched / number - EFFICIENCY) < 4 * np.sqrt(0.24 / number)
    assert abs(np.median(np.concatenate(response)) - 1) < 0.01
    # Branching fractions of hadronic decays: 1.00 : 0.31 for one and three tracks.
    share = (np.concatenate(prongs) == 3).mean()
    assert 0.08 < share < 0.24


def test_jets_pass_for_taus_once_in_a_hundred():
    fakes = number = 0
    for table, seeds, found in reconstructed("htautau_wjets", 1000, 2):
        hard = (seeds["pt"] > 20) & (np.abs(seeds["eta"]) < 2.3)
        seeds = detector.take(seeds, hard)
        code = np.abs(table["id"])
        leptons = np.isin(code, (11, 13, 15)) & (np.hypot(table["px"], table["py"]) > 5)
        leptons = pythia.directions(detector.take(table, leptons))
        seeds = detector.take(seeds, jets.match(seeds, leptons, 0.5) < 0)
        row = jets.match(seeds, found, 0.3)
        fakes += ((row >= 0) & (found["pt"][row] > 20)).sum()
        number += len(row)
    assert abs(fakes / number - FAKES) < 4 * np.sqrt(FAKES / number)
