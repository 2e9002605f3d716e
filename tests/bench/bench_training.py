"""Training speed of the set networks: jets per second through forward, backward and optimiser.

Run as ``python tests/bench/bench_training.py`` on an idle machine. It trains with `fit`, as a
chapter does, on made-up constituents with the multiplicity of top jets (mean 50, spread 18). Two
processes share each batch by DDP; only the last epoch is timed, so that start-up is left out.
"""

from __future__ import annotations

import os
import platform

import numpy as np
import torch

from hepml_lib.nets import EFN, PFN
from hepml_lib.training import Data, fit, seeded

EVENTS, BATCH, EPOCHS = 16_384, 256, 3


def jets(particles: int) -> tuple[Data, Data]:
    """Data for the PFN (seven features) and for the EFN, of which 64 to 32 are kept."""
    rng = np.random.default_rng(1)
    counts = rng.normal(50, 18, EVENTS).clip(5, particles).astype(int)
    mask = torch.arange(particles) < torch.from_numpy(counts)[:, None]
    features = torch.from_numpy(rng.normal(size=(EVENTS, particles, 7)).astype(np.float32))
    target = torch.arange(EVENTS) % 2
    fractions = mask / mask.sum(dim=1, keepdim=True)
    angles = features[..., :2]
    return (
        Data({"features": features, "mask": mask}, target),
        Data({"fractions": fractions, "angles": angles, "mask": mask}, target),
    )


def speed(kind: str, particles: int, threads: int, devices: int) -> float:
    """Jets per second in the fastest epoch after the first."""
    os.environ["HEPML_THREADS"] = str(threads)
    with seeded(1):
        network = PFN(7) if kind == "PFN" else EFN()
    data = jets(particles)[kind == "EFN"]
    history = fit(
        network,
        data,
        data.slice(slice(0, BATCH)),
        batch_size=BATCH,
        epochs=EPOCHS,
        progress=False,
        devices=devices,
    )
    return EVENTS / min(history.seconds[1:])


def main() -> None:
    """Print the table."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(
        f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{platform.machine()}, {os.cpu_count()} cores, load before the start {load}; "
        f"batches of {BATCH}, {EVENTS} jets, best of the last {EPOCHS - 1} epochs"
    )
    print("network constituents   1 thread  2 threads  2 processes   [jets/s]")
    for kind in ("PFN", "EFN"):
        for particles in (32, 64):
            row = [speed(kind, particles, *how) for how in ((1, 1), (2, 1), (1, 2))]
            print(
                f"{kind:7} {particles:12} {row[0]:10.0f} {row[1]:10.0f} {row[2]:12.0f}", flush=True
            )


if __name__ == "__main__":
    main()
