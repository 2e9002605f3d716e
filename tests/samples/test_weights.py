"""Weights of a process add up to its cross section."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib.samples.weights import event_weights


def test_weights_of_a_process_add_up_to_its_cross_section():
    rng = np.random.default_rng(1)
    process = rng.integers(0, 3, 500)
    sigma = np.array([2.5, 1e6, 40.0])
    events = ak.zip(
        {"process": process, "cross_section": sigma[process], "weight": rng.exponential(1, 500)}
    )
    found = event_weights(events)
    assert np.bincount(process, found) == pytest.approx(sigma)
    # Within a process the generator's weights decide.
    first = process == 0
    assert np.ptp(found[first] / ak.to_numpy(events.weight)[first]) == pytest.approx(0, abs=1e-12)


def test_a_sample_without_normalisation_is_refused():
    with pytest.raises(ValueError, match="no cross_section, process"):
        event_weights(ak.zip({"pt": [1.0], "weight": [1.0]}))
