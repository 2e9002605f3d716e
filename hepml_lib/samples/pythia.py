"""Pythia 8 as a source of events in arrays (arXiv:2203.11601)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import settings
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import (
    CHARGED_HADRON,
    ELECTRON,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    ParticleTable,
    take,
)
from hepml_lib.samples.storage import round_mantissa

__all__ = [
    "batches",
    "directions",
    "polar",
    "records",
    "start",
    "visible_particles",
    "weights_and_scales",
    "with_mass",
]

_INVISIBLE = (12, 14, 16, 1000022)


def start(card: str, seed: int, hook: Any = None) -> Any:
    """Pythia, ready for `next()` or `nextBatch()`.

    Parameters
    ----------
    card
        Name of a command file in ``data/cards``, without its ending.
    seed
        Pythia's seed, 1 to 900 000 000.
    hook
        User hook; the caller must keep it alive.

    Returns
    -------
    pythia8mc.Pythia
        Initialised.

    Raises
    ------
    FileNotFoundError
        If there is no such command file.
    ValueError
        If Pythia does not understand a line of it.
    RuntimeError
        If Pythia does not start with it.
    """
    import pythia8mc

    path = settings.data_dir() / "cards" / f"{card}.cmnd"
    if not path.exists():
        raise FileNotFoundError(f"the command file {path} is missing; HEPML_DATA names its folder")
    pythia = pythia8mc.Pythia("", False)
    pythia.readString("Print:quiet = on")
    if not pythia.readFile(str(path)):
        raise ValueError(f"Pythia does not understand every line of {path}")
    pythia.readString("Random:setSeed = on")
    pythia.readString(f"Random:seed = {seed}")
    if hook is not None:
        pythia.setUserHooksPtr(hook)
    if not pythia.init():
        raise RuntimeError(f"Pythia did not start with {path}")
    return pythia


def batches(card: str, seed: int, size: int, hook: Any = None) -> Iterator[ak.Array]:
    """Endless stream of batches of generated events.

    Parameters
    ----------
    card, seed
        See `start`.
    size
        Events per batch.
    hook
        User hook that may drop events early, of `hooks`.

    Yields
    ------
    ak.Array
        One record per event: ``prt``, the list of its particles for `records`, and ``info``, with
        the event's ``weights``, the scale ``pT2Hat`` [GeV²] and so on.
    """
    pythia = start(card, seed, hook)
    while True:
        yield pythia.nextBatch(size)


def weights_and_scales(batch: ak.Array) -> Columns:
    """Columns `weight`, the generator's, and `pthat` [GeV], the scale of the hard scattering.

    Parameters
    ----------
    batch
        As `batches` gives it.

    Returns
    -------
    Columns
        Single precision, one number per event.
    """
    weight = ak.to_numpy(batch.info.weights[:, 0])
    scale = np.sqrt(ak.to_numpy(batch.info.pT2Hat))
    return {"weight": round_mantissa(weight, 12), "pthat": round_mantissa(scale, 10)}


def records(events: ak.Array) -> ParticleTable:
    """Event records as flat columns.

    Parameters
    ----------
    events
        Field ``prt`` of a batch.

    Returns
    -------
    ParticleTable
        Pythia's own columns; production vertex `x, y, z` [mm]; `event`, and `first`, the row at
        which the event starts.
    """
    counts = ak.to_numpy(ak.num(events))
    flat = ak.flatten(events)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    table = {"event": np.repeat(np.arange(len(counts)), counts), "first": np.repeat(first, counts)}
    names = ("id", "status", "mother1", "daughter1")
    table |= {name: ak.to_numpy(flat[name]).astype(np.int64) for name in names}
    table |= {name: ak.to_numpy(flat.p[name]) for name in ("px", "py", "pz", "e")}
    # A particle without a vertex of its own comes from the collision.
    vertex = flat.vProd
    return table | {
        name: ak.to_numpy(ak.fill_none(vertex[f"p{name}"], 0.0)) for name in ("x", "y", "z")
    }


def polar(px: NDArray, py: NDArray, pz: NDArray) -> ParticleTable:
    """`pt` [GeV], `eta`, `phi` [rad] of momenta.

    Parameters
    ----------
    px, py, pz
        Components [GeV].

    Returns
    -------
    ParticleTable
        One row per momentum.

    Examples
    --------
    >>> float(polar(np.array([3.0]), np.array([4.0]), np.array([0.0]))["pt"][0])
    5.0
    """
    pt = np.hypot(px, py)
    return {"pt": pt, "eta": np.arcsinh(pz / np.maximum(pt, 1e-9)), "phi": np.arctan2(py, px)}


def directions(table: ParticleTable) -> ParticleTable:
    """Columns `event, id, pt, eta, phi, energy` of selected records [GeV, rad].

    Parameters
    ----------
    table
        Rows of `records`.

    Returns
    -------
    ParticleTable
        One row per record.
    """
    return {
        "event": table["event"],
        "id": table["id"],
        **polar(table["px"], table["py"], table["pz"]),
        "energy": table["e"],
    }


def with_mass(particles: ParticleTable) -> ParticleTable:
    """The same with `mass` [GeV], of particles as `directions` gives them; 0 if it is imaginary.

    Parameters
    ----------
    particles
        With `pt`, `eta` and `energy` [GeV].

    Returns
    -------
    ParticleTable
        The same columns and `mass`.
    """
    momentum = particles["pt"] * np.cosh(particles["eta"])
    square = particles["energy"] ** 2 - momentum**2
    return particles | {"mass": np.sqrt(np.maximum(square, 0))}


def visible_particles(table: ParticleTable) -> ParticleTable:
    """Stable particles except neutrinos, as the detector takes them.

    Parameters
    ----------
    table
        As `records` gives it.

    Returns
    -------
    ParticleTable
        Columns of `directions`; `x, y, z` [mm], where the particle was produced; `kind` and
        `charge`; `vertex` and `bunch`, zero for the hard collision; `record`, the row of `table`.
    """
    identity = np.abs(table["id"])
    row = np.flatnonzero((table["status"] > 0) & ~np.isin(identity, _INVISIBLE))
    chosen = take(table, row)
    identity = identity[row]
    particles = directions(chosen)
    charged_hadron = np.isin(identity, (211, 321, 2212))
    kind = np.full(len(identity), NEUTRAL_HADRON, np.int8)
    for where, value in (
        (charged_hadron, CHARGED_HADRON),
        (identity == 22, PHOTON),
        (identity == 11, ELECTRON),
        (identity == 13, MUON),
    ):
        kind[where] = value
    # PDG codes are positive for π⁺, K⁺ and p, but for e⁻ and µ⁻ too.
    sign = np.sign(particles["id"]) * np.where(charged_hadron, 1, -1)
    charge = np.where((kind == PHOTON) | (kind == NEUTRAL_HADRON), 0, sign).astype(np.int8)
    return particles | {
        "kind": kind,
        "charge": charge,
        **{name: chosen[name] for name in ("x", "y", "z")},
        "vertex": np.zeros(len(row), np.int16),
        "bunch": np.zeros(len(row), np.int8),
        "record": row.astype(np.int32),
    }
