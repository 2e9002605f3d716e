"""Speed and peak memory of `formats.convert`: python tests/bench/bench_convert.py [events]."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

BUDGET_SPEED = 80.0  # MB of arrays a second, one core
BUDGET_MEMORY = 250.0  # MB

_CHILD = """
import json, resource, sys, time
from hepml_lib import formats
source, target, tree, compression = sys.argv[1:]
# The first conversion of a process pays for imports and for what awkward and uproot set up.
formats.convert(source, target, tree="warm", progress=False)
start, cpu = time.perf_counter(), time.process_time()
formats.convert(source, target, tree=tree, compression=compression, progress=False)
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak /= 2**20 if sys.platform == "darwin" else 2**10
print(json.dumps({"seconds": wall, "cpu": cpu, "peak": peak}))
"""


def events(rng: np.random.Generator, entries: int) -> ak.Array:
    """Events with about four jets each: 82 bytes an event."""
    jets = rng.poisson(4, entries)

    def values(scale: float) -> ak.Array:
        return ak.unflatten(rng.exponential(scale, jets.sum()).astype(np.float32), jets)

    return ak.zip(
        {
            "run": np.full(entries, 1, np.uint32),
            "event": np.arange(entries, dtype=np.uint64),
            "weight": rng.normal(size=entries),
            "trigger": rng.random(entries) > 0.5,
            "covariance": rng.normal(size=(entries, 3, 2)).astype(np.float32),
            "Jet": ak.zip({name: values(40.0) for name in ("pt", "eta", "mass")}),
        },
        depth_limit=1,
    )


def write(path: Path, entries: int) -> float:
    """Write the same events as a TTree and as an RNTuple; megabytes of one of them."""
    rng = np.random.default_rng(1)
    with uproot.recreate(path, compression=uproot.LZ4(4)) as file:
        size = 0
        for done in range(0, entries, 100_000):
            piece = events(rng, min(100_000, entries - done))
            size += piece.nbytes
            if done == 0:
                types = {name: ak.type(piece[name]).content for name in piece.fields}
                tree = file.mktree("ttree", types)
                ntuple = file.mkrntuple("rntuple", piece.layout.form)
                file.mktree("warm", types).extend({name: piece[name][:10] for name in piece.fields})
            tree.extend({name: piece[name] for name in piece.fields})
            ntuple.extend(piece)
    return size / 1e6


def main(entries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "events.root")
        size = write(source, entries)
        print(f"{entries:,} events, {size:.0f} MB, LZ4")
        for tree in ("ttree", "rntuple"):
            for ending in ("h5", "parquet"):
                for compression in ("none", "fast", "small"):
                    target = Path(folder, f"events.{ending}")
                    command = [sys.executable, "-c", _CHILD, source, target, tree, compression]
                    answer = subprocess.run(command, check=True, capture_output=True, text=True)
                    figures = json.loads(answer.stdout)
                    speed = size / figures["seconds"]
                    slow = "  slow" if speed < BUDGET_SPEED and compression != "small" else ""
                    large = "  large" if figures["peak"] > BUDGET_MEMORY else ""
                    print(
                        f"{tree:8s} {ending:8s} {compression:6s} {speed:6.0f} MB/s "
                        f"({size / figures['cpu']:.0f} per CPU-second), "
                        f"peak {figures['peak']:4.0f} MB, "
                        f"file {target.stat().st_size / 1e6:5.0f} MB{slow}{large}"
                    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
