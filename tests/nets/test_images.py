"""The convolutional network: size, symmetry of its filters, brightness, and what it must refuse."""

from __future__ import annotations

import pytest
import torch

from hepml_lib import settings
from hepml_lib.nets import store
from hepml_lib.nets.images import CNN
from hepml_lib.training import Data, fit, predict, seeded


def spots(images: int, per_image: int, cells: int = 24) -> torch.Tensor:
    """Images with so many equal spots at random."""
    content = torch.zeros(images, cells * cells)
    place = torch.rand(images, cells * cells).argsort(dim=1)[:, :per_image]
    return content.scatter(1, place, 1 / per_image).reshape(images, cells, cells)


def test_parameters_are_those_of_the_formula():
    network = CNN(cells=24, channels=(8, 16), hidden=(32,))
    expected = (16 + 1) * 8 + (9 * 8 + 1) * 16 + (6 * 6 * 16 + 1) * 32 + 33
    assert sum(p.numel() for p in network.parameters()) == expected
    assert CNN(cells=24, outputs=3)(spots(5, 2)).shape == (5, 3)


def test_moving_the_content_moves_the_maps():
    """One step of two and two halvings: eight pixels become one, away from the border."""
    network = CNN(cells=40).double()
    inner = torch.zeros(2, 1, 40, 40, dtype=torch.float64)
    inner[:, :, 12:20, 12:20] = torch.rand(2, 1, 8, 8)
    with torch.no_grad():
        before = network.convolutions(inner)
        after = network.convolutions(inner.roll((8, 8), dims=(2, 3)))
    torch.testing.assert_close(after[:, :, 2:4, 2:4], before[:, :, 1:3, 1:3], rtol=0, atol=1e-12)
    assert not torch.allclose(after, before)


def test_unit_of_the_brightness_does_not_matter():
    with seeded(1):
        network, images = CNN(cells=24).double(), spots(50, 10).double()
    expected = network.standardise(images)(images)
    torch.testing.assert_close(network.standardise(600 * images)(600 * images), expected)


def test_dark_images_are_finite_and_all_alike():
    output = CNN(cells=24)(torch.zeros(3, 24, 24))
    assert torch.isfinite(output).all()
    torch.testing.assert_close(output, output[:1].expand(3))


def test_half_precision_images_are_taken():
    network, images = CNN(cells=24), spots(4, 10) / 1000
    expected = network.standardise(images).scale.clone()
    torch.testing.assert_close(
        network.standardise(images.half()).scale, expected, rtol=1e-2, atol=0
    )
    torch.testing.assert_close(network(images.half()), network(images), rtol=1e-2, atol=1e-3)


def test_tells_one_spot_from_many_and_survives_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    with seeded(settings.seed("test", "spots")):
        images = torch.cat([spots(300, 1), spots(300, 6)])
        network = CNN(cells=24, channels=(4, 8)).standardise(images)
    data = Data((images,), torch.arange(600) // 300)
    fit(network, data, data, epochs=3, batch_size=32, lr=5e-3, progress=False)
    scores = predict(network, images)
    assert ((scores > 0) == data.target.bool().numpy()).mean() > 0.97
    card = dict.fromkeys(("command", "data", "figure", "limits", "seed"), "test")
    store.save("test.cnn", network, card, tmp_path / "models")
    again, record = store.load("test.cnn")
    assert record["architecture"] == "images.CNN"
    assert (predict(again, images) == scores).all()


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match=r"shape \(n, 40, 40\), not \(2, 32, 32\)"):
        CNN()(torch.zeros(2, 32, 32))
    with pytest.raises(ValueError, match="too few"):
        CNN(cells=4)
    for bad in (torch.zeros(2, 40, 40), torch.full((2, 40, 40), torch.nan)):
        with pytest.raises(ValueError, match="dark images, NaN or infinity"):
            CNN().standardise(bad)
