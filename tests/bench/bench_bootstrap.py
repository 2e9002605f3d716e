"""Time of an area with its interval on a million scores: python tests/bench/bench_bootstrap.py."""

from __future__ import annotations

import time

import numpy as np

from hepml_lib import metrics

BUDGET_SECONDS = 5.0


def main() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 1_000_000)
    scores = rng.normal(2.5 * labels)
    other = scores + rng.normal(0, 0.5, len(scores))
    measured = {
        "auc": lambda: metrics.auc(scores, labels),
        "auc, two jets an event": lambda: metrics.auc(
            scores, labels, events=np.arange(len(scores)) // 2
        ),
        "auc, weighted": lambda: metrics.auc(scores, labels, weights=rng.random(len(scores))),
        "rejection": lambda: metrics.rejection(scores, labels),
        "roc_band": lambda: metrics.roc_band(scores, labels),
        "compare auc": lambda: metrics.compare(metrics.auc, scores, other, labels),
    }
    for name, figure in measured.items():
        start = time.perf_counter()
        figure()
        seconds = time.perf_counter() - start
        verdict = "" if seconds <= BUDGET_SECONDS else f"  over {BUDGET_SECONDS:g} s"
        print(f"{name:24s} 1,000,000 scores, 200 replicas: {seconds:5.2f} s{verdict}")


if __name__ == "__main__":
    main()
