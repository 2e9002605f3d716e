"""Objects made of candidates: known sums, known densities, known neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.samples import detector
from hepml_lib.samples.detector import objects


def candidates(rows):
    """Candidates from (event, pt, eta, phi, kind, vertex)."""
    columns = np.array(rows, float).T
    names = ("event", "pt", "eta", "phi", "kind", "vertex")
    table = dict(zip(names, columns, strict=True))
    return table | {name: table[name].astype(int) for name in ("event", "kind", "vertex")}


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_missing_momentum_balances_what_is_seen():
    found = objects.missing(
        candidates([(0, 40, 0, 0, 0, 0), (0, 30, 1, np.pi / 2, 2, -1), (2, 7, 0, 3, 1, -1)]), 3
    )
    assert found["pt"] == pytest.approx([50, 0, 7])
    assert found["sum_et"] == pytest.approx([70, 0, 7])
    assert found["phi"][0] == pytest.approx(np.arctan2(-30, -40))


def test_a_uniform_density_is_found_and_a_jet_does_not_move_it(rng):
    number = 40_000
    uniform = {
        "event": np.zeros(number, int),
        "pt": np.full(number, 0.05),
        "eta": rng.uniform(-2.6, 2.6, number),
        "phi": rng.uniform(-np.pi, np.pi, number),
    }
    expected = number * 0.05 / (5.2 * 2 * np.pi)
    jet = {"event": np.array([0]), "pt": np.array([500.0])} | {
        name: np.array([0.1]) for name in ("eta", "phi")
    }
    both = detector.merge(uniform, jet)
    for table in (uniform, both):
        assert objects.density(table, 1)[0] == pytest.approx(expected, rel=0.02)


def test_subtraction_takes_density_times_area():
    jets = {name: np.array(value) for name, value in (("event", [0, 1]), ("pt", [50.0, 3.0]))}
    found = objects.subtract(jets | {"mass": np.array([10.0, 1.0])}, np.array([20.0, 20.0]), 0.4)
    assert found["pt"][0] == pytest.approx(50 - 20 * np.pi * 0.16)
    assert found["mass"][0] / 10 == pytest.approx(found["pt"][0] / 50)
    assert 0 < found["pt"][1] < 0.01


def test_isolation_counts_neighbours_of_the_leading_vertex(rng):
    muon, hadron, photon = detector.MUON, detector.CHARGED_HADRON, detector.PHOTON
    table = candidates(
        [
            (0, 20, 0.0, 3.1, muon, 0),
            (0, 4, 0.1, -3.1, hadron, 0),  # inside, across the end of φ
            (0, 9, 0.0, 2.7, hadron, 0),  # outside
            (0, 6, 0.1, 3.1, hadron, 3),  # pileup
            (0, 5, -0.1, 3.1, photon, -1),
            (1, 8, 0.0, 3.1, hadron, 0),  # another event
            (1, 30, 0.0, 0.0, muon, 0),
        ]
    )
    expected = {20: (4 + 5 - 0.7 * 6) / 20, 30: 0.0}
    seen = {}
    for _ in range(20):
        found = objects.leptons(table, rng)
        seen |= dict(zip(found["pt"], found["isolation"], strict=True))
        assert np.array_equal(table["pt"][found["row"]], found["pt"])
    assert seen == pytest.approx(expected)


def test_identification_efficiencies_close(rng):
    number = 20_000
    for kind, pt, expected in (
        (detector.MUON, 30, 0.96),
        (detector.ELECTRON, 50, 0.90),
        (detector.ELECTRON, 10, 0.70),
    ):
        table = candidates(np.tile([[0, pt, 0.3, 0.0, kind, 0]], (number, 1)))
        table["event"] = np.arange(number)
        assert len(objects.leptons(table, rng)["pt"]) / number == pytest.approx(expected, abs=0.012)
    table["kind"][:] = detector.PHOTON
    assert len(objects.photons(table | {"pt": np.full(number, 20.0)}, rng)["pt"]) / number == (
        pytest.approx(0.85, abs=0.012)
    )
