"""The stored networks of the trigger: the anomaly detectors here, those of jets in `l1_models`.

``hepml train trigger.<name>`` trains a row of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from hepml_lib import metrics, samples, training
from hepml_lib.nets import store
from hepml_lib.nets.autoencoders import (
    FixedPointAutoencoder,
    VariationalAutoencoder,
    beta_vae_loss,
)
from hepml_lib.samples import rates
from hepml_lib.trigger import anomaly, l1_models
from hepml_lib.trigger.rates import efficiency_at, threshold

__all__ = [
    "BETA",
    "KNOWN",
    "MIXTURE",
    "MODELS",
    "RATE",
    "STAND_INS",
    "AnomalyDetector",
    "background",
    "stand_in_efficiency",
]

KNOWN = 5
"""Processes below are background; from here on the hidden signals."""

STAND_INS = {"W": 2, "Z": 3, "top pairs": 4}
"""Known rare processes that stand in for the unknown wherever something is chosen."""

BETA = 0.03
"""Price of information, chosen by `stand_in_efficiency` on the validation split."""

MIXTURE = 0.5
"""Power of the rate that weighs an event in training, chosen like `BETA`."""

RATE = 750.0
"""Rate of background at which triggers are compared [kHz]: at least 100 effective events decide."""

_CHOICE_RATES = (500.0, 1000.0, 2000.0)
_LATENT = 12
_LOSS = beta_vae_loss(_LATENT, BETA)


def background(events: ak.Array, mixture: float = MIXTURE) -> training.Data:
    """Background of a split of `trigger_events`, to be rebuilt.

    Parameters
    ----------
    events
        All loaded events of a split.
    mixture
        Events are weighed by this power of their rate. With 1 they come as the machine makes them,
        and W, Z and top pairs have almost no say; with 0 every event that counts in the stitching
        has the same say, and they are a thousand times more common than in the machine.

    Returns
    -------
    Data
        Inputs and target are `anomaly.inputs` of the events, shape (n, 57).
    """
    weight = rates.crossing_weights(events)
    counted = (ak.to_numpy(events.process) < KNOWN) & (weight > 0)
    x = anomaly.inputs(events)[counted]
    return training.Data.from_numpy(x, target=x, weight=weight[counted] ** mixture)


def stand_in_efficiency(scores: ArrayLike, events: ak.Array) -> float:
    """Mean efficiency for W, Z and top pairs at 500, 1000 and 2000 kHz of background.

    A figure by which one may choose: it knows no hidden signal. The three processes together are
    less than a hundredth of the rate that a trigger keeps.

    Parameters
    ----------
    scores
        Of all events of one split, larger for stranger ones, shape (n,).
    events
        The events, of `trigger_events`.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a score is not finite.
    """
    score, process = np.asarray(scores), ak.to_numpy(events.process)
    weight = rates.crossing_weights(events)
    common = process < min(STAND_INS.values())
    total = float(weight[common].sum())
    efficiencies = []
    for code in STAND_INS.values():
        chosen = common | (process == code)
        label = process[chosen] == code
        efficiencies += [
            efficiency_at(score[chosen], label, weight[chosen], rate, total)
            for rate in _CHOICE_RATES
        ]
    return float(np.mean(efficiencies))


@dataclass(frozen=True, kw_only=True)
class AnomalyDetector(training.Entry):
    """A variational autoencoder of the background of `trigger_events`; see `training.Entry`."""

    loss: training.Loss | None = _LOSS

    def data(self, split: str) -> training.Data:
        """Background of a split.

        Parameters
        ----------
        split
            ``"train"`` or ``"validation"``.

        Returns
        -------
        Data
            As `background` makes it.
        """
        return background(samples.load("trigger_events", split=split))

    def choice(self, network: nn.Module) -> tuple[float, str]:
        """`stand_in_efficiency` of Σμ² on the validation split.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        value, meaning
            The efficiency, and what it is, in words.
        """
        events = samples.load("trigger_events", split="validation")
        return stand_in_efficiency(_latent_norm(network, events), events), (
            "the mean efficiency for W, Z and top pairs of the validation split; no hidden signal "
            "was looked at"
        )

    def figure(self, network: nn.Module) -> str:
        """Efficiency of Σμ² for one of the hidden signals on the test split.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        str
            The efficiency with its interval, in words.
        """
        events = samples.load("trigger_events", split="test")
        score, process = _latent_norm(network, events), ak.to_numpy(events.process)
        known = process < KNOWN
        cut = threshold(score[known], rates.crossing_weights(events)[known], RATE)
        efficiency = metrics.efficiency(score[process == KNOWN] > cut)
        return (
            f"Σμ² keeps {efficiency} of A to 4 leptons of the test split at {RATE:.0f} kHz of "
            "background"
        )

    def card(self, train_data: training.Data) -> dict[str, Any]:
        """What the network saw, and where not to use it.

        Parameters
        ----------
        train_data
            What the network learned from.

        Returns
        -------
        dict
            ``data`` and ``limits`` in words, and ``beta``.
        """
        return {
            "data": f"trigger_events, {len(train_data)} background events of train, weighed by "
            f"their rate to the power of {MIXTURE}",
            "limits": "Level-1 integers of this detector at 50 pileup; input shifts as in the "
            "library",
            "beta": BETA,
        }


def _latent_norm(network: Any, events: ak.Array) -> np.ndarray:
    return anomaly.scores(network, anomaly.inputs(events))["Σμ²"]


def _in_fixed_point(train: training.Data) -> FixedPointAutoencoder:
    """The stored floating network in four bits, to be trained further."""
    floating: Any = store.load("trigger.anomaly")[0]
    # What an autoencoder shall give is what it is given.
    return FixedPointAutoencoder.from_float(
        floating, train.target, weight_bits=4, activation_bits=6, sparsity=0.83
    )


_DETECTORS = (
    AnomalyDetector(
        name="trigger.anomaly",
        network=lambda _: VariationalAutoencoder(len(anomaly.INPUTS), _LATENT, (64, 32)),
        epochs={"quick": 25, "full": 25},
        lr=3e-3,
        trainings={"quick": 1, "full": 5},
    ),
    AnomalyDetector(
        name="trigger.anomaly_fixed",
        network=_in_fixed_point,
        epochs={"quick": 12, "full": 12},
        trainings={"quick": 1, "full": 5},
    ),
)

MODELS: dict[str, training.Entry] = {
    **{entry.name: entry for entry in _DETECTORS},
    **l1_models.MODELS,
}
"""Every stored model of this chapter by its name in the store."""
