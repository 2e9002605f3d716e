"""Trainings of the anomaly trigger, as ``hepml train trigger.anomaly`` runs them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike

from hepml_lib import metrics, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.autoencoders import (
    Autoencoder,
    FixedPointAutoencoder,
    VariationalAutoencoder,
    evidence_loss,
    squared_error,
)
from hepml_lib.samples import rates
from hepml_lib.trigger import anomaly
from hepml_lib.trigger.rates import efficiency_at, threshold

__all__ = [
    "BETA",
    "KNOWN",
    "MIXTURE",
    "RATE",
    "RECIPES",
    "STAND_INS",
    "background",
    "stand_in_efficiency",
    "train",
    "train_autoencoder",
    "train_fixed_point",
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
_SPLITS = ("train", "validation", "test")
_HIDDEN = (64, 32)
_TRAININGS = {"quick": 1, "full": 5}


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
    """
    weight = rates.crossing_weights(events)
    kept = (ak.to_numpy(events.process) < KNOWN) & (weight > 0)
    x = anomaly.inputs(events)[kept]
    return training.Data.from_numpy(x, target=x, weight=weight[kept] ** mixture)


def stand_in_efficiency(scores: ArrayLike, events: ak.Array) -> float:
    """Mean efficiency for W, Z and top pairs at 500, 1000 and 2000 kHz of background.

    A figure by which one may choose: it knows no hidden signal. The three processes together are
    less than a hundredth of the rate that a trigger keeps.

    Parameters
    ----------
    scores, events
        Scores of all events of one split, and the events.
    """
    score, process = np.asarray(scores), ak.to_numpy(events.process)
    weight = rates.crossing_weights(events)
    common = process < min(STAND_INS.values())
    total = float(weight[common].sum())
    found = []
    for code in STAND_INS.values():
        chosen = common | (process == code)
        label = process[chosen] == code
        found += [
            efficiency_at(score[chosen], label, weight[chosen], wanted, total)
            for wanted in _CHOICE_RATES
        ]
    return float(np.mean(found))


def train_autoencoder(
    train: training.Data,
    validation: training.Data,
    *,
    seed: int,
    beta: float | None = BETA,
    latent: int = 12,
    epochs: int = 25,
    checkpoint: Path | None = None,
) -> tuple[Autoencoder | VariationalAutoencoder, training.History]:
    """Train an autoencoder on background: variational, or plain where `beta` is None."""
    width = train.inputs[0].shape[1]
    with training.seeded(seed):
        network: Autoencoder | VariationalAutoencoder = (
            Autoencoder(width, latent, _HIDDEN)
            if beta is None
            else VariationalAutoencoder(width, latent, _HIDDEN)
        )
    history = training.fit(
        network,
        train,
        validation,
        loss=squared_error if beta is None else evidence_loss(latent, beta),
        epochs=epochs,
        batch_size=256,
        lr=3e-3,
        seed=seed,
        checkpoint=checkpoint,
        progress=False,
    )
    return network, history


def train_fixed_point(
    network: VariationalAutoencoder,
    train: training.Data,
    validation: training.Data,
    *,
    seed: int,
    weight_bits: int = 4,
    activation_bits: int = 6,
    sparsity: float = 0.83,
    epochs: int = 12,
    checkpoint: Path | None = None,
) -> FixedPointAutoencoder:
    """Continue the training of a floating network in fixed point.

    With `epochs` zero the weights are rounded and nothing is trained: quantisation after training.
    """
    copy = FixedPointAutoencoder.from_float(
        network,
        train.inputs[0],
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        sparsity=sparsity,
    )
    if epochs:
        training.fit(
            copy,
            train,
            validation,
            loss=evidence_loss(network.mean.out_features, BETA),
            epochs=epochs,
            lr=1e-3,
            seed=seed,
            checkpoint=checkpoint,
            progress=False,
        )
    return copy.eval()


def train(name: str, checkpoint: Path | None = None) -> Path:
    """Train a committed network; return the path of its weights.

    At full scale five networks are trained, and the one with the best `stand_in_efficiency` on the
    validation split is kept.

    Parameters
    ----------
    name
        ``"anomaly"``, or ``"anomaly_fixed"``, which continues from the stored ``trigger.anomaly``.
    checkpoint
        Start of the names of the files to resume from.
    """
    scale, base = settings.scale(), settings.seed("train", f"trigger.{name}")
    events = {split: samples.load("trigger_events", split=split) for split in _SPLITS}
    data = [background(events[split]) for split in _SPLITS[:2]]
    x = {split: anomaly.inputs(part) for split, part in events.items()}
    floating: Any = store.load("trigger.anomaly")[0] if name == "anomaly_fixed" else None
    found = []
    for seed in range(base, base + _TRAININGS[scale]):
        file = checkpoint and checkpoint.with_name(f"{checkpoint.name}.{seed - base}")
        network: Any = (
            train_autoencoder(*data, seed=seed, checkpoint=file)[0]
            if floating is None
            else train_fixed_point(floating, *data, seed=seed, checkpoint=file)
        )
        score = anomaly.scores(network, x["validation"])["Σμ²"]
        found.append((stand_in_efficiency(score, events["validation"]), seed, network))
    best, seed, network = max(found, key=lambda entry: entry[0])
    score = anomaly.scores(network, x["test"])["Σμ²"]
    process, weight = ak.to_numpy(events["test"].process), rates.crossing_weights(events["test"])
    known = process < KNOWN
    passed = score > threshold(score[known], weight[known], RATE)
    card = {
        "data": f"trigger_events, {len(data[0])} background events of train, weighed by their rate "
        f"to the power of {MIXTURE}",
        "seed": seed,
        "command": f"HEPML_SCALE={scale} hepml train trigger.{name}",
        "figure": f"Σμ² keeps {metrics.efficiency(passed[process == KNOWN])} of A to 4 leptons of "
        f"the test split at {RATE:.0f} kHz of background",
        "limits": "Level-1 integers of this detector at 50 pileup; input shifts as in the library",
        "chosen": f"from {len(found)} trainings by the mean efficiency for W, Z and top pairs of "
        f"the validation split, {best:.3f}; no hidden signal was looked at",
        "beta": BETA,
    }
    ours = scale == "full" and settings.base_seed() == 1
    folder = None if ours else settings.cache_dir() / "models"
    suffix = "" if settings.base_seed() == 1 else f".seed{settings.base_seed()}"
    return store.save(f"trigger.{name}{suffix}", network, card, folder)


RECIPES: dict[str, Callable[..., Path]] = {
    name: partial(train, name) for name in ("anomaly", "anomaly_fixed")
}
"""Recipes by name."""
