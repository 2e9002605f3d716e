"""Events with a lepton and a hadronic tau, before and after the detector, for `htautau`."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector, htautau, jets, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, objects, take, taus
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["UNDEFINED", "select", "true_taus"]

RADIUS = 0.4
LEPTON_PT, LEPTON_ISOLATION = 20.0, 0.15
VETO_PT, VETO_ISOLATION = 10.0, 0.30
TAU_PT, TAU_ETA, TAU_ISOLATION = 18.0, 2.3, 2.5
SEED_PT = 14.0
JET_PT, JET_ETA = 30.0, 4.5
APART = 0.5
ANGLE_STEP = 2.0**-9

UNDEFINED = -999.0
"""Stands for what an event does not define, as in the challenge's file."""


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with one lepton and a tau of the other charge, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        All are selected alike.
    rng
        Fluctuations of the detector.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    table, events = pythia.records(batch.prt), len(batch)
    candidates = detector.respond(pythia.visible_particles(table), rng).candidates
    lepton = _lepton(objects.leptons(candidates, rng), events)
    found, members = clustering.anti_kt(candidates, RADIUS, SEED_PT)
    tau = _tau(taus.find(candidates, found, members), lepton, events)
    kept = np.flatnonzero(tau["pt"] > 0)
    lepton, tau = take(lepton, kept), take(tau, kept)
    missing = take(objects.missing(candidates, events), kept)
    primary = {
        f"PRI_{name}_{axis}": momentum[axis]
        for name, momentum in (("tau", tau), ("lep", lepton))
        for axis in ("pt", "eta", "phi")
    }
    primary |= {
        "PRI_met": missing["pt"],
        "PRI_met_phi": missing["phi"],
        "PRI_met_sumet": missing["sum_et"],
    }
    primary |= _jets(found, lepton, tau)
    return {"event": kept, "generated_tau_pt": _generated(table, tau)} | {
        name: _rounded(name, primary[name]) for name in htautau.PRIMARY
    }


def _first(table: ParticleTable, events: int) -> ParticleTable:
    """First row of every event; zeros where there is none."""
    number, first = np.unique(table["event"], return_index=True)
    row = np.full(events, -1)
    row[number] = first
    return {"event": np.arange(events)} | {
        name: jets.matched(table[name], row).astype(np.float64)
        for name in ("pt", "eta", "phi", "charge")
    }


def _lepton(leptons: ParticleTable, events: int) -> ParticleTable:
    """The lepton of every event that has one that is hard and isolated, and no second one."""
    good = (leptons["pt"] > LEPTON_PT) & (leptons["isolation"] < LEPTON_ISOLATION)
    any_lepton = (leptons["pt"] > VETO_PT) & (leptons["isolation"] < VETO_ISOLATION)
    alone = np.bincount(leptons["event"][any_lepton], minlength=events) == 1
    return _first(take(leptons, good & alone[leptons["event"]]), events)


def _tau(found: ParticleTable, lepton: ParticleTable, events: int) -> ParticleTable:
    """Hardest isolated tau of every event with a lepton of the other charge."""
    mine = take(lepton, found["event"])
    apart = kinematics.delta_r(found["eta"], found["phi"], mine["eta"], mine["phi"]) > APART
    good = apart & (found["charge"] * mine["charge"] < 0) & (found["isolation"] < TAU_ISOLATION)
    good &= (found["pt"] > TAU_PT) & (np.abs(found["eta"]) < TAU_ETA)
    found = take(found, good)
    return _first(take(found, jets.hardest_first(found["pt"], found["event"])), events)


def _jets(found: ParticleTable, lepton: ParticleTable, tau: ParticleTable) -> ParticleTable:
    """Number, sum and the two hardest of the jets that are neither lepton nor tau."""
    found = take(found, (found["pt"] > JET_PT) & (np.abs(found["eta"]) < JET_ETA))
    for other in (lepton, tau):
        found = take(found, jets.match(found, other, APART) < 0)
    # Jets of events that were not kept have no place here.
    place = np.searchsorted(tau["event"], found["event"])
    here = place < len(tau["event"])
    here[here] = tau["event"][place[here]] == found["event"][here]
    found, place = take(found, here), place[here]
    order = jets.hardest_first(found["pt"], place)
    found, place = take(found, order), place[order]
    rank = jets.position(place)
    number = np.bincount(place, minlength=len(tau["event"]))
    columns: ParticleTable = {
        "PRI_jet_num": np.minimum(number, 3).astype(np.int8),
        "PRI_jet_all_pt": np.bincount(place, found["pt"], len(number)),
    }
    for k, name in enumerate(("leading", "subleading")):
        for axis in ("pt", "eta", "phi"):
            column = np.full(len(number), UNDEFINED)
            column[place[rank == k]] = found[axis][rank == k]
            columns[f"PRI_jet_{name}_{axis}"] = column
    return columns


def _generated(table: ParticleTable, tau: ParticleTable) -> NDArray[np.float32]:
    """Visible transverse momentum of the true hadronic decay within 0.2; 0 for a fake."""
    true = true_taus(table)
    return round_mantissa(jets.matched(true["pt"], jets.match(tau, true, 0.2)), 10)


def true_taus(table: ParticleTable) -> ParticleTable:
    """Visible part of the hadronic decays of tau leptons.

    Parameters
    ----------
    table
        Columns of `pythia.records`.

    Returns
    -------
    ParticleTable
        Columns of `pythia.directions`, with the code of the tau.
    """
    code, mother = np.abs(table["id"]), table["first"] + table["mother1"]
    neutrino = np.flatnonzero(np.isin(code, (12, 14, 16)) & (code[mother] == 15))
    decayed, which, number = np.unique(mother[neutrino], return_inverse=True, return_counts=True)
    visible = {
        name: table[name][decayed] - np.bincount(which, table[name][neutrino], len(decayed))
        for name in ("px", "py", "pz", "e")
    }
    # A decay to an electron or a muon has two neutrinos.
    return take(pythia.directions(take(table, decayed) | visible), number == 1)


def _rounded(name: str, values: NDArray) -> NDArray:
    """At the precision of the file, in which -999 is exact."""
    if name == "PRI_jet_num":
        return values
    if name.endswith(("_eta", "_phi")):
        return round_to_step(values, ANGLE_STEP)
    return round_mantissa(values, 10)
