"""The taggers of top jets: what each sees of a jet, its network, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import awkward as ak
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from hepml_lib import energyflow, nets, training
from hepml_lib.nets import store
from hepml_lib.tagging.dense_inputs import leading_constituents
from hepml_lib.tagging.features import (
    CONSTITUENT_FEATURES,
    constituent_momenta,
    constituent_tensors,
)
from hepml_lib.tagging.images import jet_images
from hepml_lib.tagging.nsub_basis import NSUB_BASIS, nsubjettiness_basis

__all__ = ["TAGGERS", "Tagger", "inputs", "score"]

_FEATURES = len(CONSTITUENT_FEATURES)
_CHUNK = 10_000


class Tagger(NamedTuple):
    """What makes a tagger.

    Attributes
    ----------
    sees
        What it is told of a jet, in words.
    inputs
        Turns jets into the tensors that the network is called with.
    network
        Makes the network, with first weights; None for the linear model, which has a formula.
    epochs
        Passes over the jets, at quick and at full scale.
    lr, schedule
        Of `training.fit`.
    """

    sees: str
    inputs: Callable[[ak.Array], tuple[Tensor, ...]]
    network: Callable[[], nn.Module] | None = None
    epochs: Mapping[str, int] = {}
    lr: float = 2e-3
    schedule: str = "cosine"


def _image(jets: ak.Array) -> tuple[Tensor, ...]:
    # Half precision: 200 000 images are 0.6 GB; a share of pT is kept to three digits.
    return (jet_images(jets).half(),)


def _list(jets: ak.Array) -> tuple[Tensor, ...]:
    return (torch.from_numpy(leading_constituents(jets)),)


def _subjettiness(jets: ak.Array) -> tuple[Tensor, ...]:
    return (torch.from_numpy(nsubjettiness_basis(jets)),)


def _polynomials(jets: ak.Array) -> tuple[Tensor, ...]:
    return (torch.from_numpy(energyflow.polynomials(jets.constituents, beta=0.5)).float(),)


def _safe_set(jets: ak.Array) -> tuple[Tensor, ...]:
    tensors = constituent_tensors(jets, 64)
    return tensors.fractions, tensors.angles, tensors.mask


def _set(jets: ak.Array) -> tuple[Tensor, ...]:
    tensors = constituent_tensors(jets, 64)
    return tensors.features, tensors.mask


def _cloud(particles: int) -> Callable[[ak.Array], tuple[Tensor, ...]]:
    def made(jets: ak.Array) -> tuple[Tensor, ...]:
        tensors = constituent_tensors(jets, particles)
        return tensors.features, tensors.angles, tensors.mask

    return made


def _pairs(jets: ak.Array) -> tuple[Tensor, ...]:
    tensors = constituent_tensors(jets, 40)
    return tensors.features, constituent_momenta(jets, 40), tensors.mask


def _momenta(jets: ak.Array) -> tuple[Tensor, ...]:
    return constituent_momenta(jets, 48), constituent_tensors(jets, 48).mask


TAGGERS = {
    "cnn": Tagger(
        "an image of 40 × 40 cells in η and φ, half precision",
        _image, nets.CNN, {"quick": 6, "full": 6},
    ),
    "topodnn": Tagger(
        "scaled pT, η, φ of the 30 hardest constituents; last layers wider than published",
        _list, lambda: nets.MLP(90, hidden=(300, 102, 24, 12), dropout=0.1),
        {"quick": 10, "full": 30}, lr=1e-3,
    ),
    "nsub": Tagger(
        "N-subjettiness of 1 to 7 axes with β = 1/2, 1, 2, pT and mass",
        _subjettiness, lambda: nets.MLP(len(NSUB_BASIS), hidden=(200, 200, 50, 50), dropout=0.1),
        {"quick": 10, "full": 30},
    ),
    "efp": Tagger("energy-flow polynomials up to degree 5 with β = 1/2", _polynomials),
    "efn": Tagger(
        "shares of pT and angles of the 64 hardest constituents",
        _safe_set, nets.EFN, {"quick": 10, "full": 15},
    ),
    "pfn": Tagger(
        "kinematics of the 64 hardest constituents",
        _set, lambda: nets.PFN(_FEATURES), {"quick": 10, "full": 15},
    ),
    "particlenet_lite": Tagger(
        "kinematics of the 48 hardest constituents; the published network",
        _cloud(48), lambda: nets.ParticleNetLite(_FEATURES), {"quick": 8, "full": 6},
        schedule="one-cycle",
    ),
    "particlenet": Tagger(
        "kinematics of the 36 hardest constituents; narrower than published: 32, 64, 96 channels "
        "in place of 64, 128, 256, and 8 neighbours in place of 16",
        _cloud(36),
        lambda: nets.ParticleNet(
            _FEATURES, blocks=((32,) * 3, (64,) * 3, (96,) * 3), neighbours=8
        ),
        {"quick": 5, "full": 3}, schedule="one-cycle",
    ),
    "particle_transformer": Tagger(
        "kinematics and pairs of the 40 hardest constituents; narrower than published: width 48 in "
        "place of 128, 4 layers in place of 8",
        _pairs,
        lambda: nets.ParticleTransformer(
            _FEATURES, width=48, heads=6, layers=4, class_layers=1, pairs=(24, 24), dropout=0.0
        ),
        {"quick": 8, "full": 4}, lr=1e-3, schedule="one-cycle",
    ),
    "lorentz": Tagger(
        "four-momenta of the 48 hardest constituents and the beams, in the manner of PELICAN",
        _momenta, nets.LorentzInvariant, {"quick": 8, "full": 5}, lr=3e-3, schedule="one-cycle",
    ),
}  # fmt: skip
"""Name → tagger; all see kinematics alone, as in the public comparison, not charge or kind."""


def inputs(name: str, jets: ak.Array, progress: bool = False) -> tuple[Tensor, ...]:
    """Tensors that a tagger's network is called with, made in pieces to save memory.

    Examples
    --------
    >>> from hepml_lib import samples
    >>> jets = samples.load("top_jets", split="test", events=1000)
    >>> [tuple(x.shape) for x in inputs("pfn", jets)]
    [(1000, 64, 7), (1000, 64)]
    """
    starts = tqdm(range(0, len(jets), _CHUNK), f"{name} inputs", disable=not progress, leave=False)
    parts = [TAGGERS[name].inputs(jets[start : start + _CHUNK]) for start in starts]
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def score(name: str, jets: ak.Array) -> NDArray:
    """Logits that the stored tagger gives jets, shape (n,).

    Raises
    ------
    ValueError
        If the tagger was not trained; see ``hepml train``.
    """
    model, _ = store.load(f"tagging.{name}")
    return training.predict(model, inputs(name, jets), batch_size=256)
