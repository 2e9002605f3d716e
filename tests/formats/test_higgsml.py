"""A small file of the layout of https://doi.org/10.7483/OPENDATA.ATLAS.ZBP2.M5T8."""

from __future__ import annotations

import gzip

import awkward as ak
import pytest

from hepml_lib import formats

HEADER = (
    "EventId,DER_mass_MMC,DER_mass_vis,PRI_tau_pt,PRI_tau_eta,PRI_tau_phi,PRI_lep_pt,PRI_lep_eta,"
    "PRI_lep_phi,PRI_met,PRI_met_phi,PRI_met_sumet,PRI_jet_num,PRI_jet_leading_pt,"
    "PRI_jet_leading_eta,PRI_jet_leading_phi,PRI_jet_subleading_pt,PRI_jet_subleading_eta,"
    "PRI_jet_subleading_phi,PRI_jet_all_pt"
)
JETS = "67.4,2.1,0.4,46.1,1.2,-2.4"
NONE = "-999.0,-999.0,-999.0,-999.0,-999.0,-999.0"
ROWS = (
    f"100000,138.47,97.8,32.6,1.0,0.4,51.7,2.3,-2.4,16.8,-0.3,258.7,2,{JETS},113.5",
    f"100001,-999.0,103.2,42.0,2.0,-3.0,36.9,0.5,0.0,44.7,-1.9,164.5,0,{NONE},-0.0",
)
EXTRA = (",Weight,Label,KaggleSet,KaggleWeight", ",0.0008,s,t,0.0026", ",0.6811,b,v,2.2336")


def test_undefined_values_are_none(tmp_path):
    text = "\n".join(row + extra for row, extra in zip((HEADER, *ROWS), EXTRA, strict=True))
    path = tmp_path / "higgs.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert formats.detect(path) == "higgsml"
    events = formats.read(path)
    assert events.DER_mass_MMC.to_list() == [138.47, None]
    assert events.PRI_jet_leading_pt.to_list() == [67.4, None]
    assert events.PRI_jet_num.to_list() == [2, 0]
    assert ak.num(events.jets).to_list() == [2, 0]
    assert events.jets.pt.to_list() == [[67.4, 46.1], []]
    assert events.event.to_list() == [100000, 100001]
    assert events.label.to_list() == [1, 0]
    assert events.label.type.content.primitive == "int8"
    assert events.weight.to_list() == [0.0008, 0.6811]
    assert events.set.to_list() == ["t", "v"]
    assert events.met.pt.to_list() == [16.8, 44.7]
    assert events.tau.eta.to_list() == [1.0, 2.0]
    assert (events.tau + events.lepton).mass[0] > events.tau.pt[0]
    assert len(formats.read(path, events=1)) == 1


def test_the_test_set_has_no_labels(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("\n".join((HEADER, *ROWS)) + "\n")
    events = formats.read(path)
    assert {"label", "weight", "set"}.isdisjoint(events.fields)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("\n".join((HEADER.replace("PRI_lep_eta", "PRI_lep_Eta"), *ROWS)))
    with pytest.raises(ValueError, match="no column 'PRI_lep_eta'; did you mean 'PRI_lep_Eta'"):
        formats.read(path)
