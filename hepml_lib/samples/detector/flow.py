"""Particles in, particle-flow candidates and calorimeter towers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.samples.detector import calorimeter, tracker
from hepml_lib.samples.detector.table import (
    CHARGED_HADRON,
    ELECTRON,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    ParticleTable,
    merge,
    take,
)

__all__ = ["Response", "perfect", "respond"]

_MISTAKEN = ((ELECTRON, 0.003), (MUON, 0.001))
"""How often a charged hadron of more than 3 GeV is taken for a lepton (ours)."""

_PULSE = np.array([1.0, 0.05, 0.10])
"""Share of a deposit that is measured, by crossing: this one, the next (1), the last (-1)."""

_SPACING = 25.0  # ns between crossings
_INTERACTS = 0.63
"""Hadrons that interact in the crystals, which are one interaction length deep: 1 - 1/e."""


@dataclass(frozen=True)
class Response:
    """What the detector measured.

    Attributes
    ----------
    candidates
        Particle flow: `event`, `pt` [GeV], `eta`, `phi` [rad], `kind`, `charge`. Of tracks also
        `d0`, `z0`, `d0_error`, `z0_error` [mm] (zero for others), `vertex` (0 for the leading
        collision, positive for pileup; -1 where there is no track), `particle`, the row of
        the particle it came from (-1 for others). `hard` is the true share of the energy that
        stems from the leading collision.
    towers
        Calorimeters: `event`, `eta`, `phi` of the tower's middle [rad], energies `em` and `had`
        [GeV], `time` [ns] after the crossing, and the true share `hard`.
    """

    candidates: ParticleTable
    towers: ParticleTable


def perfect(particles: ParticleTable) -> ParticleTable:
    """Candidates of a detector that sees every particle exactly: the particle level.

    Parameters
    ----------
    particles
        As for `respond`.

    Returns
    -------
    ParticleTable
        `event`, `pt` [GeV], `eta`, `phi` [rad], `kind` and `charge` of those within |η| < 5.
    """
    inside = np.abs(particles["eta"]) < calorimeter.ACCEPTANCE
    names = ("event", "pt", "eta", "phi", "kind", "charge")
    return {name: particles[name][inside] for name in names}


def respond(
    particles: ParticleTable,
    rng: np.random.Generator,
    smearing: float = 1.0,
    vertices: ParticleTable | None = None,
) -> Response:
    """Response of the detector to the particles of many events.

    Parameters
    ----------
    particles
        Stable particles as `hepml_lib.samples.pythia.visible_particles` or a pileup pool give them:
        `event` (ascending), `pt`, `energy` [GeV], `eta`, `phi` [rad], `kind`, `charge`, `x, y, z`
        [mm] where they were produced, the number of their collision `vertex`, and of their
        crossing `bunch`.
    rng
        Source of every fluctuation.
    smearing
        Scales all resolutions, inefficiencies and thresholds; 0 is a perfect measurement on the
        same cells.
    vertices
        The collisions, `event`, `vertex` and `z` [mm]; without them every track is of vertex 0.

    Returns
    -------
    Response
        Candidates and towers, in the order of events.

    Notes
    -----
    Left out: conversions, nuclear interactions beyond the loss of a track, showers that spread
    over cells, punch-through, the tracker's loss in dense jets. A particle starts at its true
    place for the tracker, at the leading vertex for the calorimeters.
    """
    kind, eta = particles["kind"], particles["eta"]
    tracked = _tracked(particles, rng, smearing)
    tracks = _measure_tracks(take(particles, tracked), rng, smearing)
    if vertices is not None:
        tracks["vertex"] = tracker.nearest_vertex(tracks["event"], tracks["z0"], vertices)
    energy = tracks["pt"] * np.cosh(tracks["eta"])
    explained = np.zeros(len(kind))
    explained[tracked] = energy

    central = np.abs(eta) < calorimeter.FORWARD
    showers = (kind == PHOTON) | (kind == ELECTRON)
    photons, crystals = _crystals(_deposits(particles, showers & ~tracked & central), rng, smearing)
    hadronic = (kind == CHARGED_HADRON) | (kind == NEUTRAL_HADRON) | (showers & ~central)
    deposits = _deposits(particles | {"explained": explained}, hadronic)
    neutrals, cells = _towers(deposits, rng, smearing)
    electrons = _deposits(particles | {"explained": explained}, (kind == ELECTRON) & tracked)

    tracks["particle"] = np.flatnonzero(tracked)
    candidates = merge(*map(_candidates, (tracks, photons, neutrals)))
    return Response(candidates, _assemble(cells, crystals, _energies(electrons), rng))


def _tracked(
    particles: ParticleTable, rng: np.random.Generator, smearing: float
) -> NDArray[np.bool_]:
    """Charged particles of this crossing that leave a track."""
    pt, eta, kind = (particles[name] for name in ("pt", "eta", "kind"))
    inside = (particles["charge"] != 0) & (np.abs(eta) < tracker.ACCEPTANCE)
    row = np.flatnonzero(inside & (particles["bunch"] == 0))
    radius = np.hypot(particles["x"][row], particles["y"][row])
    chance = tracker.efficiency(pt[row], eta[row], kind[row] == MUON, radius)
    tracked = np.zeros(len(pt), bool)
    tracked[row[rng.random(len(row)) >= smearing * (1 - chance)]] = True
    return tracked


def _measure_tracks(
    tracks: ParticleTable, rng: np.random.Generator, smearing: float
) -> ParticleTable:
    """Smeared tracks; an electron takes its energy from the crystals, which measure it better."""
    pt, eta, kind = tracks["pt"], tracks["eta"], tracks["kind"]
    relative = tracker.momentum_resolution(pt, eta)
    electron = np.flatnonzero(kind == ELECTRON)
    crystal = calorimeter.ecal_resolution(tracks["energy"][electron], eta[electron])
    relative[electron] = np.minimum(relative[electron], crystal)
    d0, z0, phi = tracker.perigee(tracks)
    errors = tracker.d0_resolution(pt, eta), tracker.z0_resolution(pt, eta)
    # One track in twenty is measured worse than it seems: wrong hits, hard scatters (ours).
    tail = smearing * np.where(rng.random(len(pt)) < 0.05, 2.5, 1.0)
    angle = smearing * tracker.angular_resolution(pt)
    noise = rng.standard_normal((5, len(pt)))
    return tracks | {
        "pt": pt * np.maximum(1 + smearing * relative * noise[0], 0.1),
        "eta": eta + angle * noise[1],
        "phi": wrap_phi(phi + angle * noise[2]),
        "kind": _identify(kind, pt, rng, smearing),
        "d0": d0 + tail * errors[0] * noise[3],
        "z0": z0 + tail * errors[1] * noise[4],
        "d0_error": errors[0],
        "z0_error": errors[1],
        "vertex": np.zeros(len(pt), np.int16),
        "hard": (tracks["vertex"] == 0).astype(np.float32),
    }


def _identify(
    kind: NDArray[np.int8], pt: NDArray, rng: np.random.Generator, smearing: float
) -> NDArray[np.int8]:
    """Kind that is seen: now and then a hadron passes for a lepton."""
    seen = kind.copy()
    row = np.flatnonzero((kind == CHARGED_HADRON) & (pt > 3))
    chance = rng.random(len(row))
    for lepton, rate in _MISTAKEN:
        seen[row[(chance > 0) & (chance < smearing * rate)]] = lepton
        chance = chance - smearing * rate
    return seen


def _deposits(particles: ParticleTable, chosen: NDArray[np.bool_]) -> ParticleTable:
    """Particles that reach a calorimeter, where they do, and the energy that it measures."""
    names = ("event", "pt", "eta", "phi", "charge", "energy", "kind", "bunch", "vertex")
    extra = tuple(name for name in ("explained",) if name in particles)
    row = np.flatnonzero(chosen & (np.abs(particles["eta"]) < calorimeter.ACCEPTANCE))
    hits = {name: particles[name][row] for name in names + extra}
    hits["phi"] = tracker.calorimeter_phi(hits["pt"], hits["phi"], hits["charge"])
    hits["energy"] = hits["energy"] * _PULSE[hits["bunch"]]
    hard = (hits["vertex"] == 0) & (hits["bunch"] == 0)
    hits |= {"hard": hard * hits["energy"], "late": _SPACING * hits["bunch"] * hits["energy"]}
    return take(hits, np.isfinite(hits["phi"]))


def _energies(electrons: ParticleTable) -> ParticleTable:
    """Energy that tracked electrons leave in the crystals: the one that their track was given."""
    return electrons | {"em": electrons["explained"], "had": np.zeros(len(electrons["pt"]))}


def _crystals(
    hits: ParticleTable, rng: np.random.Generator, smearing: float
) -> tuple[ParticleTable, ParticleTable]:
    """Photons above 0.5 GeV, and the energy of all crystals above 0.25 GeV."""
    grid = calorimeter.crystals(hits["event"], hits["eta"], hits["phi"])
    true = grid.sum(hits["energy"])
    eta, phi = grid.centroid(hits["energy"], hits["eta"], hits["phi"])
    noise = rng.standard_normal(len(true))
    energy = true * (1 + smearing * calorimeter.ecal_resolution(true, eta) * noise)
    hard, late = grid.sum(hits["hard"]), grid.sum(hits["late"])
    cells = {"event": grid.event, "eta": eta, "phi": phi, "em": energy, "had": 0 * energy}
    seen = energy > 0.25 * smearing
    photons = _neutrals(grid, energy, eta, phi, hard / true, PHOTON, rng, smearing)
    return (
        take(photons, energy > 0.5 * smearing),
        take(cells | {"hard": hard, "late": late, "energy": true}, seen),
    )


def _towers(
    hits: ParticleTable, rng: np.random.Generator, smearing: float
) -> tuple[ParticleTable, ParticleTable]:
    """Neutral hadrons: energy of a tower beyond its tracks, if above 1 GeV and 1.5 resolutions.

    Every hadron deposits its energy; the tracks that point to the tower are subtracted. A lost
    track thus comes back as a neutral hadron, and a fluctuation of a charged shower can fake one.
    At 1.5 resolutions what is faked balances what is lost: the mean response to a jet of 600 GeV
    is 1.00 within half a percent, so that no calibration follows.
    """
    energy = hits["energy"]
    grid = calorimeter.towers(hits["event"], hits["eta"], hits["phi"])
    true = grid.sum(energy)
    eta, phi = grid.centroid(energy, hits["eta"], hits["phi"])
    forward = np.abs(eta) >= calorimeter.FORWARD
    relative = np.where(
        forward, calorimeter.forward_resolution(true), calorimeter.hcal_resolution(true)
    )
    width = smearing * true * relative
    measured = true + width * rng.standard_normal(len(true))
    excess = measured - grid.sum(hits["explained"])
    visible = excess > np.maximum(1.5 * width, 1.0 * smearing)
    hard, late = grid.sum(hits["hard"]), grid.sum(hits["late"])
    # What no track explains decides to which collision a neutral candidate belongs.
    unseen = grid.sum(energy * (hits["explained"] == 0))
    share = np.where(
        unseen > 0,
        grid.sum(hits["hard"] * (hits["explained"] == 0)) / np.maximum(unseen, 1e-9),
        hard / true,
    )
    # A shower that starts in the crystals leaves there any part of its energy.
    early = rng.random((2, len(energy)))
    early = np.where(hits["kind"] < PHOTON, (early[0] < _INTERACTS) * early[1], 1.0)
    em = grid.mean(energy, early) * measured
    cells = {"event": grid.event, "eta": eta, "phi": phi, "em": em, "had": measured - em}
    neutrals = _neutrals(grid, excess, eta, phi, share, NEUTRAL_HADRON, rng, smearing)
    return (
        take(neutrals, visible),
        take(cells | {"hard": hard, "late": late, "energy": true}, measured > 0.5 * smearing),
    )


def _neutrals(
    grid: calorimeter.Grid,
    energy: NDArray,
    eta: NDArray,
    phi: NDArray,
    hard: NDArray,
    kind: int,
    rng: np.random.Generator,
    smearing: float,
) -> ParticleTable:
    """Massless candidates from cells; the position is known to a cell's width."""
    offset = smearing * grid.width * rng.uniform(-0.5, 0.5, (2, len(energy)))
    eta = eta + offset[0]
    return {
        "event": grid.event,
        "pt": energy / np.cosh(eta),
        "eta": eta,
        "phi": wrap_phi(phi + offset[1]),
        "kind": np.full(len(energy), kind, np.int8),
        "charge": np.zeros(len(energy), np.int8),
        "hard": hard,
    }


def _candidates(measured: ParticleTable) -> ParticleTable:
    """Columns of a candidate; what only a track has is zero, its vertex -1, for the others."""
    rows = len(measured["pt"])
    columns = {name: measured[name] for name in ("event", "pt", "eta", "phi", "kind", "charge")}
    columns["vertex"] = measured.get("vertex", np.full(rows, -1, np.int16))
    columns["particle"] = measured.get("particle", np.full(rows, -1))
    for name in ("d0", "z0", "d0_error", "z0_error"):
        columns[name] = measured.get(name, np.zeros(rows))
    columns["hard"] = measured["hard"].astype(np.float32)
    return columns


def _assemble(
    cells: ParticleTable,
    crystals: ParticleTable,
    electrons: ParticleTable,
    rng: np.random.Generator,
) -> ParticleTable:
    """Towers, from hadronic cells, crystals and the energy of electrons."""
    names = ("event", "eta", "phi", "em", "had", "hard", "late", "energy")
    deposits = cells, crystals, electrons
    hits = {name: np.concatenate([table[name] for table in deposits]) for name in names}
    grid = calorimeter.towers(hits["event"], hits["eta"], hits["phi"])
    eta, phi = grid.centres()
    em, had, true = grid.sum(hits["em"]), grid.sum(hits["had"]), grid.sum(hits["energy"])
    spread = np.hypot(1.0 / np.sqrt(np.maximum(em + had, 0.1)), 0.3)
    return {
        "event": grid.event,
        "eta": eta,
        "phi": phi,
        "em": em,
        "had": had,
        "time": grid.sum(hits["late"]) / true + spread * rng.standard_normal(len(true)),
        "hard": (grid.sum(hits["hard"]) / true).astype(np.float32),
    }
