from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml_lib import formats

NAME = "atlas_PHYSLITE_example.root"


@pytest.fixture(scope="module")
def events(real):
    return formats.read(real(NAME))


def test_z_bosons_in_gev(events):
    pairs = events.electrons[ak.num(events.electrons) == 2]
    pairs = pairs[ak.sum(pairs.charge, axis=1) == 0]
    masses = ak.to_numpy((pairs[:, 0] + pairs[:, 1]).mass)
    assert len(masses) > 15
    assert np.median(masses) == pytest.approx(91.2, abs=3)


def test_fields_and_units(events, real):
    assert events.jets.fields[:4] == ["pt", "eta", "phi", "mass"]
    with uproot.open(real(NAME)) as file:
        stored = file["CollectionTree"]["AnalysisJetsAuxDyn.pt"].array()
    np.testing.assert_allclose(ak.flatten(events.jets.pt), ak.flatten(stored) / 1000, rtol=1e-6)
    assert ak.max(events.electrons.mass) == pytest.approx(0.000511, rel=1e-3)
    # A muon's mass is not in the file.
    assert (
        ak.min(events.muons.mass) == ak.max(events.muons.mass) == pytest.approx(0.10566, rel=1e-4)
    )
    assert set(ak.flatten(events.taus.charge).to_list()) <= {-3, -1, 0, 1, 3}
    assert events.channel.to_list() == [700322] * 100
    assert np.all(np.isfinite(events.weight))
