"""Pileup: other collisions of the same crossing, and of the crossings beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.samples.detector import calorimeter
from hepml_lib.samples.detector.table import ParticleTable, merge, rank, row_ranges, take

__all__ = ["Pool"]

_LENGTH = 35.0
"""Spread of the collisions along the beam [mm] (ours, LHC-like)."""

_MINIMUM_PT = 0.15
"""Softest particle of the pool [GeV]; those below carry 4 % of the transverse momentum."""

_MINIMUM_PT_OTHER_CROSSINGS = 0.75
"""Softest particle of other crossings [GeV], of which the calorimeters see a tenth at most."""

_BATCH = 500


class Pool:
    """Inelastic collisions at 13.6 TeV, from which pileup is drawn.

    Every use turns a collision by a random angle about the beam and may mirror it, so that two
    crossings that draw the same one differ; their hardest jets have the same momentum all the same.

    Parameters
    ----------
    seed
        Pythia's seed.
    events
        Collisions in the pool; 500 a second are made.

    Attributes
    ----------
    pthat
        Scale of the hardest parton scattering of each collision [GeV].
    """

    def __init__(self, seed: int, events: int) -> None:
        from hepml_lib.samples import pythia

        source = pythia.batches("minimum_bias", seed, _BATCH)
        parts, scales, first = [], [], 0
        while first < events:
            batch = next(source)[: events - first]
            particles = pythia.visible_particles(pythia.records(batch.prt))
            particles["event"] = particles["event"] + first
            parts.append(_near(particles, _MINIMUM_PT))
            scales.append(np.sqrt(np.asarray(batch.info.pT2Hat)))
            first += len(batch)
        self.pthat: NDArray[np.floating] = np.concatenate(scales)
        everything = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._now = _Store(everything, events)
        self._late = _Store(_near(everything, _MINIMUM_PT_OTHER_CROSSINGS), events)

    def __len__(self) -> int:
        return len(self.pthat)

    def overlay(
        self, particles: ParticleTable, events: int, mu: ArrayLike, rng: np.random.Generator
    ) -> tuple[ParticleTable, ParticleTable]:
        """Add pileup to hard collisions.

        Parameters
        ----------
        particles
            Particles of the hard collisions, as `pythia.visible_particles` gives them. It may be
            empty: then there is pileup alone.
        events
            Number of crossings; `event` of the particles counts from 0.
        mu
            Mean number of pileup collisions of a crossing, one figure or one per crossing. Their
            number is a Poisson number; so is it in the crossings before and after.
        rng
            Decides what is drawn.

        Returns
        -------
        particles : ParticleTable
            All particles, in the order of events. The leading vertex stays at z = 0; `vertex`
            counts the pileup of the crossing from 1; other crossings have a `bunch` other than 0.
        vertices : ParticleTable
            `event`, `vertex`, `z` [mm], and `pthat` [GeV], 0 for the hard collision, of the
            collisions of the crossing itself.
        """
        parts: list[ParticleTable] = [particles] if len(particles["event"]) else []
        origin = rng.normal(0.0, _LENGTH, events)
        leading: ParticleTable = {
            "event": np.arange(events),
            "vertex": np.zeros(events, np.int16),
            "z": np.zeros(events),
            "pthat": np.zeros(events),
        }
        for bunch, store in ((0, self._now), (-1, self._late), (1, self._late)):
            number = rng.poisson(np.broadcast_to(mu, events))
            event = np.repeat(np.arange(events), number)
            drawn = rng.integers(len(self), size=len(event))
            vertices: ParticleTable = {
                "event": event,
                "vertex": (rank(event) + 1).astype(np.int16),
                "z": rng.normal(0.0, _LENGTH, len(event)) - origin[event],
                "pthat": self.pthat[drawn],
            }
            parts.append(store.place(drawn, vertices, bunch, rng))
            if bunch == 0:
                collisions = merge(leading, vertices)
        return merge(*parts), collisions


class _Store:
    """Particles of many collisions, end to end."""

    def __init__(self, particles: ParticleTable, events: int) -> None:
        self.particles = particles
        self.count = np.bincount(particles["event"], minlength=events)
        self.first = np.cumsum(self.count) - self.count

    def place(
        self,
        drawn: NDArray[np.integer],
        vertices: ParticleTable,
        bunch: int,
        rng: np.random.Generator,
    ) -> ParticleTable:
        """Particles of the drawn collisions, turned, mirrored and moved to their vertices."""
        angle = rng.uniform(-np.pi, np.pi, len(drawn))
        mirror = rng.choice([-1.0, 1.0], len(drawn))
        collision, row = row_ranges(self.first[drawn], self.count[drawn])
        particles = take(self.particles, row)
        turn, mirror = angle[collision], mirror[collision]
        cosine, sine = np.cos(turn), np.sin(turn)
        return particles | {
            "event": vertices["event"][collision],
            "eta": mirror * particles["eta"],
            "phi": wrap_phi(particles["phi"] + turn),
            "x": cosine * particles["x"] - sine * particles["y"],
            "y": sine * particles["x"] + cosine * particles["y"],
            "z": mirror * particles["z"] + vertices["z"][collision],
            "vertex": vertices["vertex"][collision],
            "bunch": np.full(len(row), bunch, np.int8),
            "record": np.full(len(row), -1, np.int32),
        }


def _near(particles: ParticleTable, minimum_pt: float) -> ParticleTable:
    """Particles that the detector can see."""
    inside = np.abs(particles["eta"]) < calorimeter.ACCEPTANCE
    return take(particles, inside & (particles["pt"] > minimum_pt))
