"""What holds for the chunks of every sample, and for their data cards."""

from __future__ import annotations

import shutil
import tomllib

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.samples import catalogue, datacard, storage

PROBES = {
    "calorimeter_showers": "energy",
    "collisions": "candidates_pt",
    "dijet_resonance": "jets_pt",
    "htautau": "PRI_tau_pt",
    "jet_response": "mu",
    "measurement_events": "met_pt",
    "multijet_search": "ht",
    "tracking_events": "vertices_z",
    "trigger_events": "offline_met",
    "ttbar_hadronic": "quarks_pt",
    "tth_events": "met_pt",
    "zjets_nature": "generated_pt",
    "zjets_simulation": "generated_pt",
}
"""A column that no two events share; of samples of jets it is `pt`."""

names = pytest.mark.parametrize("name", catalogue.names())


# What Fatras makes is made again where it is tested that nothing is left behind.
@pytest.mark.parametrize("name", [name for name in catalogue.names() if name != "tracking_events"])
def test_a_chunk_is_made_again_alike(name, small_chunk, make_again):
    assert storage.content(small_chunk(name)) == storage.content(make_again(name))


@names
def test_another_chunk_holds_other_events(name, small_chunk):
    recipe, probe = catalogue.definition(name), PROBES.get(name, "pt")
    file = settings.data_dir() / "samples" / f"{name}.root"
    committed = storage.read(file, {"event", probe, probe.partition("_")[0]})
    first, second = (
        {column: committed[column][start : start + recipe.chunk] for column in ("event", probe)}
        for start in (0, recipe.chunk)
    )
    chunks = (first, second, small_chunk(name))
    for i, one in enumerate(chunks):
        for other in chunks[i + 1 :]:
            assert not len(np.intersect1d(one["event"], other["event"]))
            values = [ak.to_numpy(ak.flatten(chunk[probe], axis=None)) for chunk in (one, other)]
            few = min(map(len, values))
            assert not np.array_equal(values[0][:few], values[1][:few])


@names
def test_every_field_of_a_chunk_is_on_the_data_card(name, small_chunk):
    recipe = catalogue.definition(name)
    assert set(recipe.decode(small_chunk(name)).fields) == set(recipe.fields)


def test_data_cards_come_from_the_package_where_a_folder_has_none(tmp_path, monkeypatch):
    expected = samples.describe("zjets_nature").splitlines()
    shutil.copytree(settings.data_dir() / "cards", tmp_path / "cards")
    shutil.copy(settings.data_dir() / "manifest.toml", tmp_path)
    monkeypatch.setenv("HEPML_DATA", str(tmp_path))
    # Without the file there is nothing to say of its size.
    card = samples.describe("zjets_nature").splitlines()
    assert [line for line in expected if line not in card] == expected[-4:-2]
    path = tmp_path / "samples" / "zjets_nature.toml"
    path.parent.mkdir()
    path.write_text('title = "mine"\ntext = "Definition"\n[fields]\npt = "float32  GeV  mine"\n')
    assert datacard.read("zjets_nature").title == "mine"
    path.write_text('title = "mine"\n')
    with pytest.raises(ValueError, match=r"zjets_nature\.toml has no 'text'"):
        datacard.read("zjets_nature")
    path.write_text("title = mine\n")
    with pytest.raises(ValueError, match=r"zjets_nature\.toml is no data card"):
        datacard.read("zjets_nature")


def test_a_sample_without_a_data_card_says_where_it_should_be():
    with pytest.raises(FileNotFoundError, match=r"no_sample\.toml.*restore it"):
        datacard.read("no_sample")


@pytest.mark.parametrize("target", ["sdist", "wheel"])
def test_packages_carry_the_data_cards(root, target):
    build = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    carried = {
        path.stem
        for pattern in build["targets"][target]["include"]
        for path in root.glob(pattern)
        if path.parent.name == "samples" and path.suffix == ".toml"
    }
    assert carried == set(catalogue.names())


def test_both_samples_with_a_z_say_the_same():
    nature, simulation = (datacard.read(f"zjets_{name}") for name in ("nature", "simulation"))
    assert nature.text == simulation.text
    assert nature.fields == simulation.fields
