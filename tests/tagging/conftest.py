"""Made-up jets with the documented fields: enough structure to run the code, no physics claim."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest


def _made_up_jets(events: int, seed: int = 1, split: int = 0, first: int = 0) -> ak.Array:
    """Label 1: constituents around three directions; label 0: around one."""
    rng = np.random.default_rng(seed)
    label = np.arange(events) % 2
    counts = rng.integers(15, 60, events)
    owner = np.repeat(np.arange(events), counts)
    prong = rng.integers(0, 3, len(owner))
    centre = rng.normal(0, 0.35, (events, 3, 2)) * label[:, None, None]
    axis = np.stack([rng.uniform(-1.5, 1.5, events), rng.uniform(-np.pi, np.pi, events)], axis=1)
    angle = axis[owner] + centre[owner, prong] + rng.normal(0, 0.08, (len(owner), 2))
    share = rng.exponential(1, len(owner)) ** 2 + 1e-3
    pt = 600 * share / np.bincount(owner, share)[owner] + 0.5

    def record(columns, name="Momentum4D"):
        return ak.zip(columns, with_name=name, depth_limit=None)

    constituents = ak.unflatten(
        record(
            {
                "pt": pt,
                "eta": angle[:, 0],
                "phi": (angle[:, 1] + np.pi) % (2 * np.pi) - np.pi,
                "mass": np.zeros(len(owner)),
                "charge": rng.integers(-1, 2, len(owner)).astype(np.int8),
                "kind": rng.integers(0, 5, len(owner)).astype(np.int8),
            }
        ),
        counts,
    )
    constituents = constituents[ak.argsort(constituents.pt, axis=1, ascending=False)]
    return ak.zip(
        {
            "pt": ak.sum(constituents.pt, axis=1),
            "eta": axis[:, 0],
            "phi": axis[:, 1],
            "mass": rng.normal(60 + 110 * label, 15).clip(5),
            "label": label.astype(np.int8),
            "event": np.arange(first, first + events),
            "split": np.full(events, split, np.int8),
            "constituents": constituents,
        },
        with_name="Momentum4D",
        depth_limit=1,
    )


@pytest.fixture(scope="session")
def made_up_jets():
    return _made_up_jets
