from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml_lib import formats

NAME = "cms_nano_dy.root"


@pytest.fixture(scope="module")
def events(real):
    return formats.read(real(NAME))


def test_drell_yan_has_its_z_boson(events):
    leptons = ak.concatenate(
        [events.electrons[ak.num(events.electrons) == 2], events.muons[ak.num(events.muons) == 2]]
    )
    opposite = leptons[ak.sum(leptons.charge, axis=1) == 0]
    masses = ak.to_numpy((opposite[:, 0] + opposite[:, 1]).mass)
    assert np.median(masses) == pytest.approx(91.2, abs=4)
    bosons = events.generated_particles[events.generated_particles.pdg == 23]
    assert ak.mean(bosons.mass) == pytest.approx(91.2, abs=3)


def test_fields_and_units(events, real):
    assert {"event", "run", "luminosity_block", "weight", "jets", "met"} <= set(events.fields)
    assert events.jets.fields[:4] == ["pt", "eta", "phi", "mass"]
    assert ak.type(events.electrons.charge).content.content.primitive == "int8"
    assert set(ak.flatten(events.jets.flavour).to_list()) <= {0, 4, 5}
    # NanoAOD keeps jets above 15 GeV, its photons have no mass.
    assert ak.min(events.jets.pt) > 15
    assert ak.max(events.photons.mass) == 0
    assert np.all(events.met.pt > 0)
    assert ak.all(events.fat_jets.tau_2 <= events.fat_jets.tau_1)
    with uproot.open(real(NAME)) as file:
        assert ak.array_equal(events.jets.pt, file["Events"]["Jet_pt"].array())


def test_vector_hides_no_field(events):
    for collection in events.fields:
        records = events[collection]
        for field in records.fields:
            assert ak.array_equal(getattr(records, field), records[field]), (collection, field)


def test_data_have_no_generator(tmp_path):
    """Collisions have no weights and no truth; later versions call the missing momentum PFMET."""
    columns = {"run": np.uint32([1, 1]), "luminosityBlock": np.uint32([1, 1])}
    columns |= {"event": np.uint64([7, 8]), "PFMET_pt": np.float32([20, 30])}
    columns["PFMET_phi"] = np.float32([0, 1])
    momentum = ak.Array([[{"pt": 50.0, "eta": 0.1, "phi": 0.2, "mass": 5.0}], []])
    collections = {"Jet": momentum}
    for name, charge in (("Electron", -1), ("Muon", 1)):
        collections[name] = ak.with_field(momentum, ak.full_like(momentum.pt, charge), "charge")
    types = {name: ak.type(ak.Array(c)).content for name, c in (columns | collections).items()}
    with uproot.recreate(tmp_path / "data.root") as file:
        file.mktree("Events", types).extend(columns | collections)
    events = formats.read(tmp_path / "data.root")
    assert events.fields == [
        "event",
        "run",
        "luminosity_block",
        "jets",
        "electrons",
        "muons",
        "pf_met",
    ]
    assert events.event.to_list() == [7, 8]
    assert events.muons.charge.to_list() == [[1], []]
    assert events.pf_met.pt.to_list() == [20, 30]
