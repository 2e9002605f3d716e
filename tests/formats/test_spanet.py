"""The example of SPA-NET, and small files of the layout of its `docs/Dataset.md`."""

from __future__ import annotations

import awkward as ak
import h5py
import numpy as np
import pytest

from hepml_lib import formats


def dijet(jets, first, second):
    """Masses of the pairs whose two positions are known."""
    known = ~(ak.is_none(first) | ak.is_none(second))
    jets, first, second = (array[known] for array in (jets, first, second))
    rows = np.arange(len(jets))
    return (jets[rows, ak.to_numpy(first).data] + jets[rows, ak.to_numpy(second).data]).mass


def test_targets_point_at_the_right_jets(real):
    events = formats.read(real("spanet_ttH_semilep_example.h5"))
    targets = events.targets
    w = dijet(events.momenta, targets.ht.q1, targets.ht.q2)
    higgs = dijet(events.momenta, targets.h.b1, targets.h.b2)
    assert np.median(w) == pytest.approx(80.4, abs=8)
    assert np.median(higgs) == pytest.approx(125, abs=12)
    assert events.met.pt[0] > 0
    # In one order, whatever the order of a set in this process.
    assert events.fields[-3:] == ["targets", "regressions", "classifications"]
    assert ak.all(abs(events.momenta.phi) <= np.pi + 1e-6)


def write(path, mask, targets):
    with h5py.File(path, "w") as file:
        file["INPUTS/Source/MASK"] = mask
        for i, name in enumerate(("pt", "eta", "phi", "mass")):
            file[f"INPUTS/Source/{name}"] = np.arange(mask.size).reshape(mask.shape) + 0.1 * i
        file["INPUTS/Met/met"] = np.full(len(mask), 30.0)
        file["TARGETS/t1/b"] = targets
        file["REGRESSIONS/t1/PARTICLE/mass"] = np.array([172.5] + [np.nan] * (len(mask) - 1))
        file["CLASSIFICATIONS/EVENT/signal"] = np.array([1] + [-1] * (len(mask) - 1))
    return path


def test_positions_follow_the_jets_when_padding_goes(tmp_path):
    mask = np.array([[True, False, True], [True, True, False], [False, False, False]])
    events = formats.read(write(tmp_path / "x", mask, np.array([2, 1, -1])))
    assert events.jets.pt.to_list() == [[0, 2], [3, 4], []]
    assert events.targets.t1.b.to_list() == [1, 1, None]
    assert events.regressions.t1.PARTICLE.mass.to_list() == [172.5, None, None]
    assert events.classifications.EVENT.signal.to_list() == [1, None, None]
    assert events.met.pt.to_list() == [30.0] * 3
    assert events.event.to_list() == [0, 1, 2]


@pytest.mark.parametrize("position", [1, 7])
def test_a_target_on_padding_is_refused(tmp_path, position):
    mask = np.array([[True, False], [True, True]])
    path = write(tmp_path / "x.h5", mask, np.array([position, 0]))
    with pytest.raises(ValueError, match=rf"target t1/b of event 0 is {position}, but the list"):
        formats.read(path)


def test_two_lists_are_refused(tmp_path):
    path = write(tmp_path / "x.h5", np.ones((2, 2), bool), np.array([0, 0]))
    with h5py.File(path, "a") as file:
        file["INPUTS/Leptons/MASK"] = np.ones((2, 1), bool)
    with pytest.raises(ValueError, match=r"has 2 lists \(Leptons, Source\)"):
        formats.read(path)
