"""The stored taggers of top jets: what each sees of a jet, its network, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from hepml_lib import energyflow, metrics, nets, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.tagging.dense_inputs import leading_constituents
from hepml_lib.tagging.features import CONSTITUENT_FEATURES, constituent_tensors
from hepml_lib.tagging.images import jet_images
from hepml_lib.tagging.linear import logistic_regression
from hepml_lib.tagging.nsub_basis import NSUB_BASIS, nsubjettiness_basis
from hepml_lib.training.data import tensors_of

__all__ = ["JETS", "TOP", "TopTagger"]

JETS = {"quick": 10_000, "full": 200_000}
"""Jets of train that are learned from, by scale; those beyond the committed ones are generated."""

_PIECE = 10_000
"""Jets whose inputs are made at a time, to save memory."""


@dataclass(frozen=True, kw_only=True)
class TopTagger(training.Entry):
    """A tagger of `top_jets`. It sees kinematics alone, as in the public comparison.

    Other arguments are those of `training.Entry`.

    Parameters
    ----------
    sees
        What it is told of a jet, in words.
    reads
        Names of tensors of `Constituents`, with which the network is called; or a function of jets
        for each name.
    places
        Constituents that are kept, the hardest.
    """

    sees: str
    reads: tuple[str, ...] | Mapping[str, Callable[[ak.Array], Any]]
    places: int = 64
    lr: float = 2e-3
    batch_size: int = 128

    def inputs(self, jets: ak.Array, progress: bool = False) -> dict[str, Tensor]:
        """Tensors that the network is called with, made in pieces to save memory.

        Parameters
        ----------
        jets
            Of `top_jets`.
        progress
            Whether to show a bar.

        Returns
        -------
        dict of Tensor
            Name of an argument of the network → tensor.

        Examples
        --------
        >>> jets = samples.load("top_jets", split="test", events=1000)
        >>> {name: tuple(tensor.shape) for name, tensor in TOP["pfn"].inputs(jets).items()}
        {'features': (1000, 64, 7), 'mask': (1000, 64)}
        """
        starts = range(0, len(jets), _PIECE)
        pieces = [
            self._piece(jets[start : start + _PIECE])
            for start in tqdm(starts, f"{self.name} inputs", disable=not progress, leave=False)
        ]
        return {name: torch.cat([piece[name] for piece in pieces]) for name in self.reads}

    def _piece(self, jets: ak.Array) -> dict[str, Tensor]:
        if isinstance(self.reads, tuple):
            return constituent_tensors(jets, self.places).select(*self.reads)
        return {name: torch.as_tensor(function(jets)) for name, function in self.reads.items()}

    def score(self, jets: ak.Array) -> NDArray[np.float32]:
        """Logits that the stored tagger gives jets, shape (n,).

        Parameters
        ----------
        jets
            Of `top_jets`.

        Raises
        ------
        ValueError
            If the tagger was not trained; see ``hepml train``.
        """
        network, _ = store.load(self.name)
        return training.predict(network, self.inputs(jets), batch_size=256)

    def data(self, split: str) -> training.Data:
        """Inputs and labels of a split.

        Parameters
        ----------
        split
            ``"train"`` or ``"validation"``.

        Returns
        -------
        Data
            Jets of `top_jets` as the network is trained on them.
        """
        jets = _jets(split)
        return training.Data(self.inputs(jets, progress=True), torch.tensor(np.asarray(jets.label)))

    def figure(self, network: nn.Module) -> str:
        """Area under the curve of a network on the test split.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        str
            The area with its interval, in words.
        """
        jets = _jets("test")
        scores = training.predict(network, self.inputs(jets, progress=True), batch_size=256)
        area = metrics.auc(scores, np.asarray(jets.label), events=jets.event)
        return f"AUC {area} on the test split"

    def card(self, train_data: training.Data) -> dict[str, Any]:
        """What the tagger saw, and where not to use it.

        Parameters
        ----------
        train_data
            What the network learned from.

        Returns
        -------
        dict
            ``data`` and ``limits``, in words.
        """
        return {
            "data": f"top_jets, {len(train_data)} jets of train; {self.sees}",
            "limits": "jets of 550 to 650 GeV from this generator and detector, without pileup",
        }


def _jets(split: str) -> ak.Array:
    wanted = JETS[settings.scale()] if split == "train" else None
    return samples.load("top_jets", split=split, events=wanted)


_FEATURES = len(CONSTITUENT_FEATURES)

_ROWS = (
    TopTagger(
        name="tagging.cnn",
        sees="an image of 40 × 40 cells in η and φ, half precision",
        # Half precision: 200 000 images are 0.6 GB; a share of pT is kept to three digits.
        reads={"images": lambda jets: jet_images(jets).half()},
        network=lambda _: nets.CNN(),
        epochs={"quick": 6, "full": 6},
    ),
    TopTagger(
        name="tagging.topodnn",
        sees="scaled pT, η, φ of the 30 hardest constituents; last layers wider than published",
        reads={"x": leading_constituents},
        network=lambda _: nets.MLP(90, hidden=(300, 102, 24, 12), dropout=0.1),
        epochs={"quick": 10, "full": 30},
        lr=1e-3,
    ),
    TopTagger(
        name="tagging.nsub",
        sees="N-subjettiness of 1 to 7 axes with β = 1/2, 1, 2, pT and mass",
        reads={"x": nsubjettiness_basis},
        network=lambda _: nets.MLP(len(NSUB_BASIS), hidden=(200, 200, 50, 50), dropout=0.1),
        epochs={"quick": 10, "full": 30},
    ),
    TopTagger(
        name="tagging.efp",
        sees="energy-flow polynomials up to degree 5 with β = 1/2",
        reads={
            "x": lambda jets: energyflow.polynomials(jets.constituents, beta=0.5).astype(np.float32)
        },
        # The linear model has a formula.
        network=lambda train: logistic_regression(tensors_of(train.inputs)["x"], train.target),
        epochs={},
    ),
    TopTagger(
        name="tagging.efn",
        sees="shares of pT and angles of the 64 hardest constituents",
        reads=("fractions", "angles", "mask"),
        network=lambda _: nets.EFN(),
        epochs={"quick": 10, "full": 15},
    ),
    TopTagger(
        name="tagging.pfn",
        sees="kinematics of the 64 hardest constituents",
        reads=("features", "mask"),
        network=lambda _: nets.PFN(_FEATURES),
        epochs={"quick": 10, "full": 15},
    ),
    TopTagger(
        name="tagging.particlenet_lite",
        sees="kinematics of the 48 hardest constituents; the published network",
        reads=("features", "angles", "mask"),
        places=48,
        network=lambda _: nets.ParticleNetLite(_FEATURES),
        epochs={"quick": 8, "full": 6},
        schedule="one-cycle",
    ),
    TopTagger(
        name="tagging.particlenet",
        sees="kinematics of the 36 hardest constituents; narrower than published: 32, 64, 96 "
        "channels in place of 64, 128, 256, and 8 neighbours in place of 16",
        reads=("features", "angles", "mask"),
        places=36,
        network=lambda _: nets.ParticleNet(
            _FEATURES, blocks=((32,) * 3, (64,) * 3, (96,) * 3), neighbours=8
        ),
        epochs={"quick": 5, "full": 3},
        schedule="one-cycle",
    ),
    TopTagger(
        name="tagging.particle_transformer",
        sees="kinematics and pairs of the 40 hardest constituents; narrower than published: width "
        "48 in place of 128, 4 layers in place of 8",
        reads=("features", "momenta", "mask"),
        places=40,
        network=lambda _: nets.ParticleTransformer(
            _FEATURES, width=48, heads=6, layers=4, class_layers=1, pairs=(24, 24), dropout=0.0
        ),
        epochs={"quick": 8, "full": 4},
        lr=1e-3,
        schedule="one-cycle",
    ),
    TopTagger(
        name="tagging.lorentz",
        sees="four-momenta of the 48 hardest constituents and the beams, in the manner of PELICAN",
        reads=("momenta", "mask"),
        places=48,
        network=lambda _: nets.LorentzInvariant(),
        epochs={"quick": 8, "full": 5},
        lr=3e-3,
        schedule="one-cycle",
    ),
)

TOP = {row.name.removeprefix("tagging."): row for row in _ROWS}
"""Taggers of top jets by short name."""
