"""Events with a lepton and a hadronic tau, before and after the detector, for `htautau`."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector, htautau, jets, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, objects, take, taus
from hepml_lib.samples.storage import round_mantissa

__all__ = ["UNDEFINED", "hard_leptons", "select", "true_taus"]

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


def hard_leptons(needed: tuple[float, ...], jet: float) -> Any:
    """Hook that drops events without hard leptons before they hadronise, and taus decay.

    Parameters
    ----------
    needed
        Least transverse momenta of electrons, muons and taus [GeV], falling.
    jet
        Least transverse momentum of a jet of partons within |η| < 2.8 [GeV]; 0 asks for none.

    Returns
    -------
    UserHooks
        Its `tried` counts all events.
    """
    import pythia8mc

    class HardLeptons(pythia8mc.UserHooks):
        def __init__(self) -> None:
            super().__init__()
            self.tried = 0
            self.finder = pythia8mc.SlowJet(-1, RADIUS, jet, 2.8, 2, 2, None, False)

        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:
            self.tried += 1
            return len(_lepton_pt(process)) < len(needed)

        def canVetoPartonLevel(self) -> bool:
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:
            if any(pt < least for pt, least in zip(_lepton_pt(event), needed, strict=False)):
                return True
            # The leptons are jets to the finder.
            return jet > 0 and not (self.finder.analyze(event) and self.finder.sizeJet() > 1)

    return HardLeptons()


def _lepton_pt(event: Any) -> list[float]:
    """Transverse momenta of the charged leptons of an event of Pythia, the hardest first."""
    leptons = (
        particle
        for particle in (event[row] for row in range(event.size()))
        if particle.isFinal() and particle.idAbs() in (11, 13, 15) and abs(particle.eta()) < 4
    )
    return sorted((one.pT() for one in leptons), reverse=True)


def select(table: ParticleTable, rng: np.random.Generator) -> Columns:
    """Events of a batch with one lepton and a tau of the other charge, as columns.

    Parameters
    ----------
    table
        Columns of `pythia.records`; `event` counts from 0 within the batch.
    rng
        Fluctuations of the detector.
    """
    events = int(table["event"].max()) + 1
    candidates = detector.respond(pythia.stable(table), rng).candidates
    lepton = _lepton(objects.leptons(candidates, rng), events)
    found, members = clustering.anti_kt(candidates, RADIUS, SEED_PT)
    tau = _tau(taus.find(candidates, found, members), lepton, events)
    kept = np.flatnonzero(tau["pt"] > 0)
    lepton, tau = take(lepton, kept), take(tau, kept)
    missing = take(objects.missing(candidates, events), kept)
    primary = {
        f"PRI_{name}_{axis}": one[axis]
        for name, one in (("tau", tau), ("lep", lepton))
        for axis in ("pt", "eta", "phi")
    }
    primary |= {
        "PRI_met": missing["pt"],
        "PRI_met_phi": missing["phi"],
        "PRI_met_sumet": missing["sum_et"],
    }
    primary |= _jets(found, lepton, tau)
    return {"event": ak.Array(kept), "generated_tau_pt": ak.Array(_generated(table, tau))} | {
        name: ak.Array(_rounded(name, primary[name])) for name in htautau.PRIMARY
    }


def _first(part: ParticleTable, events: int) -> ParticleTable:
    """First row of every event; zeros where there is none."""
    number, row = np.unique(part["event"], return_index=True)
    table: ParticleTable = {"event": np.arange(events)}
    for name in ("pt", "eta", "phi", "charge"):
        table[name] = np.zeros(events)
        table[name][number] = part[name][row]
    return table


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
    return _first(take(found, np.lexsort((-found["pt"], found["event"]))), events)


def _jets(found: ParticleTable, lepton: ParticleTable, tau: ParticleTable) -> ParticleTable:
    """Number, sum and the two hardest of the jets that are neither lepton nor tau."""
    found = take(found, (found["pt"] > JET_PT) & (np.abs(found["eta"]) < JET_ETA))
    for one in (lepton, tau):
        found = take(found, jets.match(found, one, APART) < 0)
    # Jets of events that were not kept have no place here.
    place = np.searchsorted(tau["event"], found["event"])
    here = place < len(tau["event"])
    here[here] = tau["event"][place[here]] == found["event"][here]
    found, place = take(found, here), place[here]
    order = np.lexsort((-found["pt"], place))
    found, place = take(found, order), place[order]
    rank = np.arange(len(place)) - np.searchsorted(place, place)
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
    row = jets.match(tau, true, 0.2)
    pt = np.zeros(len(row))
    pt[row >= 0] = true["pt"][row[row >= 0]]
    return round_mantissa(pt, 10)


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
        return jets.steps(values, ANGLE_STEP)
    return round_mantissa(values, 10)
