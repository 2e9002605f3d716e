"""Training speed of the constituent networks, and of the public implementation where it is there.

Run as ``python tests/bench/bench_taggers.py [threads ...]`` on an idle machine. Times are of
forward and backward on one batch of made-up jets with the multiplicity of top jets (mean 50, spread
18), best of several, the two implementations in turn. With weaver-core 0.5.3 installed beside the
library both sides are measured; the goal is 1.5 times its speed at 32 and 64 constituents.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hepml_lib.nets.attention import ParticleTransformer
from hepml_lib.nets.equivariant import LorentzInvariant
from hepml_lib.nets.graphs import ParticleNet, ParticleNetLite

BATCH, GOAL = 128, 1.5
# The public implementation shortens its batches after five steps: leave those out.
WARM, MEASURED = 6, 6

Inputs = dict[str, Tensor]
Call = Callable[[nn.Module, Inputs], Tensor]


def jets(places: int) -> Inputs:
    """A batch of jets."""
    generator = torch.Generator().manual_seed(1)
    counts = torch.randn(BATCH, 1, generator=generator).mul(18).add(50).clamp(5, places)
    mask = torch.arange(places) < counts.long()
    eta, phi = angles = torch.randn(2, BATCH, places, generator=generator) * 0.3
    pt = 1 + 50 * torch.rand(BATCH, places, generator=generator)
    momenta = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), pt * eta.cosh()], 2)
    features = torch.randn(BATCH, places, 7, generator=generator)
    there = mask[..., None]
    return {
        "features": features * there,
        "angles": angles.permute(1, 2, 0) * there,
        "momenta": momenta * there,
        "mask": mask,
    }


def ours() -> dict[str, tuple[nn.Module, Call]]:
    """Networks of the library, and how each is called."""

    def graph(network: nn.Module, x: Inputs) -> Tensor:
        return network(features=x["features"], angles=x["angles"], mask=x["mask"])

    return {
        "ParticleNet-Lite": (ParticleNetLite(7), graph),
        "ParticleNet": (ParticleNet(7), graph),
        "ParT": (
            ParticleTransformer(7),
            lambda network, x: network(
                features=x["features"], momenta=x["momenta"], mask=x["mask"]
            ),
        ),
        "LorentzInvariant": (
            LorentzInvariant(),
            lambda network, x: network(momenta=x["momenta"], mask=x["mask"]),
        ),
    }


def theirs() -> dict[str, tuple[nn.Module, Call]]:
    """The public networks of the same architecture, if they are installed."""
    if importlib.util.find_spec("weaver") is None:
        return {}
    from weaver.nn.model.ParticleNet import ParticleNet as PublicGraph
    from weaver.nn.model.ParticleTransformer import ParticleTransformer as PublicTransformer

    def graph(network: nn.Module, x: Inputs) -> Tensor:
        features = x["features"].mT.contiguous().requires_grad_()
        return network(x["angles"].mT.contiguous(), features, x["mask"][:, None])

    def transformer(network: nn.Module, x: Inputs) -> Tensor:
        features = x["features"].mT.contiguous().requires_grad_()
        return network(features, x["momenta"].mT.contiguous(), x["mask"][:, None])

    found: dict[str, tuple[nn.Module, Call]] = {}
    sizes = {"ParticleNet-Lite": (7, (32, 64), 128), "ParticleNet": (16, (64, 128, 256), 256)}
    for name, (count, widths, hidden) in sizes.items():
        blocks = [(count, (width,) * 3) for width in widths]
        found[name] = (
            PublicGraph(7, 1, blocks, [(hidden, 0.1)], use_fusion=False),
            graph,
        )
    found["ParT"] = (PublicTransformer(7, 1), transformer)
    return found


def rates(sides: list[tuple[nn.Module, Call]], places: int) -> list[float]:
    """Jets per second of each side."""
    batch = jets(places)
    best = [float("inf")] * len(sides)
    for repetition in range(WARM + MEASURED):
        for k, (network, call) in enumerate(sides):
            start = time.perf_counter()
            call(network, batch).sum().backward()
            if repetition >= WARM:
                best[k] = min(best[k], time.perf_counter() - start)
    return [BATCH / seconds for seconds in best]


def main() -> None:
    """Print the table."""
    print("network            constituents threads   ours  public  ratio   [jets/s]")
    for threads in map(int, sys.argv[1:] or ("1", "2")):
        torch.set_num_threads(threads)
        public = theirs()
        for name, own in ours().items():
            for places in (32, 64):
                sides = [own, public[name]] if name in public else [own]
                mine, *other = rates(sides, places)
                text = f"{name:18} {places:12} {threads:7} {mine:6.0f}"
                if other:
                    ratio = mine / other[0]
                    text += f" {other[0]:7.0f} {ratio:6.2f}" + ("  slow" if ratio < GOAL else "")
                print(text, flush=True)


if __name__ == "__main__":
    main()
