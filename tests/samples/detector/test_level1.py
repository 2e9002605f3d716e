"""Level-1 objects: known towers give known integers; windows against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.samples import detector
from hepml_lib.samples.detector import level1
from hepml_lib.samples.detector.calorimeter import TOWER


def towers(rows):
    """Towers from (event, eta cell, phi cell, em E_T, had E_T) [GeV]."""
    event, row, column, em, had = np.array(rows, float).T
    eta, phi = (row + 0.5) * TOWER, (column + 0.5) * TOWER
    phi = (phi + np.pi) % (2 * np.pi) - np.pi
    return {
        "event": event.astype(int),
        "eta": eta,
        "phi": phi,
        "em": em * np.cosh(eta),
        "had": had * np.cosh(eta),
    }


def muons(rows):
    event, pt, eta, phi, bunch = np.array(rows, float).reshape(-1, 5).T
    return {
        "event": event.astype(int),
        "pt": pt,
        "eta": eta,
        "phi": phi,
        "bunch": bunch.astype(int),
        "kind": np.full(len(pt), detector.MUON),
    }


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_a_jet_has_the_momentum_and_place_of_its_towers(rng):
    found = level1.trigger(
        towers([(0, 4, 10, 20.4, 30.0), (0, 5, 11, 0, 9.7), (1, -3, 71, 10, 20)]), muons([]), 2, rng
    )
    # Half a GeV per bit, each tower cut to whole bits.
    assert found["jets"][0, 0].tolist() == [40 + 60 + 19, 9, 21]
    assert found["jets"][1, 0].tolist() == [60, -5, 143]
    assert (found["jets"][:, 1:] == 0).all()
    assert found["sums"][0].tolist() == [119, 119]


def test_jets_across_the_end_of_phi_are_one(rng):
    found = level1.trigger(towers([(0, 0, 0, 0, 30), (0, 0, 71, 0, 20)]), muons([]), 1, rng)
    assert (found["jets"][0, :, 0] > 0).sum() == 1
    assert found["jets"][0, 0, 0] == 100


def test_a_uniform_background_is_subtracted(rng):
    flat = [(0, row, column, 0, 1.0) for row in range(-20, 20) for column in range(72)]
    found = level1.trigger(towers([*flat, (0, 2, 30, 0, 50)]), muons([]), 1, rng)
    assert found["jets"][0, 0].tolist() == [100, 5, 61]


def test_windows_are_the_sums_of_their_cells(rng):
    image = rng.integers(0, 50, (2, level1._ETA, level1._PHI), dtype=np.int32)
    integral = level1._integral(image)
    for rows, columns in (
        ((-4, 4), (5, 7)),
        ((-1, 0), (-1, 1)),
        ((5, 7), (-4, 4)),
        ((0, 0), (0, 0)),
    ):
        for event, row, column in ((0, 0, 0), (1, 60, 71), (0, 115, 35), (1, 3, 2)):
            found = level1._window(integral, (event, row, column), rows, columns)
            cells = [
                image[event, r, c % 72]
                for r in range(row + rows[0], row + rows[1] + 1)
                for c in range(column + columns[0], column + columns[1] + 1)
                if 0 <= r < level1._ETA
            ]
            assert found == sum(cells)


def test_electrons_are_clusters_without_energy_behind(rng):
    found = level1.trigger(
        towers([(0, 4, 10, 30, 0), (0, 4, 11, 5, 0), (1, 4, 10, 30, 30), (2, 34, 3, 40, 0)]),
        muons([]),
        3,
        rng,
    )
    assert found["egammas"][0, 0].tolist() == [70, 9, 21, 0]
    # Energy behind it, and beyond the crystals of the endcap.
    assert (found["egammas"][1:] == 0).all()


def test_missing_momentum_points_away(rng):
    found = level1.trigger(towers([(0, 4, 10, 40, 0), (0, -30, 10, 0, 10)]), muons([]), 1, rng)
    assert found["met"][0].tolist() == [100, (21 + 72) % 144]


def test_forward_towers_fill_four_cells(rng):
    eta = 35 * TOWER + TOWER
    forward = {"event": 0, "eta": eta, "phi": TOWER, "em": 0.0, "had": 80 * np.cosh(eta)}
    table = {name: np.array([value]) for name, value in forward.items()}
    found = level1.trigger(table, muons([]), 1, rng)
    assert found["sums"][0, 0] == 160
    assert found["jets"][0, 0, 0] == 160
    assert found["jets"][0, 0, 1] in (71, 73)


def test_muons_resolve_to_a_fifth_and_other_crossings_leave_none(rng):
    number = 8000
    rows = np.column_stack(
        [
            np.arange(number),
            np.full(number, 20.0),
            np.full(number, 0.3),
            np.full(number, -0.1),
            np.zeros(number),
        ]
    )
    found = level1.trigger(towers([(0, 0, 0, 0, 0)]), muons(rows), number, rng)["muons"][:, 0]
    seen = found[found[:, 0] > 0]
    assert len(seen) / number == pytest.approx(0.93, abs=0.012)
    best = seen[seen[:, 3] == 12]
    assert np.std(40 / best[:, 0]) == pytest.approx(0.20, rel=0.1)
    assert np.median(best[:, 0]) == pytest.approx(40, rel=0.03)
    assert set(seen[:, 1]) == {int(np.floor(0.3 / level1.SCALES["muon_eta"]))}
    rows[:, 4] = -1
    assert not level1.trigger(towers([(0, 0, 0, 0, 0)]), muons(rows), number, rng)["muons"].any()


def test_the_hardest_come_first_and_empty_places_are_zero(rng):
    cells = [
        (0, row, column, 0, 5 + row + column) for row in (-20, 0, 20) for column in (5, 25, 45)
    ]
    cells += [(0, 40, column, 0, 12 + column) for column in (5, 25, 45, 65)]
    jets = level1.trigger(towers(cells), muons([]), 2, rng)["jets"]
    assert (np.diff(jets[0, :, 0]) <= 0).all()
    assert (jets[0, :, 0] > 0).sum() == level1.JETS
    assert not jets[1].any()
