"""What samples of jets share: constituents about the axis, and the truth near a jet.

Jets and what is matched to them are tables of one row per object with `event` (ascending), `eta`
and `phi` [rad]; see `hepml_lib.samples.detector.ParticleTable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.columns import Columns, constant, gather, join
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.recipe import Chunk
from hepml_lib.samples.storage import round_mantissa

__all__ = [
    "balanced",
    "constituents",
    "contained",
    "decode",
    "match",
    "nearest_generated",
    "number_near",
    "steps",
]

_BATCH = 100

_HOW_MANY = 100_000
"""Most events that one class of a chunk may take."""


def balanced(
    chunk: Chunk,
    entries: int,
    cards: Sequence[str],
    select: Callable[[ParticleTable, int, np.random.Generator], Columns],
) -> Columns:
    """Columns of one chunk with as many jets of each class, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Jets to make; classes differ by one where they cannot be equal.
    cards
        Command file of each class, in the order of the labels.
    select
        ``select(table, label, rng)`` gives the jets of a batch of event records, with the number
        of their `event` in the batch.
    """
    numbers = np.diff(np.linspace(0, entries, len(cards) + 1).astype(int))
    parts = [
        _of_one_class(chunk, label, int(number), cards[label], select)
        for label, number in enumerate(numbers)
        if number
    ]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _of_one_class(
    chunk: Chunk,
    label: int,
    entries: int,
    card: str,
    select: Callable[[ParticleTable, int, np.random.Generator], Columns],
) -> Columns:
    """Generate one process until it has given enough jets."""
    rng = chunk.rng(label)
    # Every class counts its events from a number of its own.
    offset = chunk.event(_HOW_MANY * label)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(pythia.batches(card, chunk.pythia_seed(label), _BATCH)):
            part = select(pythia.records(batch.prt), label, rng)
            yield part | {"event": part["event"] + (offset + number * _BATCH)}

    return gather(batches(), entries) | constant(
        entries, label=np.int8(label), split=np.int8(chunk.code)
    )


def steps(values: NDArray[np.floating], step: float) -> NDArray[np.float32]:
    """Values in multiples of `step`, a power of two: they compress well.

    Examples
    --------
    >>> steps(np.array([0.1, 0.2]), 2.0**-3).tolist()
    [0.125, 0.25]
    """
    return (np.rint(values / step) * step).astype(np.float32)


def _pairs(
    jets: ParticleTable, objects: ParticleTable
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of every jet and of every object of the same event, jet by jet."""
    here = objects["event"]
    first = np.searchsorted(here, jets["event"])
    count = np.searchsorted(here, jets["event"], side="right") - first
    jet = np.repeat(np.arange(len(count)), count)
    return jet, np.arange(len(jet)) + np.repeat(first - (np.cumsum(count) - count), count)


def _distance(
    one: ParticleTable, one_row: NDArray[np.int64], two: ParticleTable, two_row: NDArray[np.int64]
) -> NDArray[np.floating]:
    return kinematics.delta_r(
        one["eta"][one_row], one["phi"][one_row], two["eta"][two_row], two["phi"][two_row]
    )


def _nearest(
    jet: NDArray[np.int64], row: NDArray[np.int64], distance: NDArray[np.floating], jets: int
) -> NDArray[np.int64]:
    """Of the pairs given, the row at the smallest distance of each jet; -1 where there is none."""
    order = np.lexsort((distance, jet))
    jet, first = np.unique(jet[order], return_index=True)
    nearest = np.full(jets, -1)
    nearest[jet] = row[order][first]
    return nearest


def match(jets: ParticleTable, objects: ParticleTable, radius: float) -> NDArray[np.int64]:
    """Nearest object of the same event for each jet.

    Parameters
    ----------
    jets, objects
        `event` (ascending), `eta`, `phi` [rad].
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    ndarray
        Row of `objects` for each jet, -1 where none is near. Two jets may share an object.

    Examples
    --------
    >>> jets = {"event": np.array([0, 1]), "eta": np.array([0.0, 0.5]), "phi": np.zeros(2)}
    >>> quarks = {"event": np.array([0, 0]), "eta": np.array([0.7, 0.1]), "phi": np.zeros(2)}
    >>> match(jets, quarks, 0.8).tolist()
    [1, -1]
    """
    jet, row = _pairs(jets, objects)
    distance = _distance(jets, jet, objects, row)
    near = distance < radius
    return _nearest(jet[near], row[near], distance[near], len(jets["event"]))


def number_near(jets: ParticleTable, objects: ParticleTable, radius: float) -> NDArray[np.int64]:
    """How many objects of the same event lie within `radius` of each jet.

    Examples
    --------
    >>> jets = {"event": np.array([0, 1]), "eta": np.array([0.0, 0.5]), "phi": np.zeros(2)}
    >>> quarks = {"event": np.array([0, 0]), "eta": np.array([0.7, 0.1]), "phi": np.zeros(2)}
    >>> number_near(jets, quarks, 0.8).tolist()
    [2, 0]
    """
    jet, row = _pairs(jets, objects)
    near = _distance(jets, jet, objects, row) < radius
    return np.bincount(jet[near], minlength=len(jets["event"]))


def contained(
    jets: ParticleTable, resonances: ParticleTable, quarks: ParticleTable, radius: float
) -> NDArray[np.int64]:
    """Nearest resonance that lies within `radius` of each jet's axis with all its quarks.

    Parameters
    ----------
    jets
        `event` (ascending), `eta`, `phi` [rad].
    resonances, quarks
        As `truth.decays` gives them.
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    ndarray
        Row of `resonances` for each jet, -1 where there is none.

    Examples
    --------
    >>> jets = {"event": np.array([0]), "eta": np.array([0.0]), "phi": np.zeros(1)}
    >>> boson = {"event": np.array([0]), "eta": np.array([0.1]), "phi": np.zeros(1)}
    >>> quarks = {"eta": np.array([[0.0, 0.7]]), "phi": np.zeros((1, 2))}
    >>> contained(jets, boson, quarks, 0.8).tolist(), contained(jets, boson, quarks, 0.6).tolist()
    ([0], [-1])
    """
    jet, row = _pairs(jets, resonances)
    distance = _distance(jets, jet, resonances, row)
    to_quarks = kinematics.delta_r(
        jets["eta"][jet, None], jets["phi"][jet, None], quarks["eta"][row], quarks["phi"][row]
    )
    inside = (distance < radius) & (to_quarks < radius).all(axis=1)
    return _nearest(jet[inside], row[inside], distance[inside], len(jets["event"]))


def nearest_generated(
    particles: ParticleTable, jets: ParticleTable, radius: float, pt_min: float
) -> Columns:
    """Particle-level jet nearest to each jet, clustered the same way.

    Parameters
    ----------
    particles
        Columns of `pythia.stable`.
    jets
        Reconstructed anti-kT jets: `event` (ascending), `eta`, `phi` [rad].
    radius
        Radius parameter R, and the largest distance ΔR.
    pt_min
        Softest particle-level jet [GeV].

    Returns
    -------
    Columns
        `generated_pt` and `generated_mass` [GeV], 0 where no jet is near.
    """
    true = detector.perfect(take(particles, np.isin(particles["event"], jets["event"])))
    generated, _ = clustering.anti_kt(true, radius, pt_min)
    row = match(jets, generated, radius)
    columns = {}
    for name in ("pt", "mass"):
        value = np.zeros(len(row), np.float32)
        value[row >= 0] = generated[name][row[row >= 0]]
        columns[f"generated_{name}"] = ak.Array(value)
    return columns


def constituents(
    candidates: ParticleTable,
    jets: ParticleTable,
    members: ak.Array,
    most: int,
    softest: float,
    step: float,
    bits: int = 10,
) -> tuple[Columns, NDArray[np.int64]]:
    """Hardest constituents of each jet, with angles relative to its axis.

    Parameters
    ----------
    candidates
        `pt` [GeV], `eta`, `phi` [rad], `charge`, `kind`.
    jets, members
        As `clustering.anti_kt` gives them.
    most
        Constituents kept of each jet.
    softest
        Smallest pT of a constituent [GeV], not included.
    step
        Angles are multiples of it [rad].
    bits
        Of mantissa that pT keeps.

    Returns
    -------
    columns
        Jagged `constituents_pt, _eta, _phi, _charge, _kind`, one list per jet, hardest first.
    rows
        Rows of `candidates` that they are, end to end, for further columns.
    """
    counts = ak.num(members)
    rows = ak.to_numpy(ak.flatten(members))
    jet = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-candidates["pt"][rows], jet))
    rows, jet = rows[order], jet[order]
    hard = candidates["pt"][rows] > softest
    rows, jet = rows[hard], jet[hard]
    rank = np.arange(len(jet)) - np.searchsorted(jet, jet)
    rows, jet = rows[rank < most], jet[rank < most]
    one = take(candidates, rows)
    flat = {
        "pt": round_mantissa(one["pt"], bits),
        "eta": steps(one["eta"] - jets["eta"][jet], step),
        "phi": steps(kinematics.wrap_phi(one["phi"] - jets["phi"][jet]), step),
        "charge": one["charge"],
        "kind": one["kind"],
    }
    numbers = np.bincount(jet, minlength=len(counts))
    columns = {f"constituents_{name}": ak.unflatten(value, numbers) for name, value in flat.items()}
    return columns, rows


def decode(columns: Columns) -> ak.Array:
    """Jets as the reader sees them, with absolute angles of the constituents."""
    if "constituents_eta" in columns:
        phi = columns["constituents_phi"] + columns["phi"]
        wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
        columns = columns | {
            "constituents_eta": columns["constituents_eta"] + columns["eta"],
            "constituents_phi": ak.unflatten(wrapped, ak.num(phi)),
        }
    return layout.decode(columns)
