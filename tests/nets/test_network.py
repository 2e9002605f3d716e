"""Networks know how they were made, variants included."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from hepml_lib.nets import CNN, EFN, MLP, PFN, DeepSets, ParticleNet, ParticleNetLite, store
from hepml_lib.nets.autoencoders import FixedPointAutoencoder
from hepml_lib.nets.network import Network


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        (MLP(3), {"inputs": 3, "outputs": 1, "hidden": [64, 64], "dropout": 0.0}),
        (MLP(3, 2, hidden=()), {"inputs": 3, "outputs": 2, "hidden": [], "dropout": 0.0}),
        (CNN(cells=24), {"cells": 24, "outputs": 1, "channels": [16, 32, 32], "hidden": [64]}),
    ],
)
def test_arguments_are_those_of_the_call_and_the_defaults(network, arguments) -> None:
    assert network.arguments == arguments


def test_a_variant_has_the_arguments_of_what_it_varies() -> None:
    assert PFN(4, outputs=3).arguments == {
        "features": 4,
        "outputs": 3,
        "phi": [100, 100, 256],
        "rho": [100, 100, 100],
        "dropout": 0.0,
    }
    assert PFN(4).arguments.keys() == DeepSets(4).arguments.keys()
    lite = ParticleNetLite(7, dropout=0.2).arguments
    assert lite.keys() == ParticleNet(7).arguments.keys()
    assert (lite["blocks"], lite["neighbours"]) == ([[32] * 3, [64] * 3], 7)
    assert (lite["hidden"], lite["dropout"]) == (128, 0.2)
    fixed = FixedPointAutoencoder(5, latent=2, weight_bits=3).arguments
    assert (fixed["latent"], fixed["weight_bits"], fixed["input_fraction"]) == (2, 3, 2)


@pytest.mark.parametrize("network", [PFN(4, phi=(5,)), EFN(rho=(6,)), ParticleNetLite(3)])
def test_copies_know_their_arguments_too(network) -> None:
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert twin.arguments == network.arguments
    again = type(network)(**network.arguments)
    assert again.state_dict().keys() == network.state_dict().keys()


def test_a_wrong_argument_is_named() -> None:
    with pytest.raises(TypeError, match="widths"):
        PFN(4, widths=(3,))


@pytest.mark.parametrize("name", store.names())
def test_stored_networks_are_what_their_cards_say(name) -> None:
    network, card = store.load(name)
    assert network.arguments.items() >= card["arguments"].items()
    assert sum(p.numel() for p in network.parameters()) == card["parameters"]


def test_what_a_network_records_can_be_stored_as_json() -> None:
    class Nested(Network):
        def __init__(self, blocks=((1, 2), [3]), scale=None) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

    assert Nested().arguments == {"blocks": [[1, 2], [3]], "scale": None}
