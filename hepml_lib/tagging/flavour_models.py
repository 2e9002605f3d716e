"""The stored flavour taggers: their networks, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from torch import Tensor, nn

from hepml_lib import metrics, nets, samples, settings, training
from hepml_lib.nets.flavour import AllTasks, TrackRecurrent, TrackTransformer
from hepml_lib.tagging import flavour
from hepml_lib.tagging.impact import Tracks, tracks_of

__all__ = ["FLAVOUR", "JETS", "FlavourTagger", "flavour_data"]

JETS = {"quick": 28_000, "full": 200_000}
"""Jets of train that are learned from, by scale; those beyond the committed ones are generated."""


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

        Returns
        -------
        dict of Tensor
            Name of an argument of the network → tensor.

        Examples
        --------
        >>> jets = samples.load("flavour_jets", split="test", events=1000)
        >>> {name: tuple(tensor.shape) for name, tensor in FLAVOUR["pairs"].inputs(jets).items()}
        {'features': (1000, 24, 15), 'mask': (1000, 24), 'geometry': (1000, 24, 8)}
        """
        return _track_inputs(jets, tracks_of(jets) if tracks is None else tracks, self.pairs)

    def data(self, split: str) -> training.Data:
        """Inputs, targets and balancing weights of a split.

        Parameters
        ----------
        split
            ``"train"`` or ``"validation"``.

        Returns
        -------
        Data
            Jets of `flavour_jets` as the network is trained on them.
        """
        return flavour_data(_jets(split), self.pairs)

    def figure(self, network: nn.Module) -> str:
        """Area under the curve of a network, b against light jets, on the test split.

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
        jets = jets[np.isin(jets.label, (0, 5))]
        score = flavour.discriminant(training.predict(network, self.inputs(jets)))
        area = metrics.auc(score, jets.label == 5, events=jets.event)
        return f"AUC {area} of b against light jets of the test split"

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


def _jets(split: str) -> ak.Array:
    wanted = JETS[settings.scale()] if split == "train" else None
    return samples.load("flavour_jets", split=split, events=wanted)


_INPUTS, _OUTPUTS = len(flavour.FEATURES), len(flavour.FLAVOURS)
_on_all_tasks = partial(FlavourTagger, loss=flavour.multitask_loss, wrap=AllTasks)

_ROWS = (
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

FLAVOUR = {row.name.removeprefix("tagging.flavour_"): row for row in _ROWS}
"""Flavour taggers by short name."""
