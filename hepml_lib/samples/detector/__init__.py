"""Parametric detector, version 1: particles in, particle-flow candidates out.

A CMS-like tracker in a 3.8 T field, crystals, hadronic towers and muon chambers, each reduced to
an efficiency and a resolution. Candidates are built as particle flow builds them
(arXiv:1706.04965): a track is a charged particle, calorimeter energy that no track explains is a
neutral one. All is done on flat arrays, many events at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.samples.detector import calorimeter, tracker

__all__ = [
    "CHARGED_HADRON",
    "ELECTRON",
    "MASSES",
    "MUON",
    "NEUTRAL_HADRON",
    "PHOTON",
    "Table",
    "perfect",
    "respond",
    "take",
]

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = range(5)

MASSES = np.array([0.13957, 0.0, 0.0, 0.000511, 0.10566], dtype=np.float32)
"""Mass given to a candidate of each kind [GeV]: a track that is no lepton is taken for a pion."""

Table = dict[str, NDArray]
"""Columns of equal length: `event` and one entry per particle of every event."""


def take(table: Table, index: NDArray) -> Table:
    """Rows of a table, by mask or by index."""
    return {name: column[index] for name, column in table.items()}


def perfect(particles: Table) -> Table:
    """Candidates of a detector that sees every particle exactly: the particle level."""
    return _candidates(take(particles, np.abs(particles["eta"]) < calorimeter.ACCEPTANCE))


def respond(particles: Table, rng: np.random.Generator, smearing: float = 1.0) -> Table:
    """Particle-flow candidates of the detector.

    Parameters
    ----------
    particles
        Stable visible particles: `event` (ascending), `pt`, `energy` [GeV], `eta`, `phi` [rad],
        `kind`, `charge`.
    rng
        Source of every fluctuation.
    smearing
        Scales all resolutions, inefficiencies and thresholds; 0 is a perfect measurement on the
        same cells.

    Returns
    -------
    Table
        `event` (ascending), `pt` [GeV], `eta`, `phi` [rad], `kind`, `charge`.

    Notes
    -----
    Left out: pileup, conversions, nuclear interactions beyond the loss of a track, displaced
    decays, showers that spread over cells, punch-through, the tracker's loss in dense jets.
    """
    kind, charge = particles["kind"], particles["charge"]
    chance = tracker.efficiency(particles["pt"], particles["eta"], kind == MUON)
    inside = np.abs(particles["eta"]) < tracker.ACCEPTANCE
    tracked = (charge != 0) & inside & (rng.random(len(kind)) >= smearing * (1 - chance))
    tracks = _measure_tracks(take(particles, tracked), rng, smearing)

    electromagnetic = (kind == PHOTON) | ((kind == ELECTRON) & ~tracked)
    photons = _crystals(take(particles, electromagnetic), rng, smearing)

    hadronic = (kind == CHARGED_HADRON) | (kind == NEUTRAL_HADRON)
    explained = np.zeros(len(kind))
    explained[tracked] = tracks["pt"] * np.cosh(tracks["eta"])
    hadrons = take(particles | {"explained": explained}, hadronic)
    neutrals = _towers(hadrons, rng, smearing)

    parts = [_candidates(part) for part in (tracks, photons, neutrals)]
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return take(merged, np.argsort(merged["event"], kind="stable"))


def _candidates(table: Table) -> Table:
    return {name: table[name] for name in ("event", "pt", "eta", "phi", "kind", "charge")}


def _measure_tracks(tracks: Table, rng: np.random.Generator, smearing: float) -> Table:
    """Smeared tracks; an electron takes its energy from the crystals, which measure it better."""
    pt, eta = tracks["pt"], tracks["eta"]
    relative = np.where(
        tracks["kind"] == ELECTRON,
        np.minimum(
            calorimeter.ecal_resolution(tracks["energy"], eta),
            tracker.momentum_resolution(pt, eta),
        ),
        tracker.momentum_resolution(pt, eta),
    )
    angle = smearing * tracker.angular_resolution(pt)
    noise = rng.standard_normal((3, len(pt)))
    return tracks | {
        "pt": pt * np.maximum(1 + smearing * relative * noise[0], 0.1),
        "eta": eta + angle * noise[1],
        "phi": wrap_phi(tracks["phi"] + angle * noise[2]),
    }


def _deposits(particles: Table) -> Table:
    """Particles that reach a calorimeter, with the azimuth at which they do."""
    phi = tracker.calorimeter_phi(particles["pt"], particles["phi"], particles["charge"])
    reached = np.isfinite(phi) & (np.abs(particles["eta"]) < calorimeter.ACCEPTANCE)
    return take(particles | {"phi": phi}, reached)


def _crystals(particles: Table, rng: np.random.Generator, smearing: float) -> Table:
    """Photons: crystals above 0.5 GeV."""
    hits = _deposits(particles)
    grid = calorimeter.crystals(hits["event"], hits["eta"], hits["phi"])
    true = grid.sum(hits["energy"])
    eta, phi = grid.centroid(hits["energy"], hits["eta"], hits["phi"])
    noise = rng.standard_normal(len(true))
    energy = true * (1 + smearing * calorimeter.ecal_resolution(true, eta) * noise)
    return _neutrals(grid, energy, eta, phi, energy > 0.5 * smearing, PHOTON, rng, smearing)


def _towers(particles: Table, rng: np.random.Generator, smearing: float) -> Table:
    """Neutral hadrons: energy of a tower beyond its tracks, if above 1 GeV and 1.5 resolutions.

    Every hadron deposits its energy; the tracks that point to the tower are subtracted. A lost
    track thus comes back as a neutral hadron, and a fluctuation of a charged shower can fake one.
    At 1.5 resolutions what is faked balances what is lost: the mean response to a jet of 600 GeV
    is 1.00 within half a percent, so that no calibration follows.
    """
    hits = _deposits(particles)
    grid = calorimeter.towers(hits["event"], hits["eta"], hits["phi"])
    true = grid.sum(hits["energy"])
    eta, phi = grid.centroid(hits["energy"], hits["eta"], hits["phi"])
    width = smearing * true * calorimeter.hcal_resolution(true)
    excess = true + width * rng.standard_normal(len(true)) - grid.sum(hits["explained"])
    visible = excess > np.maximum(1.5 * width, 1.0 * smearing)
    return _neutrals(grid, excess, eta, phi, visible, NEUTRAL_HADRON, rng, smearing)


def _neutrals(
    grid: calorimeter.Grid,
    energy: NDArray,
    eta: NDArray,
    phi: NDArray,
    visible: NDArray[np.bool_],
    kind: int,
    rng: np.random.Generator,
    smearing: float,
) -> Table:
    """Massless candidates from cells; the position is known to a cell's width."""
    offset = smearing * grid.width * rng.uniform(-0.5, 0.5, (2, len(energy)))
    eta, phi, energy = (eta + offset[0])[visible], (phi + offset[1])[visible], energy[visible]
    return {
        "event": grid.event[visible],
        "pt": energy / np.cosh(eta),
        "eta": eta,
        "phi": wrap_phi(phi),
        "kind": np.full(len(energy), kind, np.int8),
        "charge": np.zeros(len(energy), np.int8),
    }
