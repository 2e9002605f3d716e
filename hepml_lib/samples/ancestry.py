"""Where particles come from: weak decays in an event record, and what each track stems from.

Chains of mothers are followed for all particles of all events at once. Every row of the record
first points to its mother; then all pointers are replaced by the pointers of what they point to,
which doubles their reach, until each ends at the ancestor that is asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import jets, pythia
from hepml_lib.samples.detector import ParticleTable, take

__all__ = [
    "HADRON_PT",
    "HADRON_RADIUS",
    "ORIGINS",
    "heavy_quark",
    "jet_labels",
    "last_copies",
    "nearest",
    "origins",
    "prompt",
    "prompt_leptons",
    "weak_decays",
]

ORIGINS = ("pileup", "primary", "b", "b to c", "c", "tau", "other secondary")
"""Names of the codes of `origins`, after the truth of arXiv:2211.10187 (GN1's auxiliary task)."""

HADRON_PT, HADRON_RADIUS = 5.0, 0.3
"""Softest hadron that labels a jet [GeV], and its largest distance from the axis."""

_STRANGE = (310, 3122, 3222, 3112, 3322, 3312, 3334)
_TAU = 15
_BEAM = -12

_Int = NDArray[np.int64]


def heavy_quark(code: NDArray[np.integer]) -> _Int:
    """Heaviest quark of hadrons with open bottom (5) or charm (4), 0 for all other PDG codes.

    Parameters
    ----------
    code
        PDG codes.

    Returns
    -------
    ndarray
        5, 4 or 0, one per code.

    Examples
    --------
    B⁰, Λc, an excited B⁺, and what does not count: J/ψ, π⁺, a diquark, a b quark:

    >>> heavy_quark(np.array([511, -4122, 523, 443, 211, 4203, 5])).tolist()
    [5, 4, 5, 0, 0, 0, 0]
    """
    code = np.abs(code).astype(np.int64)
    tens, hundreds, thousands = (code // power % 10 for power in (10, 100, 1000))
    flavour = np.maximum(hundreds, thousands)
    # Diquarks have a zero in the tens, quarkonia the same quark twice; nuclei have ten digits.
    hadron = (code > 100) & (code < 10**7) & (tens > 0) & (hundreds > 0)
    open_flavour = (thousands > 0) | (hundreds != tens)
    return np.where(hadron & open_flavour & (flavour >= 4) & (flavour <= 5), flavour, 0)


def nearest(table: ParticleTable, marked: NDArray[np.bool_]) -> _Int:
    """Nearest marked row on the way from each particle up its mothers, itself included.

    Parameters
    ----------
    table
        Columns of `pythia.records`: `first` and `mother1` are used.
    marked
        One flag per row.

    Returns
    -------
    ndarray
        A row for every row, −1 where no ancestor is marked. Above its mother:
        ``nearest(table, marked)[mother]``.

    Examples
    --------
    Row 1 is the mother of 2, and 2 that of 3:

    >>> table = {"first": np.zeros(4, int), "mother1": np.array([0, 0, 1, 2])}
    >>> nearest(table, np.array([False, True, False, False])).tolist()
    [-1, 1, 1, 1]
    """
    reach = np.where(marked, np.arange(len(marked)), table["first"] + table["mother1"])
    while not np.array_equal(further := reach[reach], reach):
        reach = further
    return np.where(marked[reach], reach, -1)


def weak_decays(table: ParticleTable) -> ParticleTable:
    """Decays that may be seen apart from the collision, in the order of the record.

    Hadrons with a b or c quark, taus, and the longer-lived strange hadrons (K⁰_S and hyperons),
    each at its last copy: excited states, and copies before radiation, are left out.

    Parameters
    ----------
    table
        Columns of `pythia.records`.

    Returns
    -------
    ParticleTable
        Columns of `pythia.directions`; `record`, its row of `table`; `flavour`, 5 for b, 4 for c,
        15 for tau, 3 for strange; `mother`, the row of this result that it stems from, -1 for
        none; `from_b`, whether any of its ancestors has a b quark; `x, y, z`, where it decays, and
        `flight`, how far from where it was produced [mm]; `charged`, its stable charged particles
        that come from no further decay; `leptonic`, for taus that decay to an electron or a muon.
    """
    code, mother = np.abs(table["id"]), table["first"] + table["mother1"]
    flavour = _decayed_flavour(table)
    rows = np.flatnonzero(flavour)
    above, beauty = nearest(table, flavour > 0), nearest(table, flavour == 5)
    # Which decay a row is; the last place, which row -1 finds, stands for none.
    number = np.full(len(code) + 1, -1)
    number[rows] = np.arange(len(rows))
    charged = (table["status"] > 0) & np.isin(code, (11, 13, 211, 321, 2212)) & (above >= 0)
    leptons = np.isin(code, (11, 13)) & (code[mother] == _TAU)
    end = table["first"][rows] + table["daughter1"][rows]
    place = {axis: table[axis][end] for axis in ("x", "y", "z")}
    path = np.stack([place[axis] - table[axis][rows] for axis in ("x", "y", "z")])
    return (
        pythia.directions(take(table, rows))
        | place
        | {
            "record": rows,
            "flavour": flavour[rows],
            "mother": number[above[mother[rows]]],
            "from_b": beauty[mother[rows]] >= 0,
            "flight": np.sqrt((path**2).sum(axis=0)),
            "charged": np.bincount(number[above[charged]], minlength=len(rows)),
            "leptonic": np.bincount(mother[leptons], minlength=len(code))[rows] > 0,
        }
    )


def _decayed_flavour(table: ParticleTable) -> _Int:
    """Flavour of every row that is the last copy of what decays weakly; 0 for all others."""
    code, mother = np.abs(table["id"]), table["first"] + table["mother1"]
    flavour = np.where(code == _TAU, _TAU, heavy_quark(code))
    last = last_copies(flavour, mother)
    last[np.isin(code, _STRANGE)] = 3
    return np.where(table["status"] < 0, last, 0)


def last_copies(flavour: _Int, mother: _Int) -> _Int:
    """Flavour of rows that have no daughter of the same flavour, 0 for all others.

    What has one decays strongly, radiates or mixes.

    Parameters
    ----------
    flavour
        One per row of a record, 0 for none.
    mother
        Row of each row's mother.

    Returns
    -------
    ndarray
        The flavour, or 0.

    Examples
    --------
    An excited B meson in row 1 decays to the one in row 2, that to the D meson in row 3:

    >>> last_copies(np.array([0, 5, 5, 4]), np.array([0, 0, 1, 2])).tolist()
    [0, 0, 5, 4]
    """
    last = flavour.copy()
    last[mother[(flavour > 0) & (flavour[mother] == flavour)]] = 0
    return last


def origins(
    table: ParticleTable, decays: ParticleTable, rows: NDArray[np.integer]
) -> tuple[NDArray[np.int8], _Int]:
    """What particles stem from: their last weak decay decides.

    Parameters
    ----------
    table, decays
        Columns of `pythia.records`, and `weak_decays` of them.
    rows
        Rows of `table`; −1 for a particle of another collision.

    Returns
    -------
    origin : ndarray
        Positions in `ORIGINS`: 0 pileup, 1 primary (from the collision itself: fragmentation, the
        underlying event, leptons of a W), 2 from a b hadron, 3 from a c hadron that stems from a b
        hadron, 4 from another c hadron, 5 from a tau, 6 from a strange hadron, whatever that
        stems from.
    decay : ndarray
        Row of `decays`, −1 for none.
    """
    marked = np.zeros(len(table["id"]), bool)
    marked[decays["record"]] = True
    above = np.where(rows >= 0, nearest(table, marked)[rows], -1)
    decay = np.where(above >= 0, np.searchsorted(decays["record"], above), -1)
    code = np.zeros(len(decays["record"]) + 1, np.int8)
    code[-1] = 1  # no decay
    flavour = decays["flavour"]
    charm = np.where(decays["from_b"], 3, 4)
    code[:-1] = np.select([flavour == 5, flavour == 4, flavour == _TAU], [2, charm, 5], 6)
    return np.where(rows >= 0, code[decay], 0).astype(np.int8), decay


def prompt(table: ParticleTable) -> NDArray[np.bool_]:
    """Particles that stem from no hadron, one flag per row of `table`: of W, Z and their taus.

    Parameters
    ----------
    table
        Columns of `pythia.records`.

    Returns
    -------
    ndarray
        Flags, one per row.
    """
    code = np.abs(table["id"])
    # The beams are hadrons too, and everything stems from them.
    return nearest(table, (code > 100) & (table["status"] != _BEAM)) < 0


def prompt_leptons(table: ParticleTable) -> NDArray[np.bool_]:
    """Stable electrons and muons that are `prompt`, one flag per row of `table`.

    Parameters
    ----------
    table
        Columns of `pythia.records`.

    Returns
    -------
    ndarray
        Flags, one per row.
    """
    lepton = (table["status"] > 0) & np.isin(np.abs(table["id"]), (11, 13))
    return lepton & prompt(table)


def jet_labels(axes: ParticleTable, decays: ParticleTable) -> tuple[NDArray[np.int8], _Int]:
    """Flavour of each jet: 5, 4, 15 or 0 in the order b, c, tau, light.

    A hadron with a b or c quark, or a tau of a W or Z that decays to hadrons, of more than 5 GeV
    belongs to the jet that is nearest to it within 0.3. A jet takes the first label that it has.

    Parameters
    ----------
    axes
        Jets: `event` (ascending), `eta`, `phi` [rad].
    decays
        As `weak_decays` gives them.

    Returns
    -------
    label : ndarray
        One per jet.
    decay : ndarray
        Row of `decays` that it is due to, the hardest if there are several; -1 for a light jet.

    Examples
    --------
    A b and a c hadron in the first of two jets:

    >>> axes = {"event": np.zeros(2, int), "eta": np.array([0.0, 2.0]), "phi": np.zeros(2)}
    >>> decays = {"event": np.zeros(2, int), "eta": np.zeros(2), "phi": np.array([0.1, 0.2])}
    >>> decays |= {"pt": np.array([9.0, 30.0]), "flavour": np.array([5, 4])}
    >>> decays |= {"leptonic": np.zeros(2, bool), "mother": np.array([-1, 0])}
    >>> jet_labels(axes, decays)
    (array([5, 0], dtype=int8), array([ 0, -1]))
    """
    flavour, prompt_tau = decays["flavour"], ~decays["leptonic"] & (decays["mother"] < 0)
    usable = np.isin(flavour, (5, 4)) | ((flavour == _TAU) & prompt_tau)
    row = np.flatnonzero(usable & (decays["pt"] > HADRON_PT))
    jet = jets.match(take(decays, row), axes, HADRON_RADIUS)
    row, jet = row[jet >= 0], jet[jet >= 0]
    rank = np.select([flavour[row] == 5, flavour[row] == 4], [0, 1], 2)
    order = np.lexsort((-decays["pt"][row], rank, jet))
    jet, first = np.unique(jet[order], return_index=True)
    decay = np.full(len(axes["event"]), -1)
    decay[jet] = row[order][first]
    return np.where(decay >= 0, flavour[decay], 0).astype(np.int8), decay
