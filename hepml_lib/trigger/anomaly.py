"""Anomaly scores on what Level 1 sees: 57 integers, and networks that learned the background."""

from __future__ import annotations

import awkward as ak
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hepml_lib.batch import JetBatch
from hepml_lib.nets.autoencoders import (
    Autoencoder,
    FixedPointAutoencoder,
    VariationalAutoencoder,
)
from hepml_lib.nets.quantised import Quantiser
from hepml_lib.nets.whole_numbers import emulate
from hepml_lib.samples.detector.level1 import SLOTS
from hepml_lib.trigger.firmware import Circuit, trace_path

__all__ = [
    "INPUTS",
    "LIMIT",
    "SHIFTS",
    "circuit",
    "hardware_inputs",
    "inputs",
    "integer_inputs",
    "integer_scores",
    "latent_norm",
    "mahalanobis",
    "scores",
]

_ORDER = ("egammas", "muons", "jets")
_FIELDS = ("pt", "eta", "phi")

INPUTS = tuple(
    f"{name} {quantity}"
    for name in (
        "MET",
        *(f"e/γ {k + 1}" for k in range(SLOTS["egammas"])),
        *(f"muon {k + 1}" for k in range(SLOTS["muons"])),
        *(f"jet {k + 1}" for k in range(SLOTS["jets"])),
    )
    for quantity in ("pT", "η", "φ")
)
"""Names of the 57 inputs; missing momentum has no η, which is always zero."""

_PT = (5, 3, 2, 1, 1, 1, 0, 0, 0, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3)
_ETA = (8,) * 5 + (10,) * 4 + (8,) * 10
_PHI = (9,) * 5 + (11,) * 4 + (9,) * 10

SHIFTS = np.array([_PT, _ETA, _PHI]).T.ravel()
"""Bits by which each input is shifted to the right: momenta by about their width in background.

Angles end up ten times smaller than momenta: crossings look alike in φ, and nearly so in η. A shift
is only a wire in hardware, where a division would cost logic."""

LIMIT = 16.0
"""Where a shifted input saturates."""


def hardware_inputs(events: ak.Array) -> NDArray[np.int32]:
    """The 57 integers of each event: MET, 4 e/γ, 4 muons, 10 jets, each (pT, η, φ).

    Places without an object are zero. The choice of inputs is that of arXiv:2108.03986.

    Parameters
    ----------
    events
        Events of `trigger_events`.

    Returns
    -------
    ndarray
        Shape (n, 57), on the scales of `detector.level1.SCALES`.
    """
    met = ak.to_numpy(events.met_pt), np.zeros(len(events)), ak.to_numpy(events.met_phi)
    columns = [np.column_stack(met).astype(np.int32)]
    for group in _ORDER:
        batch = JetBatch.of(events[group], _FIELDS)
        objects = np.column_stack([batch.columns[name] for name in _FIELDS])
        columns.append(batch.pad(objects, SLOTS[group], np.int32).reshape(len(events), -1))
    return np.concatenate(columns, axis=1)


def inputs(events: ak.Array) -> NDArray[np.float32]:
    """Inputs of the networks: `hardware_inputs` over 2 to the power of `SHIFTS`, within ±`LIMIT`.

    Parameters
    ----------
    events
        Events of `trigger_events`.

    Returns
    -------
    ndarray
        Shape (n, 57), dimensionless.
    """
    scaled = hardware_inputs(events) / 2.0**SHIFTS
    return np.clip(scaled, -LIMIT, LIMIT).astype(np.float32)


def scores(
    network: Autoencoder | VariationalAutoencoder, x: ArrayLike
) -> dict[str, NDArray[np.float64]]:
    """Anomaly scores of events, larger for stranger ones.

    Parameters
    ----------
    network
        Trained on background.
    x
        Inputs, shape (n, 57).

    Returns
    -------
    dict
        ``"reconstruction"``, the squared error of what the decoder makes of the event; for a
        variational network also ``"divergence"``, that of the latent Gaussian from the unit one,
        and ``"Σμ²"``, the part of it that a trigger can afford. Each of shape (n,).

    Raises
    ------
    ValueError
        If an input is not finite.
    """
    given = torch.as_tensor(np.asarray(x, np.float32))
    if not torch.isfinite(given).all():
        raise ValueError("inputs hold NaN or infinity: a trigger must decide on every event")
    network.eval()
    with torch.no_grad():
        output = network(given).double()
    if isinstance(network, Autoencoder):
        return {"reconstruction": ((output - given) ** 2).sum(dim=1).numpy()}
    rebuilt, mean, log_variance = network.split(output)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
    return {
        "reconstruction": ((rebuilt - given) ** 2).sum(dim=1).numpy(),
        "divergence": divergence.numpy(),
        "Σμ²": latent_norm(mean.numpy()),
    }


def latent_norm(mean: ArrayLike) -> NDArray[np.float64]:
    """Sum of squared latent means, shape (n,): the anomaly score that a trigger can afford.

    Parameters
    ----------
    mean
        Latent means, shape (n, latent).

    Returns
    -------
    ndarray
        Shape (n,).

    Examples
    --------
    >>> latent_norm([[3.0, 4.0]]).tolist()
    [25.0]
    """
    return (np.asarray(mean, np.float64) ** 2).sum(axis=1)


def mahalanobis(x: ArrayLike, background: ArrayLike) -> NDArray[np.float64]:
    """Squared distance from the mean of the background in units of its covariance, shape (n,).

    For Gaussian background it falls with the density: no score is better without a signal in mind.
    Inputs that never vary are left out.

    Parameters
    ----------
    x
        Inputs of the events, shape (n, inputs).
    background
        Inputs of the known events, shape (m, inputs).

    Returns
    -------
    ndarray
        Shape (n,).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> known = rng.normal(size=(100_000, 2)) * [1, 10]
    >>> mahalanobis([[0, 20]], known).round(1).tolist()
    [4.0]
    """
    known = np.asarray(background, np.float64)
    varying = known.std(axis=0) > 0
    known = known[:, varying]
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(known.T)))
    away = np.asarray(x, np.float64)[:, varying] - known.mean(axis=0)
    return np.einsum("ni,ij,nj->n", away, inverse, away)


def integer_inputs(entry: Quantiser, hardware: ArrayLike) -> NDArray[np.int64]:
    """`hardware_inputs` as whole multiples of the last bit of `entry`: shifts, no division.

    Parameters
    ----------
    entry
        Grid of the network's inputs, with a sign.
    hardware
        From `hardware_inputs`, shape (n, 57).

    Returns
    -------
    ndarray
        Shape (n, 57), within the range of the grid.

    Examples
    --------
    >>> met = np.zeros((1, 57), int)
    >>> met[0, 0] = 100  # 100 / 32 = 3.125, which is 12.5 quarters, rounded up
    >>> int(integer_inputs(Quantiser(4, 2), met)[0, 0])
    13
    """
    fine = np.asarray(hardware, np.int64) << entry.fraction_bits
    half = (1 << SHIFTS) >> 1
    top = 1 << (entry.integer_bits + entry.fraction_bits)
    return np.clip((fine + half) >> SHIFTS, -top, top - 1)


def integer_scores(network: FixedPointAutoencoder, hardware: ArrayLike) -> NDArray[np.int64]:
    """Σμ² of a fixed-point network with whole numbers alone, as a chip computes it.

    Parameters
    ----------
    network
        Trained in fixed point.
    hardware
        `hardware_inputs`, shape (n, 57).

    Returns
    -------
    ndarray
        Shape (n,), in units of the squared last bit of the means.
    """
    inputs = integer_inputs(network.entry, hardware)
    return (emulate(network.mean_encoder(), inputs) ** 2).sum(axis=1)


def circuit(network: FixedPointAutoencoder) -> Circuit:
    """Encoder and Σμ² as adders and tables.

    Parameters
    ----------
    network
        Trained in fixed point.

    Returns
    -------
    Circuit
        `Circuit.predict` takes `inputs` on their grid, shape (n, 57).

    Raises
    ------
    ModuleNotFoundError
        Without da4ml.
    """
    return trace_path(network.mean_encoder(), lambda mean: np.sum(np.power(mean, 2)))
