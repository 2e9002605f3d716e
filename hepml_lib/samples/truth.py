"""What happened in a collision, read from its event record."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import jets, pythia
from hepml_lib.samples.ancestry import HADRON_PT, heavy_quark, last_copies
from hepml_lib.samples.detector import ParticleTable, take

__all__ = ["decays", "drawn_b_tag", "heavy_hadrons", "jet_flavour"]

_RESONANCES = (6, 23, 24, 25)


def decays(table: ParticleTable, identity: int) -> tuple[ParticleTable, ParticleTable]:
    """Resonances that decayed to quarks, and their quarks.

    Parameters
    ----------
    table
        Columns of `pythia.records`. All resonances of the kind must decay to quarks alone.
    identity
        PDG code without sign: 6 top, 23 Z, 24 W, 25 Higgs.

    Returns
    -------
    resonances : ParticleTable
        Columns of `pythia.directions` of each at its last copy, after all recoil, in the order of
        event and sign of its code.
    quarks : ParticleTable
        The same of its quarks before they radiate, each column of shape (resonances, 2), or
        (resonances, 3) for a top; the quark of the top itself comes first.

    Raises
    ------
    ValueError
        If a resonance of the kind has another number of quarks: it decayed otherwise.
    """
    code, mother = table["id"], table["first"] + table["mother1"]
    kind = np.abs(code)
    last = (kind == identity) & (code[table["first"] + table["daughter1"]] != code)
    quark = (kind < 6) & (np.abs(table["status"]) == 23) & np.isin(kind[mother], _RESONANCES)
    quarks_of_any = np.flatnonzero(quark)
    # Not those of other resonances, such as of a Z beside a Higgs boson.
    own = kind[_origin(quarks_of_any, kind, mother)] == identity
    resonances, quarks = (
        _by_origin(table, rows, _origin(rows, kind, mother))
        for rows in (np.flatnonzero(last), quarks_of_any[own])
    )
    shape = (len(resonances["id"]), 3 if identity == 6 else 2)
    if len(quarks["id"]) != shape[0] * shape[1]:
        raise ValueError(
            f"{shape[0]} resonances with code {identity} have {len(quarks['id'])} quarks, not "
            f"{shape[1]} each: the command file must let them decay to quarks only"
        )
    return resonances, {name: column.reshape(shape) for name, column in quarks.items()}


def _by_origin(
    table: ParticleTable, rows: NDArray[np.int64], origin: NDArray[np.int64]
) -> ParticleTable:
    """Rows of the record in the order of event, sign and row of what they come from."""
    sign = np.sign(table["id"][origin])
    order = np.lexsort((rows, origin, sign, table["event"][rows]))
    return pythia.directions(take(table, rows[order]))


def _origin(
    row: NDArray[np.int64], kind: NDArray[np.int64], mother: NDArray[np.int64]
) -> NDArray[np.int64]:
    """First resonance of the chain of mothers that leads to each row."""
    above = mother[row]
    while (resonance := np.isin(kind[above], _RESONANCES)).any():
        row = np.where(resonance, above, row)
        above = np.where(resonance, mother[row], above)
    return row


def heavy_hadrons(table: ParticleTable, pt_min: float) -> ParticleTable:
    """Hadrons with a b or c quark that decay weakly.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    pt_min
        Softest hadron [GeV].

    Returns
    -------
    ParticleTable
        Columns of `pythia.directions`; `quark`, 5 or 4; `from_b`, whether a charmed hadron stems
        from the decay of one with a b quark. Excited states and copies before mixing are left
        out: each chain has its last b hadron and its last c hadron.
    """
    code, mother = np.abs(table["id"]), table["first"] + table["mother1"]
    quark = heavy_quark(code)
    hard = np.hypot(table["px"], table["py"]) > pt_min
    rows = np.flatnonzero((last_copies(quark, mother) > 0) & hard)
    above, from_b = mother[rows], np.zeros(len(rows), bool)
    while (hadron := quark[above] > 0).any():
        from_b |= (quark[above] == 5) & (quark[rows] == 4)
        above = np.where(hadron, mother[above], above)
    return pythia.directions(take(table, rows)) | {"quark": quark[rows], "from_b": from_b}


def jet_flavour(table: ParticleTable, axes: ParticleTable, radius: float) -> NDArray[np.int8]:
    """Flavour of each jet: 5 with a b hadron near the axis, else 4 with a c hadron, else 0.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    axes
        Jets: `event` (ascending), `eta`, `phi` [rad].
    radius
        Largest distance ΔR of the hadron, not included; it has more than 5 GeV.

    Returns
    -------
    ndarray
        One per jet.
    """
    hadrons = heavy_hadrons(table, HADRON_PT)
    b, c = (
        jets.number_near(axes, take(hadrons, hadrons["quark"] == quark), radius) > 0
        for quark in (5, 4)
    )
    return np.select([b, c], [5, 4], 0).astype(np.int8)


def drawn_b_tag(
    flavour: NDArray[np.integer], efficiency: Mapping[int, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """A b tag at random, whatever the momentum.

    Parameters
    ----------
    flavour
        5, 4 or 0, one per jet.
    efficiency
        Probability of a tag by flavour.
    rng
        Decides.

    Returns
    -------
    ndarray
        Flags, one per jet.
    """
    chance = np.select([flavour == 5, flavour == 4], [efficiency[5], efficiency[4]], efficiency[0])
    return rng.random(len(flavour)) < chance
