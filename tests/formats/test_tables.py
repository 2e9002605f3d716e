from __future__ import annotations

import awkward as ak
import h5py
import numpy as np
import pytest
import uproot

from hepml_lib.formats.tables import tables, unknown


def test_every_container_is_told_by_its_content(tmp_path, write_frame):
    # No ending tells anything here.
    root, hdf5, csv = (tmp_path / name for name in ("a", "b", "c"))
    with uproot.recreate(root) as file:
        file.mktree("Events", {"run": "uint32"}).extend({"run": np.arange(3, dtype=np.uint32)})
        file.mkrntuple("more", ak.Array({"pt": [[1.5], [], [2.5]]}).layout.form).extend(
            ak.Array({"pt": [[1.5], [], [2.5]]})
        )
        file["note"] = "not a tree"
    write_frame(hdf5, "df", {"pt": np.array([1.5])}, "table")
    with h5py.File(hdf5, "a") as file:
        file["INPUTS/jets/pt"] = np.array([2.5])
    csv.write_text("pt,eta\n3.5,0\n")

    found = [(t.container, t.name, t.columns) for path in (root, hdf5, csv) for t in tables(path)]
    assert found == [
        ("ROOT", "Events", ("run",)),
        ("ROOT", "more", ("pt",)),
        ("pandas", "df", ("pt",)),
        ("HDF5", "", ("INPUTS", "INPUTS/jets", "INPUTS/jets/pt")),
        ("CSV", "", ("pt", "eta")),
    ]
    assert tables(root)[1].read(["pt"], 1)["pt"].tolist() == [[1.5]]
    assert tables(hdf5)[1].read(["INPUTS/jets/pt"], None)["INPUTS/jets/pt"].tolist() == [2.5]
    assert tables(csv)[0].read(["pt", "pt"], 5)["pt"].tolist() == [3.5]


def test_a_missing_branch_gives_the_nearest_and_all(tmp_path):
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"Jet_pt": "float32", "Jet_mass": "float32"})
    with pytest.raises(ValueError, match=r"no branch 'Jet_mas'; did you mean 'Jet_mass'.*Jet_pt"):
        tables(path)[0].read(["Jet_mas"], None)


def test_of_thousands_of_branches_the_likely_ones_are_listed():
    known = [f"HLT_path{i}" for i in range(3000)] + ["Jet_pt", "Jet_mass", "Muon_mass"]
    message = unknown("branch", "Jet_masss", known)
    assert "did you mean 'Jet_mass'?" in message
    assert "Jet_pt" in message
    assert message.endswith("and 3001 more")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        tables(tmp_path / "none.root")
