"""Making committed samples again: the same hashes, or elsewhere the same physics, and no less."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import awkward as ak
import numpy as np
import pytest
from typer.testing import CliRunner

from hepml_lib import cli, samples
from hepml_lib.samples import catalogue
from hepml_lib.samples.recipe import SPLITS
from hepml_lib.samples.recipes import top_jets


def make(chunk, entries, stream=0, scale=1.0, fail=()):
    """A Z peak and some jets; `made` notes which chunks are asked for."""
    made.append((chunk.split, chunk.index))
    if (chunk.split, chunk.index) in fail:
        raise RuntimeError("the power failed")
    rng = chunk.rng(stream)
    numbers = rng.poisson(4, entries)
    momenta = rng.exponential(30, numbers.sum()).astype(np.float32)
    return {
        "event": ak.Array(chunk.event(0) + np.arange(entries)),
        "split": ak.Array(np.full(entries, chunk.code, np.int8)),
        "mass": ak.Array((scale * rng.normal(91.2, 2.5, entries)).astype(np.float32)),
        "jets_pt": ak.unflatten(momenta, numbers),
    }


made: list[tuple[str, int]] = []

TOY = replace(
    top_jets.RECIPE,
    name="toy",
    cards=(),
    packages=("numpy",),
    chunk=500,
    committed={"train": 1000, "validation": 500, "test": 1000},
    make=make,
)


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Make one sample known, in an empty data folder and cache."""
    monkeypatch.setenv("HEPML_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "_RECIPES", {})
    made.clear()

    def now(**changes):
        catalogue._RECIPES["toy"] = replace(TOY, **changes)
        return tmp_path

    return now


def again():
    (result,) = samples.reproduce(workers=1)
    return result


def edit(place, old, new):
    path = place / "data" / "manifest.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_all_is_made_anew_and_has_the_hashes_of_the_manifest(known):
    place = known()
    samples.build("toy", workers=1)
    made.clear()
    result = again()
    assert result.good
    assert str(result) == "toy: reproduced, every column has the hash of the manifest"
    # The user's cache, which holds every chunk, is no evidence.
    assert sorted(made) == [("test", 0), ("test", 1), ("train", 0), ("train", 1), ("validation", 0)]
    assert not list((place / "cache" / "reproduced").rglob("*.root"))


def test_an_interrupted_run_resumes(known):
    known()
    samples.build("toy", workers=1)
    known(make=partial(make, fail=[("validation", 0)]))
    with pytest.raises(RuntimeError, match="power"):
        again()
    known()
    made.clear()
    assert again().good
    assert sorted(made) == [("test", 0), ("test", 1), ("validation", 0)]


def test_elsewhere_the_same_physics_is_good(known):
    place = known(make=partial(make, stream=1))
    samples.build("toy", workers=1)
    known()
    edit(place, f'numpy = "{np.__version__}"', 'numpy = "1.0"')
    result = again()
    assert result.good
    assert result.differing == ("jets_pt", "mass")
    assert f"numpy {np.__version__} here, 1.0 there" in str(result)
    assert "all 5 distributions agree" in str(result)


def test_elsewhere_other_physics_is_not(known):
    place = known(make=partial(make, scale=1.01))
    samples.build("toy", workers=1)
    known()
    edit(place, f'numpy = "{np.__version__}"', 'numpy = "1.0"')
    result = again()
    assert not result.good
    assert list(result.outliers) == ["mass"]
    assert "distributed otherwise: mass" in str(result)


def test_in_the_same_place_other_bits_are_not_good(known, monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    known(make=partial(make, stream=1))
    samples.build("toy", workers=1)
    known()
    result = again()
    assert result.changes == ()
    assert not result.outliers
    assert not result.good
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    result = again()
    assert result.good
    assert "Linux arm64 here, Linux x86_64 there" in str(result)


@pytest.mark.parametrize(
    "change", [{"version": 9}, {"committed": dict.fromkeys(SPLITS, 500)}], ids=["version", "sizes"]
)
def test_a_file_of_another_recipe_is_not_compared(known, change):
    known()
    samples.build("toy", workers=1)
    known(**change)
    made.clear()
    result = again()
    assert not result.good
    assert "build it again" in str(result)
    assert not made


def test_without_the_file_its_hashes_are_compared_all_the_same(known):
    place = known()
    samples.build("toy", workers=1).unlink()
    assert again().good
    edit(place, 'mass = "', 'mass = "0')
    result = again()
    assert not result.good
    assert "is not there to compare" in str(result)


def test_what_is_not_committed_is_left_out(known):
    known()
    assert list(samples.reproduce()) == []
    with pytest.raises(OSError, match=r"no entry for samples/toy\.root"):
        list(samples.reproduce(["toy"]))
    with pytest.raises(ValueError, match="did you mean 'toy'"):
        list(samples.reproduce(["toi"]))


def test_the_command_prints_a_line_for_each_and_fails_if_one_does(known):
    place = known()
    samples.build("toy", workers=1)
    passed = CliRunner().invoke(cli.app, ["data", "make", "--all", "--workers", "1"])
    assert passed.exit_code == 0
    assert "toy: reproduced" in passed.output
    edit(place, "recipe_version = ", "recipe_version = 1")
    failed = CliRunner().invoke(cli.app, ["data", "make", "toy", "--all"])
    assert failed.exit_code == 1
    assert "build it again" in failed.output
