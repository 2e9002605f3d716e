"""A few whole events, to look at: everything that the detector saw, and its jets."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import clustering, detector, jets, pythia
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.recipes import top_jets
from hepml_lib.samples.storage import round_mantissa

__all__ = ["RECIPE", "make", "select"]

RADIUS = 0.8
JET_PT = 30.0

_CANDIDATE = ("pt", "eta", "phi", "charge", "kind")
_JET = ("pt", "eta", "phi", "mass")


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """All events of a batch of collisions, of either process, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        Both are selected alike.
    rng
        Fluctuations of the detector.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event; `event` counts within the batch.
    """
    particles = pythia.visible_particles(pythia.records(batch.prt))
    candidates = detector.respond(particles, rng).candidates
    found, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    return (
        {"event": np.arange(len(batch))}
        | _listed("candidates", candidates, _CANDIDATE, len(batch))
        | _listed("jets", found, _JET, len(batch))
    )


def _listed(group: str, table: ParticleTable, names: tuple[str, ...], events: int) -> Columns:
    """Columns with one list per event, the hardest entry first."""
    order = jets.hardest_first(table["pt"], table["event"])
    flat = {name: table[name][order] for name in names}
    rounded = {
        name: round_mantissa(values, 16) if values.dtype.kind == "f" else values
        for name, values in flat.items()
    }
    return jagged(group, rounded, np.bincount(table["event"], minlength=events))


_MIXTURE = Mixture(
    tuple(
        Process(card, hook=top_jets.hook, columns={"label": np.int8(label)})
        for label, card in enumerate(top_jets.CARDS)
    ),
    select,
    per_entry=1,
    shuffle=False,
)


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: QCD and top events in turn.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event.
    """
    columns = _MIXTURE(chunk, entries)
    order = np.argsort(ak.to_numpy(columns["event"]) % _MIXTURE.stride, kind="stable")
    return {name: column[order] for name, column in columns.items()}


RECIPE = Recipe(
    name="collisions",
    number=2,
    version=2,
    chunk=8,
    committed={"train": 16, "validation": 8, "test": 8},
    share=0.2,
    make=make,
    cards=_MIXTURE.cards,
)
