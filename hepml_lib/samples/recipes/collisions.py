"""A few whole events, to look at: everything that the detector saw, and its jets."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np

from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["RECIPE", "make"]

RADIUS = 0.8
JET_PT = 30.0
PARTON_JET = 460.0

QCD, TOP = 0, 1
_CARDS = ("top_jets_qcd", "top_jets_top")
_CANDIDATE = ("pt", "eta", "phi", "charge", "kind")
_JET = ("pt", "eta", "phi", "mass")


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: QCD and top events in turn."""
    halves = [list(_events(chunk, process, entries - entries // 2)) for process in (QCD, TOP)]
    events = [event for pair in zip(*halves, strict=True) for event in pair][:entries]
    return {name: ak.concatenate([event[name] for event in events]) for name in events[0]}


def _events(chunk: Chunk, process: int, entries: int) -> Iterator[Columns]:
    rng = chunk.rng(process)
    seed = chunk.pythia_seed(process)
    hook = pythia.hard_jet(PARTON_JET, RADIUS)
    batch = next(pythia.batches(_CARDS[process], seed, entries, hook))
    particles = pythia.stable(pythia.records(batch.prt))
    candidates = detector.respond(particles, rng).candidates
    jets, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    for number in range(entries):
        constant = {
            "event": np.array([chunk.event(500_000 * process + number)]),
            "label": np.array([process], np.int8),
            "split": np.array([chunk.code], np.int8),
        }
        yield {name: ak.Array(value) for name, value in constant.items()} | {
            f"{group}_{name}": _one_event(table, name, number)
            for group, table, names in (
                ("candidates", candidates, _CANDIDATE),
                ("jets", jets, _JET),
            )
            for name in names
        }


def _one_event(table: ParticleTable, name: str, number: int) -> ak.Array:
    """A column of one event, hardest entry first, as a list of length one."""
    here = np.flatnonzero(table["event"] == number)
    values = table[name][here[np.argsort(-table["pt"][here], kind="stable")]]
    if values.dtype.kind == "f":
        values = round_mantissa(values, 16)
    return ak.unflatten(ak.Array(values), [len(values)])


_TEXT = """\
Definition
    Proton-proton collisions at 14 TeV from the cards of top_jets (Pythia 8, no multiparton
    interactions, no pileup), QCD and hadronic top pairs in turn, as version 1 of the book's
    detector sees them. Kept if the hardest anti-kT jet of partons with R = 0.8 has pT > 460 GeV.
Jets
    Anti-kT with R = 0.8 on all candidates, pT > 30 GeV.
Limits
    Meant for looking, not for measuring: a few events, without truth.
"""

RECIPE = Recipe(
    name="collisions",
    title="a few whole collisions to look at",
    number=2,
    version=2,
    text=_TEXT,
    fields={
        "event": "int64         identity of the collision, unique in the whole book",
        "label": "int8          1 top pair, 0 QCD",
        "split": "int8          0 train, 1 validation, 2 test",
        "candidates": "list of pt, eta, phi, mass [GeV, rad], hardest first, with charge (int8) "
        "and kind (int8): 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, 4 muon",
        "jets": "list of pt, eta, phi, mass [GeV, rad], hardest first",
    },
    chunk=8,
    committed={"train": 16, "validation": 8, "test": 8},
    share=0.2,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=_CARDS,
    make=make,
    decode=layout.decode,
    needs={},
)
