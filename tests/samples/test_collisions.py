"""The few whole events of `collisions`: their jets are those of their candidates."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib import samples
from hepml_lib.samples.recipe import Chunk
from hepml_lib.samples.recipes import collisions


def test_jets_are_sums_of_candidates() -> None:
    fastjet = pytest.importorskip("fastjet")
    event = samples.load("collisions", split="train")[1]
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, collisions.RADIUS)
    found = fastjet.ClusterSequence(event.candidates, definition).inclusive_jets(collisions.JET_PT)
    pt = np.sort(np.hypot(found.px, found.py).to_numpy())[::-1]
    np.testing.assert_allclose(event.jets.pt.to_numpy(), pt, rtol=1e-4)


def test_top_pairs_and_dijets_alternate_and_share_no_event() -> None:
    events = samples.load("collisions")
    assert events.label.to_list() == [0, 1] * 16
    assert len(set(events.event.to_list())) == 32


def test_the_committed_events_can_be_made_again() -> None:
    pytest.importorskip("pythia8mc")
    columns = collisions.make(Chunk(collisions.RECIPE.number, "train", 0), 8)
    made, held = collisions.RECIPE.decode(columns), samples.load("collisions", split="train")[:8]
    assert made.event.to_list() == held.event.to_list()
    assert made.candidates.pt.to_list() == held.candidates.pt.to_list()
