"""Constituents as tensors: textbook numbers, wrap of φ, padding, and bad jets by name."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.kinematics import total
from hepml_lib.nets import EFN, PFN
from hepml_lib.nets.equivariant import minkowski
from hepml_lib.tagging import features
from hepml_lib.tagging.features import CONSTITUENT_FEATURES, IDENTITY_FEATURES, constituent_tensors

TENSORS = ("features", "mask", "fractions", "angles", "momenta")


def one_jet(*constituents, **axis):
    axis = {"pt": 600.0, "eta": 0.0, "phi": 0.0, "mass": 0.0, **axis}
    keys = ("pt", "eta", "phi", "mass")
    rows = [dict(zip(keys, row, strict=True)) for row in constituents]
    return ak.Array([{**axis, "constituents": rows}])


def column(tensors, name):
    """A feature in its physical unit."""
    shift, factor = features._SCALES[name]
    return tensors.features[..., CONSTITUENT_FEATURES.index(name)] / factor + shift


def with_empty_jet(jets):
    """The same jets, the second one without constituents."""
    keep = np.arange(len(jets)) != 1
    return ak.with_field(
        jets, jets.constituents[ak.broadcast_arrays(keep, jets.constituents.pt)[0]], "constituents"
    )


def test_features_of_a_jet_computed_by_hand():
    jets = one_jet((300.0, 1.3, 0.4, 0.0), (100.0, 1.0, 0.0, 50.0), eta=1.0, mass=80.0)
    tensors = constituent_tensors(jets, places=4)
    assert tensors.features.shape == (1, 4, len(CONSTITUENT_FEATURES))
    expected = {
        "deta": (0.3, 0.0),
        "dphi": (0.4, 0.0),
        "dr": (0.5, 0.0),
        "log_pt": np.log((300, 100)),
        "log_pt_fraction": np.log((1 / 2, 1 / 6)),
        # cosh 1.3 = 1.97091, cosh 1 = 1.54308
        "log_energy": np.log((591.274, 162.206)),
        "log_energy_fraction": np.log((591.274, 162.206)) - np.log(929.298),
    }
    assert set(expected) == set(CONSTITUENT_FEATURES)
    for name, values in expected.items():
        torch.testing.assert_close(
            column(tensors, name)[0, :2], torch.tensor(values).float(), rtol=1e-5, atol=1e-5
        )
    assert tensors.fractions[0].tolist() == [0.75, 0.25, 0.0, 0.0]
    assert tensors.mask.tolist() == [[True, True, False, False]]
    assert (tensors.features[0, 2:] == 0).all()


@given(st.floats(-np.pi, np.pi), st.floats(-0.8, 0.8))
def test_angle_across_the_border_of_phi(axis, offset):
    phi = (axis + offset + np.pi) % (2 * np.pi) - np.pi
    tensors = constituent_tensors(one_jet((500.0, 0.0, phi, 0.0), phi=axis), places=1)
    assert float(tensors.angles[0, 0, 1]) == pytest.approx(offset, abs=1e-5)


def test_turning_and_boosting_a_jet_along_the_beam_changes_no_angle(made_up_jets):
    jets = made_up_jets(20)
    moved = ak.with_field(jets, jets.eta + 0.5, "eta")
    moved = ak.with_field(moved, jets.constituents.eta + 0.5, ("constituents", "eta"))
    moved = ak.with_field(moved, jets.phi + 1, "phi")
    moved = ak.with_field(moved, jets.constituents.phi + 1, ("constituents", "phi"))
    before, after = constituent_tensors(jets), constituent_tensors(moved)
    torch.testing.assert_close(before.angles, after.angles, rtol=0, atol=1e-5)
    assert torch.equal(before.fractions, after.fractions)


def test_order_of_the_input_does_not_matter(made_up_jets):
    jets = made_up_jets(20)
    backwards = ak.with_field(jets, jets.constituents[:, ::-1], "constituents")
    one, other = (constituent_tensors(x, 10).select(*TENSORS) for x in (jets, backwards))
    for name in TENSORS:
        assert torch.equal(one[name], other[name]), name


def test_hardest_are_kept_and_fractions_refer_to_all(made_up_jets):
    jets = made_up_jets(50)
    few, all_of_them = constituent_tensors(jets, 5), constituent_tensors(jets, 100)
    torch.testing.assert_close(all_of_them.fractions.sum(dim=1), torch.ones(50))
    assert torch.equal(few.fractions, all_of_them.fractions[:, :5])
    assert (few.fractions.diff(dim=1) <= 0).all()
    assert (few.fractions.sum(dim=1) < 1).all()


def test_identity_is_charge_and_one_kind(made_up_jets):
    jets = made_up_jets(20)
    tensors = constituent_tensors(jets, 100, identity=True)
    width = len(CONSTITUENT_FEATURES) + len(IDENTITY_FEATURES)
    assert tensors.features.shape == (20, 100, width)
    charge, kinds = tensors.features[..., -6], tensors.features[..., -5:]
    assert torch.equal(kinds.sum(dim=-1), tensors.mask.float())
    assert charge[tensors.mask].tolist() == ak.flatten(jets.constituents.charge).tolist()
    assert (
        kinds[tensors.mask].argmax(dim=-1).tolist() == ak.flatten(jets.constituents.kind).tolist()
    )


def test_empty_jet_is_all_mask_and_finite_in_every_network(made_up_jets):
    jets = with_empty_jet(made_up_jets(4))
    tensors = constituent_tensors(jets, 8)
    assert tensors.mask.any(dim=1).tolist() == [True, False, True, True]
    for name, tensor in tensors.select(*TENSORS).items():
        assert (tensor[1] == 0).all(), name
        assert torch.isfinite(tensor).all(), name
    assert torch.isfinite(PFN(7)(**tensors.select("features", "mask"))).all()
    assert torch.isfinite(EFN()(**tensors.select("fractions", "angles", "mask"))).all()


@pytest.mark.parametrize("name", ["pt", "eta", "phi", "mass"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_number_is_named_with_its_jet(made_up_jets, name, value):
    jets = made_up_jets(10)
    of_constituent = ak.where(
        (np.arange(10) == 7) & (ak.local_index(jets.constituents.pt) == 3),
        value,
        jets.constituents[name],
    )
    with pytest.raises(ValueError, match=f"jet 7 of 10: {name} of a constituent is {value}"):
        constituent_tensors(ak.with_field(jets, of_constituent, ("constituents", name)))
    of_jet = ak.where(np.arange(10) == 7, value, jets[name])
    with pytest.raises(ValueError, match=f"jet 7 of 10: {name} of the jet is {value}"):
        constituent_tensors(ak.with_field(jets, of_jet, name))


def test_momentum_must_be_positive():
    with pytest.raises(ValueError, match="jet 0 of 1: pt of a constituent is 0"):
        constituent_tensors(one_jet((300.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)))


def test_momenta_keep_masses_and_order(made_up_jets) -> None:
    jets = made_up_jets(30, seed=3)
    tensors = constituent_tensors(jets, places=100)
    momenta = tensors.momenta.double()
    whole = momenta.sum(dim=1)
    mass = minkowski(whole, whole).sqrt().numpy()
    np.testing.assert_allclose(mass, ak.to_numpy(total(jets.constituents).mass), rtol=1e-4)
    np.testing.assert_allclose(whole[:, 2], 0, atol=1e-3)
    pt = momenta[..., :2].norm(dim=2)
    share = pt / pt.sum(dim=1, keepdim=True)
    torch.testing.assert_close(share.float(), tensors.fractions, rtol=1e-4, atol=1e-6)
    assert (momenta[~tensors.mask] == 0).all()


def test_without_constituents_the_shapes_are_kept(made_up_jets):
    jets = made_up_jets(4)
    none = ak.with_field(jets, jets.constituents[:, :0], "constituents")
    for few in (none, jets[:0]):
        tensors = constituent_tensors(few, 8, identity=True).select(*TENSORS)
        assert tensors["features"].shape == (len(few), 8, 13)
        assert all(len(x) == len(few) and not x.any() for x in tensors.values())


def test_jets_that_are_none_are_refused(made_up_jets):
    jets = made_up_jets(6)
    with pytest.raises(ValueError, match=r"is None \([0-9] such jets\)"):
        constituent_tensors(jets.mask[jets.mass > ak.mean(jets.mass)])
