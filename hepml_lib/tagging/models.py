"""The stored taggers: what each sees of a jet, its network, and how it is trained.

``hepml train tagging.<name>`` trains a row. At quick scale a network learns from the committed
jets; at full scale from 200 000, which are generated first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from hepml_lib import energyflow, metrics, nets, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.flavour import AllTasks, TrackRecurrent, TrackTransformer
from hepml_lib.tagging import flavour
from hepml_lib.tagging.dense_inputs import leading_constituents
from hepml_lib.tagging.features import CONSTITUENT_FEATURES, Constituents
from hepml_lib.tagging.images import jet_images
from hepml_lib.tagging.impact import Tracks, tracks_of
from hepml_lib.tagging.linear import logistic_regression
from hepml_lib.tagging.nsub_basis import NSUB_BASIS, nsubjettiness_basis
from hepml_lib.training.data import tensors_of

__all__ = [
    "FLAVOUR",
    "FLAVOUR_JETS",
    "MODELS",
    "TOP",
    "TOP_JETS",
    "FlavourTagger",
    "TopTagger",
    "flavour_data",
]

TOP_JETS = {"quick": 10_000, "full": 200_000}
"""Jets that the taggers of top jets learn from."""

FLAVOUR_JETS = {"quick": 28_000, "full": 200_000}
"""Jets that the flavour taggers learn from."""

_PIECE = 10_000
"""Jets whose inputs are made at a time, to save memory."""


def _jets(sample: str, split: str, count: Mapping[str, int]) -> ak.Array:
    """Jets of a split; of train as many as the scale says."""
    wanted = count[settings.scale()] if split == "train" else None
    return samples.load(sample, split=split, events=wanted)


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
            return Constituents(jets, self.places).select(*self.reads)
        return {name: torch.as_tensor(function(jets)) for name, function in self.reads.items()}

    def score(self, jets: ak.Array) -> NDArray[np.float32]:
        """Logits that the stored tagger gives `jets` of `top_jets`, shape (n,).

        Raises
        ------
        ValueError
            If the tagger was not trained; see ``hepml train``.
        """
        network, _ = store.load(self.name)
        return training.predict(network, self.inputs(jets), batch_size=256)

    def data(self, split: str) -> training.Data:
        """Inputs and labels of a `split`."""
        jets = _jets("top_jets", split, TOP_JETS)
        return training.Data(self.inputs(jets, progress=True), torch.tensor(np.asarray(jets.label)))

    def figure(self, network: nn.Module) -> str:
        """Area under the curve of a `network` on the test split."""
        jets = _jets("top_jets", "test", TOP_JETS)
        scores = training.predict(network, self.inputs(jets, progress=True), batch_size=256)
        area = metrics.auc(scores, np.asarray(jets.label), events=jets.event)
        return f"AUC {area} on the test split"

    def card(self, train_data: training.Data) -> dict[str, Any]:
        """What the tagger saw of `train_data`, and where not to use it."""
        return {
            "data": f"top_jets, {len(train_data)} jets of train; {self.sees}",
            "limits": "jets of 550 to 650 GeV from this generator and detector, without pileup",
        }


@dataclass(frozen=True, kw_only=True)
class FlavourTagger(training.Entry):
    """A tagger of `flavour_jets`. Other arguments are those of `training.Entry`.

    Parameters
    ----------
    pairs
        Whether it is told where each two tracks cross.
    """

    pairs: bool = False
    lr: float = 2e-3
    schedule: str = "one-cycle"
    loss: training.Loss | None = flavour.flavour_loss

    def inputs(self, jets: ak.Array, tracks: Tracks | None = None) -> dict[str, Tensor]:
        """Tensors that the network is called with; with `pairs` the geometry of the tracks as well.

        Parameters
        ----------
        jets
            Of `flavour_jets`.
        tracks
            ``tracks_of(jets)``, if it is there already.

        Examples
        --------
        >>> jets = samples.load("flavour_jets", split="test", events=1000)
        >>> {name: tuple(tensor.shape) for name, tensor in FLAVOUR["pairs"].inputs(jets).items()}
        {'features': (1000, 24, 15), 'mask': (1000, 24), 'geometry': (1000, 24, 8)}
        """
        return _track_inputs(jets, tracks_of(jets) if tracks is None else tracks, self.pairs)

    def data(self, split: str) -> training.Data:
        """Inputs, targets and balancing weights of a `split`."""
        return flavour_data(_jets("flavour_jets", split, FLAVOUR_JETS), self.pairs)

    def figure(self, network: nn.Module) -> str:
        """Area under the curve of a `network`, b against light jets, on the test split."""
        jets = _jets("flavour_jets", "test", FLAVOUR_JETS)
        jets = jets[np.isin(jets.label, (0, 5))]
        score = flavour.discriminant(training.predict(network, self.inputs(jets)))
        area = metrics.auc(score, jets.label == 5, events=jets.event)
        return f"AUC {area} of b against light jets of the test split"

    def card(self, train_data: training.Data) -> dict[str, Any]:
        """What the tagger saw of `train_data`, and where not to use it."""
        return {
            "data": f"flavour_jets, {len(train_data)} jets of train, balanced in pT and eta",
            "limits": "jets of top pairs above 20 GeV without pileup, from this detector",
        }


def flavour_data(jets: ak.Array, pairs: bool = False) -> training.Data:
    """Inputs, targets and balancing weights of jets.

    Parameters
    ----------
    jets
        Of `flavour_jets`.
    pairs
        Whether the inputs hold the geometry of the tracks as well.

    Returns
    -------
    Data
        Targets as in `flavour.targets`, weights as in `flavour.balancing_weights`.
    """
    tracks = tracks_of(jets)
    return training.Data(
        _track_inputs(jets, tracks, pairs),
        flavour.targets(jets, tracks),
        flavour.balancing_weights(jets),
    )


def _track_inputs(jets: ak.Array, tracks: Tracks, pairs: bool) -> dict[str, Tensor]:
    geometry = {"geometry": flavour.track_geometry(jets, tracks)} if pairs else {}
    return flavour.track_tensors(jets, tracks)._asdict() | geometry


_FEATURES = len(CONSTITUENT_FEATURES)

_TOP = (
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

_INPUTS, _OUTPUTS = len(flavour.FEATURES), len(flavour.FLAVOURS)
_on_all_tasks = partial(FlavourTagger, loss=flavour.multitask_loss, wrap=AllTasks)

_FLAVOUR = (
    FlavourTagger(
        name="tagging.flavour_sets",
        network=lambda _: nets.DeepSets(_INPUTS, _OUTPUTS, (100, 100, 128), (100, 100)),
        epochs={"quick": 20, "full": 20},
    ),
    FlavourTagger(
        name="tagging.flavour_recurrent",
        network=lambda _: TrackRecurrent(_INPUTS, _OUTPUTS),
        epochs={"quick": 12, "full": 12},
    ),
    # The transformer without its auxiliary tasks.
    FlavourTagger(
        name="tagging.flavour_alone",
        network=lambda _: TrackTransformer(_INPUTS, _OUTPUTS),
        epochs={"quick": 8, "full": 8},
    ),
    _on_all_tasks(
        name="tagging.flavour_transformer",
        network=lambda _: TrackTransformer(_INPUTS, _OUTPUTS),
        epochs={"quick": 8, "full": 8},
    ),
    _on_all_tasks(
        name="tagging.flavour_pairs",
        network=lambda _: TrackTransformer(_INPUTS, _OUTPUTS, pairs=True),
        epochs={"quick": 10, "full": 10},
        pairs=True,
    ),
)

TOP = {entry.name.removeprefix("tagging."): entry for entry in _TOP}
"""Taggers of top jets by short name."""

FLAVOUR = {entry.name.removeprefix("tagging.flavour_"): entry for entry in _FLAVOUR}
"""Flavour taggers by short name."""

MODELS: dict[str, training.Entry] = {entry.name: entry for entry in (*_TOP, *_FLAVOUR)}
"""Every stored model of this chapter by its name in the store."""
