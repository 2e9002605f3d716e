"""A small file of the layout that jet-universe/particle_transformer's `dataloader.py` lists."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml_lib import formats
from hepml_lib.formats import jetclass


@pytest.fixture
def jets():
    """Three jets: a top of two massless particles, QCD of one pion, and a Higgs of one muon."""
    columns = {
        "part_px": [[300.0, 300.0], [500.0], [400.0]],
        "part_py": [[40.0, -40.0], [0.0], [0.0]],
        "part_pz": [[0.0, 0.0], [100.0], [0.0]],
        "part_energy": [[np.hypot(300, 40)] * 2, [np.sqrt(500**2 + 100**2 + 0.1396**2)], [400.0]],
        "part_charge": [[0.0, 1.0], [-1.0], [1.0]],
        "part_deta": [[0.0, 0.0], [0.0], [0.0]],
        "part_dphi": [[0.1, -0.1], [0.0], [0.0]],
    }
    columns |= {
        f"part_{q}": [[0.0, 0.1], [0.02], [0.03]] for q in ("d0val", "d0err", "dzval", "dzerr")
    }
    flags = {
        "Photon": [[1, 0], [0], [0]],
        "ChargedHadron": [[0, 1], [1], [0]],
        "Muon": [[0, 0], [0], [1]],
    }
    for kind in ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon"):
        columns[f"part_is{kind}"] = flags.get(kind, [[0, 0], [0], [0]])
    for label in jetclass.LABELS:
        columns[f"label_{label}"] = [label == "Tbqq", label == "QCD", label == "Hbb"]
    columns |= {
        "jet_pt": [600.0, 500.0, 400.0],
        "jet_eta": [0.0, np.arcsinh(0.2), 0.0],
        "jet_phi": [0.0, 0.0, 0.0],
        "jet_energy": [2 * np.hypot(300, 40), np.hypot(500, 100), 400.0],
        "jet_nparticles": [2.0, 1.0, 1.0],
        "jet_sdmass": [79.0, 0.0, 0.0],
    }
    columns |= {f"jet_tau{n}": [0.1 / n, 0.0, 0.0] for n in range(1, 5)}
    return {
        name: ak.values_astype(ak.Array(values), bool if name.startswith("label") else np.float32)
        for name, values in columns.items()
    }


def write(path, columns):
    with uproot.recreate(path) as file:
        file.mktree("tree", {n: c.type.content for n, c in columns.items()}).extend(columns)
    return path


def test_jets_have_the_fields_of_our_samples(tmp_path, jets):
    found = formats.read(write(tmp_path / "x", jets))
    assert formats.detect(tmp_path / "x") == "jetclass"
    assert [jetclass.LABELS[label] for label in found.label] == ["Tbqq", "QCD", "Hbb"]
    assert found.event.to_list() == [0, 1, 2]
    assert found.mass[0] == pytest.approx(80.0, rel=1e-3)
    constituents = found.constituents
    assert constituents.fields[:4] == ["pt", "eta", "phi", "mass"]
    assert constituents.kind.to_list() == [[2, 0], [0], [4]]
    assert constituents.charge.to_list() == [[0, 1], [-1], [1]]
    assert constituents.pt[0].to_list() == pytest.approx([np.hypot(300, 40)] * 2)
    assert constituents.eta[1, 0] == pytest.approx(np.arcsinh(0.2))
    assert ak.sum(constituents.px[0]) == pytest.approx(600)
    assert (constituents[0, 0] + constituents[0, 1]).mass == pytest.approx(found.mass[0], rel=1e-3)
    assert len(formats.read(tmp_path / "x", events=2)) == 2


def test_a_jet_of_two_kinds_is_refused(tmp_path, jets):
    jets["label_QCD"] = ak.Array([True, True, False])
    with pytest.raises(ValueError, match="jet 0 has 2 labels instead of one"):
        formats.read(write(tmp_path / "x.root", jets))
