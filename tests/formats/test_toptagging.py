"""A small file of the layout of https://doi.org/10.5281/zenodo.2603256, as pandas writes it."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import formats


def columns(slots):
    """A top of three particles, a QCD jet of one, and a jet without any."""
    rng = np.random.default_rng(1)
    momenta = np.zeros((3, slots, 4), np.float32)
    momenta[0, :3, 1:] = [[300, 80, 5], [200, -60, -5], [100, -20, 0]]
    momenta[1, 0, 1:] = [600, 0, 100]
    momenta[..., 0] = np.sqrt((momenta[..., 1:] ** 2).sum(axis=-1))
    axes = ("E", "PX", "PY", "PZ")
    frame = {f"{a}_{i}": momenta[:, i, j] for i in range(slots) for j, a in enumerate(axes)}
    truth = np.zeros((3, 4), np.float32)
    truth[0] = [np.sqrt(610**2 + 172.5**2), 610, 0, 0]
    frame |= {f"truth{axis}": truth[:, j] for j, axis in enumerate(axes)}
    frame |= {"ttv": np.array([1, 1, 1]), "is_signal_new": np.array([1, 0, 0])}
    return frame, momenta, rng


@pytest.mark.parametrize("slots", [4, 200])
def test_jets_have_the_fields_of_our_samples(tmp_path, write_frame, slots):
    frame, momenta, _ = columns(slots)
    path = write_frame(tmp_path / "test.h5", "table", frame, "table")
    assert formats.detect(path) == "top_tagging"
    jets = formats.read(path)
    assert ak.num(jets.constituents).to_list() == [3, 1, 0]
    assert jets.label.to_list() == [1, 0, 0]
    assert jets.event.to_list() == [0, 1, 2]
    energy, px, py, pz = momenta[0].sum(axis=0)
    assert jets.mass[0] == pytest.approx(np.sqrt(energy**2 - px**2 - py**2 - pz**2), rel=1e-4)
    assert jets.pt.to_list() == pytest.approx([np.hypot(px, py), 600, 0], rel=1e-5)
    # Massless particles keep a mass of zero, single precision notwithstanding.
    assert ak.max(jets.constituents.mass) < 0.2
    assert jets.truth.mass.to_list() == pytest.approx([172.5, 0, 0], rel=1e-3)
    assert np.all(np.isfinite(jets.truth.eta))
    assert len(formats.read(path, events=1)) == 1


def test_a_missing_column_is_named(tmp_path, write_frame):
    frame, _, _ = columns(4)
    del frame["PY_2"]
    path = write_frame(tmp_path / "test.h5", "table", frame, "table")
    with pytest.raises(ValueError, match="no column 'PY_2'; did you mean 'P"):
        formats.read(path)
