from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import uproot

from hepml_lib import formats

REAL = {
    "cms_nano_dy.root": ("nanoaod", None),
    "atlas_PHYSLITE_example.root": ("physlite", None),
    "spanet_ttH_semilep_example.h5": ("spanet", 1000),
    "trackml_event000000001-hits.csv.gz": ("trackml_hits", 5527),
    "trackml_event000000001-cells.csv.gz": ("trackml_cells", 18564),
    "trackml_event000000001-particles.csv.gz": ("trackml_particles", 548),
    "trackml_event000000001-truth.csv.gz": ("trackml_truth", 5527),
    "trackml_detectors.csv.gz": ("trackml_detectors", 18728),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_known_whatever_they_are_called(tmp_path, real, name):
    format, entries = REAL[name]
    path = shutil.copy(real(name), tmp_path / "file")
    assert formats.detect(path) == format
    if entries is not None:  # the others are read by tests of their own
        assert len(formats.read(path)) == entries


@pytest.mark.parametrize(
    "name", ["spanet_ttH_semilep_example.h5", "trackml_event000000001-hits.csv.gz"]
)
def test_the_first_events_are_the_same_events(real, name):
    every = formats.read(real(name))
    for events in (0, 7):
        some = formats.read(real(name), events=events)
        assert len(some) == events
        assert some.type.content == every.type.content
        assert some.to_list() == every[:events].to_list()


def test_an_unknown_file_says_what_it_holds_and_what_is_known(real):
    with pytest.raises(ValueError, match="is in no known format") as caught:
        formats.read(real("cms_dimuons_100k.hdf5"))
    message = str(caught.value)
    assert "electrons/px" in message
    for name in formats.FORMATS:
        assert f"{name}: " in message


def test_two_formats_in_a_file_are_not_guessed(tmp_path, write_frame):
    features = {name: np.ones(2) for name in formats.FORMATS["olympics_features"].columns}
    path = write_frame(tmp_path / "both.h5", "df", features, "fixed")
    with h5py.File(path, "a") as file:
        file["INPUTS/Source/pt"] = file["TARGETS/t1/b"] = np.zeros(2)
    with pytest.raises(
        ValueError, match=r"fits several.*olympics_features \(df\), spanet \(HDF5\)"
    ):
        formats.read(path)
    with pytest.raises(ValueError, match="there is no column 'pxj2'; did you mean 'pxj1'"):
        formats.read(path, format="olympics_features")


def test_an_asked_format_must_fit(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("pt,eta\n1,2\n")
    with pytest.raises(
        ValueError, match="(?s)no known format.*CSV with pt, eta.*higgsml: ATLAS"
    ) as e:
        formats.read(path, format="higgsml")
    assert "spanet" not in str(e.value)
    with pytest.raises(ValueError, match="no format 'higgs_ml'; did you mean 'higgsml'"):
        formats.read(path, format="higgs_ml")
    with pytest.raises(ValueError, match="events is -1; it must not be negative"):
        formats.read(path, events=-1)


def test_a_missing_branch_gives_the_nearest_name(tmp_path):
    path = tmp_path / "skim.root"
    with uproot.recreate(path) as file:
        tree = file.mktree(
            "Events",
            dict.fromkeys(("run", "luminosityBlock", "event", "nJet"), "uint32")
            | {f"Jet_{q}": "float32" for q in ("pt", "eta", "phi", "Mass")},
        )
        assert tree is not None
    with pytest.raises(ValueError, match=r"no branch 'Jet_mass'; did you mean 'Jet_Mass'.*Jet_pt"):
        formats.read(path)


def test_a_damaged_file_is_named(tmp_path, real):
    whole = real("atlas_PHYSLITE_example.root").read_bytes()
    path = tmp_path / "short.root"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match=r"short\.root"):
        formats.read(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        formats.read(tmp_path / "none.root")
