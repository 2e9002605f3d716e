"""Matching of jets to truth, constituents about the axis, spectra that agree."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import kinematics
from hepml_lib.samples import constituents, jet_classes, jets, truth


def objects(rng, number, events):
    """Random directions, sorted by event."""
    return {
        "event": np.sort(rng.integers(0, events, number)),
        "eta": rng.uniform(-1, 1, number),
        "phi": rng.uniform(-np.pi, np.pi, number),
    }


def every_distance(one, two):
    """Distances of all pairs, infinite across events."""
    distance = kinematics.delta_r(one["eta"][:, None], one["phi"][:, None], two["eta"], two["phi"])
    return np.where(one["event"][:, None] == two["event"], distance, np.inf)


@given(st.integers(0, 12), st.integers(1, 12), st.integers(1, 4), st.floats(0.1, 3.0))
def test_match_is_the_nearest_of_all_pairs(axes, others, events, radius):
    rng = np.random.default_rng([axes, others, events])
    one, two = objects(rng, axes, events), objects(rng, others, events)
    distance = every_distance(one, two)
    near = distance.min(axis=1) < radius
    assert np.array_equal(jets.match(one, two, radius), np.where(near, distance.argmin(axis=1), -1))
    assert np.array_equal(jets.number_near(one, two, radius), (distance < radius).sum(axis=1))


def test_match_finds_nothing_where_there_is_nothing():
    rng = np.random.default_rng(1)
    one, none = objects(rng, 3, 2), objects(rng, 0, 2)
    assert jets.match(one, none, 9.0).tolist() == [-1, -1, -1]
    assert jets.number_near(one, none, 9.0).tolist() == [0, 0, 0]
    assert jets.match(none, one, 9.0).tolist() == []


def test_contained_wants_every_quark_and_takes_the_nearest():
    axes = {"event": np.array([0, 1]), "eta": np.zeros(2), "phi": np.full(2, 3.1)}
    bosons = {
        "event": np.array([0, 0, 1]),
        "eta": np.array([0.3, 0.2, 0.0]),
        "phi": np.array([3.1, -3.1, 3.1]),
    }
    quarks = {
        "eta": np.array([[0.3, 0.3], [0.2, 0.1], [0.0, 0.9]]),
        "phi": np.array([[3.1, -3.1], [-3.1, 3.0], [3.1, 3.1]]),
    }
    assert jets.contained(axes, bosons, quarks, 0.8).tolist() == [1, -1]


def record(rows):
    """Event record of one event from (id, status, mother, daughter, pt)."""
    code, status, mother, daughter, pt = map(np.array, zip(*rows, strict=True))
    rows = np.arange(len(code))
    return {
        "event": np.zeros(len(code), int),
        "first": np.zeros(len(code), int),
        "id": code,
        "status": status,
        "mother1": mother,
        "daughter1": daughter,
        "px": pt.astype(float),
        "py": 0.1 * rows,
        "pz": 0.2 * rows,
        "e": 2.0 * pt + rows,
    }


TOP_PAIR = [
    (90, -11, 0, 0, 0),
    (21, -21, 0, 2, 0),
    (6, -22, 1, 4, 500),
    (-6, -22, 1, 5, 500),
    (6, -62, 2, 6, 501),
    (-6, -62, 3, 8, 502),
    (24, -22, 4, 10, 300),
    (5, -23, 4, 0, 201),
    (-24, -22, 5, 12, 300),
    (-5, -23, 5, 0, 202),
    (24, -52, 6, 14, 299),
    (21, -51, 7, 0, 20),
    (1, -23, 8, 0, 100),
    (-2, -23, 8, 0, 101),
    (-3, -23, 10, 0, 102),
    (4, -23, 10, 0, 103),
]
"""A pair of top quarks that decays to six quarks; the W of the top recoils before its decay."""


def test_decays_of_a_top_pair():
    tops, quarks = truth.decays(record(TOP_PAIR), 6)
    assert tops["id"].tolist() == [-6, 6]
    assert tops["pt"].round().tolist() == [502, 501]
    assert quarks["id"].tolist() == [[-5, 1, -2], [5, -3, 4]]


def test_decays_keep_bosons_of_one_kind_apart():
    pair = [(90, -11, 0, 0, 0), (2, -21, 0, 2, 0), (23, -22, 1, 4, 500), (23, -22, 1, 6, 501)]
    pair += [(1, -23, 2, 0, 9), (-1, -23, 2, 0, 8), (5, -23, 3, 0, 7), (-5, -23, 3, 0, 6)]
    bosons, quarks = truth.decays(record(pair), 23)
    assert bosons["pt"].round().tolist() == [500, 501]
    assert np.abs(quarks["id"]).tolist() == [[1, 1], [5, 5]]


def test_decays_to_leptons_are_refused():
    leptonic = [row if abs(row[0]) not in (1, 2) else (13, *row[1:]) for row in TOP_PAIR]
    with pytest.raises(ValueError, match="2 resonances with code 6 have 4 quarks, not 3 each"):
        truth.decays(record(leptonic), 6)


def test_heavy_hadrons_are_the_last_of_their_chains():
    chain = [
        (90, -11, 0, 0, 0),
        (5, -71, 0, 2, 100),
        (513, -83, 1, 3, 90),  # B*0, then B0, which mixes
        (511, -84, 2, 4, 80),
        (-511, -91, 3, 5, 80),
        (413, -91, 4, 6, 50),  # D*+ from the B, then D0
        (421, -91, 5, 0, 45),
        (4122, -83, 1, 0, 30),  # Lambda_c of its own
        (421, -83, 1, 0, 3),  # too soft
        (443, -83, 1, 0, 60),  # J/psi, a diquark and a kaon are no open flavour
        (4203, -71, 0, 0, 60),
        (321, 83, 1, 0, 60),
    ]
    found = truth.heavy_hadrons(record(chain), 5.0)
    assert found["id"].tolist() == [-511, 421, 4122]
    assert found["quark"].tolist() == [5, 4, 4]
    assert found["from_b"].tolist() == [False, True, False]


def test_constituents_are_the_hardest_about_the_axis():
    candidates = {
        "pt": np.array([5.0, 0.4, 50.0, 7.0, 9.0]),
        "eta": np.array([0.1, 0.0, 0.2, 0.5, 0.5]),
        "phi": np.array([3.1, 0.0, -3.1, 1.0, 1.25]),
        "charge": np.array([1, 0, 0, -1, 0], np.int8),
        "kind": np.array([0, 1, 2, 0, 2], np.int8),
    }
    axes = {"eta": np.array([0.0, 0.5]), "phi": np.array([3.1, 1.0]), "pt": np.array([55.0, 16.0])}
    members = ak.Array([[0, 1, 2], [3, 4]])
    columns, rows = constituents.listed(candidates, axes, members, 1, 0.5, 2.0**-8)
    assert rows.tolist() == [2, 4]
    assert columns["constituents_phi"].tolist() == [[21 / 256], [0.25]]
    columns, rows = constituents.listed(candidates, axes, members, 9, 0.5, 2.0**-8)
    assert rows.tolist() == [2, 0, 4, 3]
    assert ak.num(columns["constituents_pt"]).tolist() == [2, 2]
    # What is stored about the axis comes back as it was, across the seam in azimuth too.
    flat = {name: ak.Array(axes[name]) for name in ("pt", "eta", "phi")}
    seen = constituents.decode(columns | flat | {"mass": ak.Array([1.0, 1.0])}).constituents
    assert ak.flatten(seen.phi).to_numpy() == pytest.approx([-3.1, 3.1, 1.25, 1.0], abs=2**-9)
    assert ak.flatten(seen.eta).to_numpy() == pytest.approx([0.2, 0.1, 0.5, 0.5], abs=2**-9)


def test_flat_spectrum_makes_different_spectra_agree():
    rng = np.random.default_rng(5)
    densities = ((0.5, -0.2, -1.0, -0.4, -0.3), (-0.3, 0.1, -2.0, 0.3, 0.4))
    for density in densities:
        a, b, c, d, e = density
        x, v = rng.uniform(-1, 1, 400_000), rng.uniform(0, 1, 400_000)
        y = v**2
        weight = np.exp(a * x + b * x**2 + c * y + d * y**2 + e * x * y)
        made = rng.random(len(x)) < weight / weight.max()
        axes = {"pt": 600 + 200 * x[made], "eta": 1.5 * v[made]}
        kept = jet_classes.flat_spectrum(axes, density, (400.0, 800.0), 1.5, 1.0, rng)
        counts, _ = np.histogram(axes["pt"][kept], np.linspace(400, 800, 9))
        assert (((counts - counts.mean()) / np.sqrt(counts.mean())) ** 2).sum() < 24
        # In eta it is exp(-eta^2/eta_max^2), whose mean of eta^2 has no free parameter.
        grid = (np.arange(1000) + 0.5) / 1000
        expected = np.average(grid**2, weights=np.exp(-(grid**2)))
        found = (axes["eta"][kept] / 1.5) ** 2
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / np.sqrt(kept.sum()))
