"""Cost of the chain around Pythia, from event record to stored columns, for the sample top_jets.

Run it with ``python tests/bench/bench_generation.py``. For each process it prints the CPU time of

* ``next()`` alone, for as many collisions as the chain tried;
* ``next()`` with the chain's veto of soft events, for as many collisions as the chain accepted;
* the chain: generation, detector, clustering, matching, columns.

The overhead is that of the chain over the second, which is the stricter; the goal is at most 40 %.
"""

from __future__ import annotations

import time
from itertools import islice

import numpy as np

from hepml_lib.samples import pythia
from hepml_lib.samples.recipes import top_jets

BATCHES = 4
SEED = 890_000_001
GOAL = 0.40


def next_alone(card: str, events: int, hook: object = None) -> float:
    """CPU seconds of so many calls of `next()`."""
    generator = pythia.start(card, SEED, hook)
    start = time.process_time()
    for _ in range(events):
        generator.next()
    return time.process_time() - start


def chain(process: int) -> tuple[float, int]:
    """CPU seconds and jets of the whole chain."""
    card, rng = top_jets.CARDS[process], np.random.default_rng(SEED)
    hook = top_jets.hook()
    source = pythia.batches(card, SEED, top_jets.BATCH, hook)
    # The first batch pays for the start of Pythia and for imports.
    top_jets.select(next(source), process, rng)
    start = time.process_time()
    jets = sum(len(top_jets.select(batch, process, rng)["pt"]) for batch in islice(source, BATCHES))
    return time.process_time() - start, jets


def main() -> None:
    """Print one line per process."""
    for process, name in ((top_jets.QCD, "QCD"), (top_jets.TOP, "top")):
        card = top_jets.CARDS[process]
        hook = top_jets.hook()
        accepted = next_alone(card, BATCHES * top_jets.BATCH, hook)
        alone = next_alone(card, hook.tried)
        seconds, jets = chain(process)
        overhead = seconds / accepted - 1
        verdict = "within" if overhead <= GOAL else "beyond"
        print(
            f"{name}: {hook.tried} collisions: next() {alone:.2f} s, with veto {accepted:.2f} s, "
            f"chain {seconds:.2f} s; overhead {overhead:.0%} ({verdict} {GOAL:.0%}), "
            f"over next() without veto {seconds / alone - 1:.0%}; {jets / seconds:.0f} jets/s"
        )


if __name__ == "__main__":
    main()
