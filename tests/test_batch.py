"""Lists of constituents as flat and padded arrays: against awkward, and what is refused."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import kinematics
from hepml_lib.batch import KINEMATICS, JetBatch

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def jets_of(counts, seed=1, dtype=np.float64):
    """Jets of so many constituents each, in no order; some momenta are equal."""
    rng = np.random.default_rng(seed)
    size = sum(counts)
    inside = {
        "pt": rng.integers(1, 9, size) * 10.0,
        "eta": rng.normal(0, 1, size),
        "phi": rng.uniform(-np.pi, np.pi, size),
        "mass": rng.exponential(1, size),
    }
    columns = {name: ak.unflatten(x.astype(dtype), counts) for name, x in inside.items()}
    axis = {name: rng.uniform(0.1, 1, len(counts)) for name in KINEMATICS}
    return ak.zip({**axis, "constituents": ak.zip(columns)}, depth_limit=1)


@given(COUNTS, st.integers(0, 99), st.integers(1, 8))
def test_hardest_padded_are_those_of_awkward(counts, seed, places):
    jets = jets_of(counts, seed)
    batch = JetBatch.read(jets).hardest(places)
    inside = jets.constituents[ak.argsort(jets.constituents.pt, axis=1, ascending=False)]
    for name in KINEMATICS:
        expected = ak.fill_none(ak.pad_none(inside[name], places, axis=1, clip=True), 0.0)
        np.testing.assert_array_equal(batch.pad(name, places), ak.to_numpy(expected))
    assert batch.mask(places).sum(axis=1).tolist() == np.minimum(counts, places).tolist()


@given(COUNTS, st.integers(0, 99))
def test_sums_are_those_of_awkward(counts, seed):
    jets = jets_of(counts, seed, np.float32)
    batch, total = JetBatch.read(jets), kinematics.total(jets.constituents)
    for component, name in zip(batch.momenta, ("px", "py", "pz", "E"), strict=True):
        np.testing.assert_array_equal(batch.sum(component), ak.to_numpy(total[name]))
    filled = batch.counts > 0
    np.testing.assert_allclose(batch.sum(batch.share), np.where(filled, 1, 0), rtol=1e-12)


@given(COUNTS, st.integers(0, 99))
def test_flat_and_padded_are_one_array_in_two_shapes(counts, seed):
    batch = JetBatch.read(jets_of(counts, seed))
    rows = np.arange(len(batch.jet))
    padded, mask = batch.pad(rows, 7, np.int64), batch.mask(7)
    assert padded[mask].tolist() == rows.tolist()
    assert (padded[~mask] == 0).all()
    pairs = batch.pad(np.stack([rows, 2 * rows], axis=1), 7)
    np.testing.assert_array_equal(pairs[..., 1], 2 * padded)


@given(COUNTS, st.integers(0, 99))
def test_order_of_jets_and_of_constituents_does_not_matter(counts, seed):
    jets = jets_of(counts, seed)
    order = np.random.default_rng(seed).permutation(len(jets))
    turned = ak.with_field(jets, jets.constituents[:, ::-1], "constituents")[order]
    before, after = JetBatch.read(jets), JetBatch.read(turned)
    for number in (None, 2):
        first, second = (batch.hardest(number).pad("pt", 6) for batch in (before, after))
        np.testing.assert_array_equal(first[order], second)
    np.testing.assert_allclose(before.sum(before.dphi)[order], after.sum(after.dphi), atol=1e-12)


@given(COUNTS, st.integers(0, 99))
def test_chosen_jets_are_read_as_if_they_were_alone(counts, seed):
    jets = jets_of(counts, seed)
    chosen = np.arange(len(jets)) % 2 == 0
    part, alone = JetBatch.read(jets)[chosen], JetBatch.read(jets[chosen])
    assert part.counts.tolist() == alone.counts.tolist()
    for name in KINEMATICS:
        np.testing.assert_array_equal(part.columns[name], alone.columns[name])
        np.testing.assert_array_equal(part.axes[name], alone.axes[name])


@given(COUNTS)
def test_groups_of_equal_multiplicity_hold_every_constituent_once(counts):
    batch = JetBatch.read(jets_of(counts))
    seen = np.zeros(len(batch.jet), int)
    for jets in np.array_split(batch.by_multiplicity, 3):
        rows, held = batch.rows(jets)
        np.add.at(seen, rows[held], 1)
        # Padding repeats a constituent of the same jet: no jet sees another one.
        assert (batch.jet[rows] == jets[:, None]).all()
    assert (seen == 1).all()


def test_angles_are_counted_from_the_axis_across_the_border_of_phi():
    jets = jets_of([2, 1])
    jets = ak.with_field(jets, [3.1, -3.1], "phi")
    jets = ak.with_field(jets, ak.Array([[-3.1, 3.0], [3.1]]), ("constituents", "phi"))
    np.testing.assert_allclose(JetBatch.read(jets).dphi, [0.0832, -0.1, -0.0832], atol=1e-4)


def test_rapidity_is_that_of_vector():
    jets = jets_of([4, 0, 3])
    inside = kinematics.momenta({name: jets.constituents[name] for name in KINEMATICS}, depth=2)
    expected = ak.to_numpy(ak.flatten(inside.rapidity))
    np.testing.assert_allclose(JetBatch.read(jets).rapidity, expected, rtol=1e-12)


def test_regular_lists_are_lists():
    square = ak.zip({name: np.ones((2, 3)) for name in KINEMATICS})
    ragged = ak.zip({name: ak.from_regular(ak.Array(np.ones((2, 3)))) for name in KINEMATICS})
    for constituents in (square, ragged):
        batch = JetBatch.of(constituents)
        assert batch.counts.tolist() == [3, 3]
        assert batch.pad("pt", 4).sum(axis=1).tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "jets",
    [
        pytest.param(jets_of([0, 0, 0]), id="typed"),
        pytest.param(
            ak.Array([{"pt": 1.0, "eta": 0.0, "phi": 0.0, "mass": 0.0, "constituents": []}] * 3),
            id="without a type",
        ),
        pytest.param(jets_of([2, 1])[:0], id="no jets"),
    ],
)
def test_without_constituents_there_are_zeros(jets):
    batch = JetBatch.read(jets).hardest(4)
    assert batch.pad("pt", 4).shape == (len(jets), 4)
    assert not batch.mask(4).any()
    assert batch.sum(batch.pt).tolist() == [0.0] * len(jets)
    assert len(batch.by_multiplicity) == len(batch.deta) == 0


def test_constituents_that_are_none_are_cut_away():
    jets = jets_of([4, 3, 0, 5])
    hard = jets.constituents.pt > 40
    masked = ak.with_field(jets, ak.mask(jets.constituents, hard), "constituents")
    cut = ak.with_field(jets, jets.constituents[hard], "constituents")
    one, two = JetBatch.read(masked), JetBatch.read(cut)
    assert one.counts.tolist() == two.counts.tolist()
    for name in KINEMATICS:
        np.testing.assert_array_equal(one.columns[name], two.columns[name])


def test_jets_that_are_none_are_refused_by_number():
    jets = jets_of([2, 3, 1])
    masked = jets.mask[np.array([True, True, False])]
    for read in (JetBatch.read, lambda jets: JetBatch.of(jets.constituents)):
        with pytest.raises(ValueError, match=r"jet 2 of 3 is None \(1 such jets\)"):
            read(masked)
    complete = jets.mask[np.array([True, True, True])]
    assert JetBatch.read(complete).counts.tolist() == [2, 3, 1]


@pytest.mark.parametrize("name", KINEMATICS)
@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_numbers_that_are_none_are_named_with_their_jet(name, value):
    jets = jets_of([2, 0, 3])
    shown = "nan" if value is None else f"{value}"
    columns = jets.constituents[name].to_list()
    columns[2][1] = value
    bad = ak.with_field(jets, ak.Array(columns), ("constituents", name))
    with pytest.raises(ValueError, match=f"jet 2 of 3: {name} of a constituent is {shown}"):
        JetBatch.read(bad)
    axis = jets[name].to_list()
    axis[2] = value
    with pytest.raises(ValueError, match=f"jet 2 of 3: {name} of the jet is {shown}"):
        JetBatch.read(ak.with_field(jets, ak.Array(axis), name))
    axis[1], axis[2] = value, 1.0  # of an empty jet nothing is asked
    assert len(JetBatch.read(ak.with_field(jets, ak.Array(axis), name))) == 3


def test_numbers_behind_a_mask_are_not_used():
    square = np.ma.array(np.full((2, 2), 5.0), mask=[[False, False], [False, True]])
    columns = dict.fromkeys(KINEMATICS, ak.Array(np.ones((2, 2)))) | {"pt": ak.Array(square)}
    with pytest.raises(ValueError, match="jet 1 of 2: pt of a constituent is nan"):
        JetBatch.of(ak.zip(columns))


def test_a_momentum_of_zero_is_refused():
    jets = jets_of([2])
    zero = ak.with_field(jets, [[30.0, 0.0]], ("constituents", "pt"))
    with pytest.raises(ValueError, match="jet 0 of 1: pt of a constituent is 0"):
        JetBatch.read(zero)


def test_what_is_no_list_of_numbers_is_named():
    with pytest.raises(ValueError, match="one list of constituents per jet"):
        JetBatch.of(ak.Array([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"no field 'eta', only \['pt'\]"):
        JetBatch.of(ak.Array([[{"pt": 1.0}]]))
    with pytest.raises(ValueError, match=r"no field 'tracks', only \['pt'"):
        JetBatch.read(jets_of([1]), "tracks")
    for values in ([[{"pt": "hard"}]], [[{"pt": [1.0, 2.0]}]]):
        with pytest.raises(ValueError, match="expected one number per entry"):
            JetBatch.of(ak.Array(values), ("pt",))
