"""Dijets and a resonance hidden in them, after the R&D set of the LHC Olympics."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics, substructure
from hepml_lib.samples import clustering, constituents, detector, jets, layout, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["RECIPE", "decode", "make", "select"]

RADIUS = 1.0
ETA_MAX = 2.5
LEADING_PT = 1200.0
SUBLEADING_PT = 200.0
ANGLE_STEP = 2.0**-11

QCD, SIGNAL = 0, 1
CARDS = ("dijet_resonance_qcd", "dijet_resonance_signal")
SHARES = (10, 1)


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with a jet above the threshold and a second one, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        `QCD` or `SIGNAL`.
    rng
        Fluctuations of the detector.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    table = pythia.records(batch.prt)
    particles = pythia.visible_particles(table)
    candidates = detector.respond(particles, rng).candidates
    axes, members = clustering.anti_kt(candidates, RADIUS, SUBLEADING_PT)
    rows = _leading_two(axes)
    axes, members = take(axes, rows), members[rows]
    inside = constituents.contents(candidates, members)
    generated = jets.nearest_generated(particles, axes, RADIUS, 0.5 * SUBLEADING_PT)
    origins = _origins(table, process)
    origin = jets.matched(origins["id"], jets.match(axes, origins, RADIUS))
    flat: ParticleTable = {
        "pt": round_mantissa(axes["pt"], 11),
        "eta": round_to_step(axes["eta"], ANGLE_STEP),
        "phi": round_to_step(axes["phi"], ANGLE_STEP),
        "mass": round_mantissa(axes["mass"], 10),
        **{
            f"tau_{n}": round_mantissa(substructure.nsubjettiness(inside, n, RADIUS), 9)
            for n in (1, 2, 3)
        },
        **{name: round_mantissa(value, 10) for name, value in generated.items()},
        "origin_id": origin.astype(np.int8),
    }
    columns = {f"jets_{name}": ak.from_regular(v.reshape(-1, 2)) for name, v in flat.items()}
    return columns | {"event": axes["event"][::2]}


def _leading_two(axes: ParticleTable) -> NDArray[np.int64]:
    """Rows of the two hardest central jets of events that pass, the harder first."""
    rows = np.flatnonzero(np.abs(axes["eta"]) < ETA_MAX)
    rows = rows[jets.hardest_first(axes["pt"][rows], axes["event"][rows])]
    _, first, counts = np.unique(axes["event"][rows], return_index=True, return_counts=True)
    passed = (counts > 1) & (axes["pt"][rows[first]] > LEADING_PT)
    return rows[(first[passed, None] + [0, 1]).ravel()]


def _origins(table: ParticleTable, process: int) -> ParticleTable:
    """The two particles that the jets stem from: the bosons, or the outgoing partons."""
    identity, status = table["id"], np.abs(table["status"])
    if process == SIGNAL:
        # At a recoil a boson is copied: the last copy has another kind of daughter.
        daughter = identity[table["first"] + table["daughter1"]]
        chosen = np.isin(np.abs(identity), (23, 24)) & (daughter != identity)
    else:
        chosen = status == 23
    return pythia.directions(take(table, chosen))


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with the invariant mass of the two jets.

    Parameters
    ----------
    columns
        Columns of `select`, or part of them.

    Returns
    -------
    ak.Array
        One record per event; ``m_jj`` [GeV] where there are jets.
    """
    array = layout.decode(columns)
    if "jets" in array.fields:
        pair = kinematics.total(array.jets)
        array = ak.with_field(array, ak.values_astype(pair.mass, np.float32), "m_jj")
    return array


make = Mixture(
    tuple(
        Process(card, share, columns={"label": np.int8(label)})
        for label, (card, share) in enumerate(zip(CARDS, SHARES, strict=True))
    ),
    select,
    batch=200,
    # However few are asked for, a batch holds some that pass.
    smallest_batch=10,
    per_entry=3,
)

RECIPE = Recipe(
    name="dijet_resonance",
    number=8,
    version=1,
    chunk=1100,
    committed={"train": 11_000, "validation": 2_200, "test": 8_800},
    share=1.5,
    cards=make.cards,
    make=make,
    decode=decode,
    needs={"m_jj": ("jets",)},
)
