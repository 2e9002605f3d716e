"""pyproject.toml, constraints.txt, environment.yml and the Makefile describe one environment."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_EXTRAS = _PROJECT["optional-dependencies"]
_DIRECT = [
    Requirement(text) for group in (_PROJECT["dependencies"], *_EXTRAS.values()) for text in group
]
# Installed where there is a wheel; everything works without.
_OPTIONAL = {"tracking": "pyacts"}
# What makes the book what it is; a later edit must not lose one of these.
_HEART = ("awkward", "hist", "hls4ml", "ipywidgets", "jupyter-book", "jupyterlab", "mplhep")
_HEART += ("torch", "torch-geometric", "uproot")


def _pins() -> dict[str, Requirement]:
    lines = (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _version(pin: Requirement) -> str:
    return next(iter(pin.specifier)).version


def test_every_constraint_is_one_exact_version_and_sorted() -> None:
    names = list(_pins())
    assert names == sorted(names)
    for pin in _pins().values():
        assert re.fullmatch(r"==[^=*,]+", str(pin.specifier)), f"{pin} is not an exact version"


@pytest.mark.parametrize("requirement", _DIRECT, ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_inside_its_range(requirement: Requirement) -> None:
    pin = _pins().get(canonicalize_name(requirement.name))
    assert pin is not None, f"constraints.txt does not pin {requirement.name}"
    assert requirement.specifier.contains(_version(pin)), f"{requirement} excludes {pin}"
    assert any(part.operator == ">=" for part in requirement.specifier), "state the oldest version"


def test_the_heart_of_the_book_is_there() -> None:
    assert set(_HEART) <= {canonicalize_name(requirement.name) for requirement in _DIRECT}
    assert _version(_pins()["jupyter-book"]) == "1.0.4.post1", "version 2 ignores _toc.yml"


def test_conda_users_get_the_same_environment() -> None:
    environment = yaml.safe_load((_ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, last = environment["dependencies"]
    pip = last["pip"]
    assert "-c constraints.txt" in pip
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    installed = re.search(r"--editable '\.\[([\w,]+)\]'", makefile)
    assert installed is not None
    assert set(installed[1].split(",")) == set(_EXTRAS) - set(_OPTIONAL)
    for extra in _OPTIONAL:
        assert re.search(rf"\t-.*--only-binary :all: --editable '\.\[{extra}\]'", makefile)
    assert f"-e .[{installed[1]}]" in pip
    index = re.search(r"CPU_TORCH := (\S+)", makefile)
    assert index is not None
    assert f"--extra-index-url {index[1]}" in pip
    python = next(text for text in conda if text.startswith("python="))
    assert SpecifierSet(_PROJECT["requires-python"]).contains(python.partition("=")[2] + ".0")


def test_supported_pythons_agree() -> None:
    """pyproject.toml, its classifiers, the Makefile and the wheel check name the same versions."""
    admitted = SpecifierSet(_PROJECT["requires-python"])
    versions = [f"3.{minor}" for minor in range(30) if admitted.contains(f"3.{minor}.0")]
    prefix = "Programming Language :: Python :: "
    listed = [text for text in _PROJECT["classifiers"] if text.startswith(prefix)]
    assert [text.removeprefix(prefix) for text in listed] == versions
    first, last = (version.replace(".", ", ") for version in (versions[0], versions[-1]))
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"not ({first}) <= sys.version_info[:2] <= ({last})" in makefile
    checked = re.search(r"_PYTHONS = \((.*)\)", (_ROOT / ".ci" / "wheels.py").read_text("utf-8"))
    assert checked is not None
    assert re.findall(r"[\d.]+", checked[1]) == versions


def test_the_version_is_the_same_everywhere() -> None:
    import hepml_lib

    citation = yaml.safe_load((_ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == hepml_lib.__version__


def test_the_browser_driver_is_pinned() -> None:
    folder = _ROOT / "tests" / "browser"
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert locked[f"node_modules/{name}"]["version"] == version


def _has(name: str) -> bool:
    """Whether a distribution is installed; the project's own is so in the environment of `make`."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(
    not _has(_PROJECT["name"]), reason="hepml-book is not installed: not `make`'s .venv"
)
def test_the_installed_versions_are_the_pins() -> None:
    wrong = []
    for name, pin in _pins().items():
        if pin.marker is None or pin.marker.evaluate():
            try:
                found = importlib.metadata.version(name).partition("+")[0]
            except importlib.metadata.PackageNotFoundError:
                found = "nothing"
            missing = found == "nothing" and name in _OPTIONAL.values()
            if found != _version(pin) and not missing:
                wrong.append(f"{pin} is pinned, {found} is installed")
    assert not wrong


@pytest.mark.parametrize("requirement", _DIRECT, ids=lambda requirement: requirement.name)
def test_every_dependency_can_be_imported(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    if name in _OPTIONAL.values() and not _has(name):
        pytest.skip(f"{name} has no wheel here")
    modules = [
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if name in map(canonicalize_name, distributions)
    ]
    assert modules, f"{requirement.name} is not installed"
    assert any(importlib.util.find_spec(module) is not None for module in modules)
