"""CPU time of the detector for top pairs with pileup, stage by stage.

Run it with ``python tests/bench/bench_detector.py``. The goal is 6 ms an event at 50 pileup, from
the particles to jets, missing momentum and Level-1 objects.
"""

from __future__ import annotations

import time

import numpy as np

from hepml_lib.samples import clustering, detector, hooks, pythia
from hepml_lib.samples.detector import level1, objects, pileup

EVENTS = 200
SEED = 890_000_002
GOAL = 6.0


def stages(particles: detector.ParticleTable, pool: pileup.Pool, mu: float) -> dict[str, float]:
    """CPU milliseconds an event."""
    rng = np.random.default_rng(SEED)
    clock = [time.process_time()]

    def stop() -> None:
        clock.append(time.process_time())

    everything, vertices = pool.overlay(particles, EVENTS, mu, rng)
    stop()
    seen = detector.respond(everything, rng, vertices=vertices)
    stop()
    kept = detector.take(seen.candidates, objects.from_leading(seen.candidates))
    jets, _ = clustering.anti_kt(kept, 0.4, 10.0)
    objects.subtract(jets, objects.density(kept, EVENTS), 0.4)
    stop()
    objects.leptons(seen.candidates, rng)
    objects.missing(seen.candidates, EVENTS)
    stop()
    level1.trigger(seen.towers, everything, EVENTS, rng)
    stop()
    names = ("overlay", "response", "jets", "leptons, MET", "Level-1")
    return dict(zip(names, 1e3 * np.diff(clock) / EVENTS, strict=True))


def main() -> None:
    """Print one line per pileup."""
    pool = pileup.Pool(SEED, 500)
    hook = hooks.parton_jets(1, 100.0, 0.4)
    batch = next(pythia.batches("top_jets_top", SEED, EVENTS, hook))
    particles = pythia.visible_particles(pythia.records(batch.prt))
    stages(particles, pool, 50.0)
    for mu in (0.0, 50.0):
        cost = stages(particles, pool, mu)
        text = ", ".join(f"{name} {value:.2f}" for name, value in cost.items())
        total = sum(cost.values())
        print(f"{mu:.0f} pileup: {total:.1f} ms an event (goal {GOAL:.0f}): {text}")


if __name__ == "__main__":
    main()
