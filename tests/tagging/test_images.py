"""Jet images: a loop by hand, the alignment, and the symmetries that it takes out."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch

from hepml_lib.tagging.images import aligned_constituents, jet_images


def moved(jets, boost=0.0, turn=0.0, mirror=1.0):
    """The same jets, shifted and mirrored along the beam and turned around it."""

    def place(eta, phi):
        return mirror * eta + boost, (phi + turn + np.pi) % (2 * np.pi) - np.pi

    axis = place(jets.eta, jets.phi)
    inner = place(jets.constituents.eta, jets.constituents.phi)
    for name, new, new_inner in zip(("eta", "phi"), axis, inner, strict=True):
        jets = ak.with_field(jets, new, name)
        jets = ak.with_field(jets, new_inner, ("constituents", name))
    return jets


def test_image_is_the_one_filled_by_a_loop(made_up_jets):
    jets = made_up_jets(20)
    owner, share, position = aligned_constituents(jets)
    expected = np.zeros((20, 10, 10))
    for jet, z, (x, y) in zip(owner, share, position, strict=True):
        if abs(x) < 0.8 and abs(y) < 0.8:
            expected[jet, int((x + 0.8) / 0.16), int((y + 0.8) / 0.16)] += z
    images = jet_images(jets, cells=10)
    assert images.shape == (20, 10, 10)
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), expected, atol=1e-6)


def test_all_momentum_is_in_an_image_that_is_large_enough(made_up_jets):
    jets = made_up_jets(50)
    total = jet_images(jets, cells=8, half_width=5.0).sum(dim=(1, 2))
    torch.testing.assert_close(total, torch.ones(50))
    assert (jet_images(jets, half_width=0.1).sum(dim=(1, 2)) < 1).any()


def test_jets_are_centred_turned_and_mirrored(made_up_jets):
    owner, share, position = aligned_constituents(made_up_jets(200))
    x, y = position.T

    def mean(values):
        return np.bincount(owner, share * values)

    np.testing.assert_allclose([mean(x), mean(y)], 0, atol=1e-12)
    np.testing.assert_allclose(mean(x * y), 0, atol=1e-12)
    assert (mean(x * x) >= mean(y * y)).all()
    quadrants = np.stack([mean((x * a > 0) & (y * b > 0)) for a in (1, -1) for b in (1, -1)])
    assert (quadrants.argmax(axis=0) == 0).all()


@pytest.mark.parametrize(
    "change", [{"boost": 0.7}, {"turn": 2.5}, {"mirror": -1.0}, {"boost": -1.0, "turn": -3.0}]
)
def test_position_in_the_detector_does_not_show(made_up_jets, change):
    jets = made_up_jets(50)
    before, after = aligned_constituents(jets), aligned_constituents(moved(jets, **change))
    # The quadrant is chosen by momentum: with two equally bright ones the choice may differ.
    np.testing.assert_allclose(after[2], before[2], atol=1e-9)
    np.testing.assert_array_equal(after[1], before[1])


def test_turning_a_jet_around_its_axis_does_not_show(made_up_jets):
    jets = made_up_jets(50)
    inside = jets.constituents
    x = inside.eta - jets.eta[:, None]
    y = (inside.phi - jets.phi[:, None] + np.pi) % (2 * np.pi) - np.pi
    for angle in (0.3, 2.0, -1.2):
        turned = ak.with_field(jets, jets.phi * 0, "phi")
        eta = x * np.cos(angle) - y * np.sin(angle) + jets.eta[:, None]
        turned = ak.with_field(turned, eta, ("constituents", "eta"))
        turned = ak.with_field(
            turned, x * np.sin(angle) + y * np.cos(angle), ("constituents", "phi")
        )
        np.testing.assert_allclose(
            aligned_constituents(turned)[2], aligned_constituents(jets)[2], atol=1e-9
        )


def test_an_empty_jet_is_dark_and_nan_is_named(made_up_jets):
    jets = made_up_jets(5)
    keep = ak.broadcast_arrays(np.arange(5) != 3, jets.constituents.pt)[0]
    empty = ak.with_field(jets, jets.constituents[keep], "constituents")
    images = jet_images(empty)
    assert (images.sum(dim=(1, 2)) > 0).tolist() == [True, True, True, False, True]
    bad = ak.where(np.arange(5) == 2, np.nan, jets.constituents.eta)
    with pytest.raises(ValueError, match="jet 2 of 5: eta of a constituent is nan"):
        jet_images(ak.with_field(jets, bad, ("constituents", "eta")))
