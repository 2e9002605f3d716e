"""Same architecture, same weights, same outputs as the public implementation, where it is there.

To run these, ``pip install weaver-core==0.5.3`` beside the library; it is no dependency.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from hepml_lib.nets.attention import ParticleTransformer
from hepml_lib.nets.graphs import ParticleNet, ParticleNetLite

pytest.importorskip("weaver")
_spec = importlib.util.spec_from_file_location(
    "weaver_names", Path(__file__).with_name("weaver_names.py")
)
weaver_names = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(weaver_names)


def jets(events: int = 64, places: int = 40):
    """Features, angles, four-momenta and mask of made-up jets of 3 to 40 constituents."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(places) < torch.randint(3, places + 1, (events, 1), generator=generator)
    features = torch.randn(events, places, 7, generator=generator)
    eta, phi = angles = torch.randn(2, events, places, generator=generator) * 0.3
    pt = 1 + 50 * torch.rand(events, places, generator=generator)
    momenta = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), pt * eta.cosh()], 2)
    there = mask[..., None]
    return features * there, angles.permute(1, 2, 0) * there, momenta * there, mask


def away_from_the_start(network: torch.nn.Module) -> torch.nn.Module:
    """Move scales, offsets and running moments to where a mistake would show."""
    torch.manual_seed(2)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


@pytest.mark.parametrize(("kind", "count"), [(ParticleNet, 16), (ParticleNetLite, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_particlenet(kind, count, dtype) -> None:
    from weaver.nn.model.ParticleNet import ParticleNet as Public

    ours = kind(7, outputs=2)
    widths = [tuple(block) for block in ours.arguments["blocks"]]
    theirs = Public(
        7,
        2,
        conv_params=[(count, block) for block in widths],
        fc_params=[(ours.arguments["hidden"], 0.1)],
        use_fusion=False,
        trim=False,
    )
    away_from_the_start(theirs)
    ours.load_state_dict(weaver_names.graph_weights(theirs.state_dict()))
    features, angles, _, mask = (x if x.dtype == torch.bool else x.to(dtype) for x in jets())
    expected = theirs.to(dtype)(angles.mT, features.mT.clone(), mask[:, None])
    found = ours.to(dtype).eval()(features=features, angles=angles, mask=mask)
    assert expected.std() > 0.01
    # Single precision can swap two neighbours that are equally near.
    close = torch.isclose(found, expected, rtol=1e-5, atol=1e-5).all(dim=1)
    assert close.float().mean() > (0.95 if dtype == torch.float32 else 0.999)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_particle_transformer(dtype) -> None:
    from weaver.nn.model.ParticleTransformer import ParticleTransformer as Public

    theirs = away_from_the_start(Public(7, 2, trim=False))
    ours = ParticleTransformer(7, outputs=2)
    ours.load_state_dict(weaver_names.attention_weights(theirs.state_dict()))
    features, _, momenta, mask = (x if x.dtype == torch.bool else x.to(dtype) for x in jets())
    expected = theirs.to(dtype)(features.mT.clone(), momenta.mT, mask[:, None])
    found = ours.to(dtype).eval()(features=features, momenta=momenta, mask=mask)
    assert expected.std() > 0.01
    tolerance = 1e-5 if dtype == torch.float32 else 1e-10
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
