"""Check that the pinned environment can be installed on every platform that the README names.

Asks the package index, so it is run by hand (`make wheels`), not by the tests. For each platform
and Python it prints the pins without a wheel (they are compiled there), the requirements that no
pin covers, and the pins that break a requirement.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parent.parent
_LINUX = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_24_x86_64"]
_LINUX += ["manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_12_x86_64"]
_LINUX += ["manylinux2010_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"]
_MAC = [
    f"macosx_{major}_0_{kind}" for major in range(15, 10, -1) for kind in ("arm64", "universal2")
]
_MAC += [f"macosx_10_{minor}_universal2" for minor in (15, 13, 12, 9)]
_PLATFORMS = {"linux": _LINUX, "darwin": _MAC}
_PYTHONS = ("3.11", "3.12", "3.13")
# torch for graphics cards names exact versions of these itself; torch for CPUs needs none.
_CUDA = ("cuda-", "nvidia-", "triton")


def _environment(system: str, python: str) -> dict[str, str]:
    """Values of the environment markers on a platform."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64" if system == "linux" else "arm64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux" if system == "linux" else "Darwin",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": system,
    }


def _holds(requirement: Requirement, environment: dict[str, str], extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate(
        {**environment, "extra": extra}
    )


def _pins(environment: dict[str, str]) -> dict[str, Requirement]:
    pins: dict[str, Requirement] = {}
    for line in (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            if _holds(pin, environment):
                pins[canonicalize_name(pin.name)] = pin
    return pins


def _index(pins: dict[str, Requirement], system: str, python: str) -> tuple[list[dict], list[str]]:
    """Metadata of the wheels that the index has for the pins, and the names of pins without one."""
    wanted = dict(pins)
    lacking: list[str] = []
    while True:
        requirements = [f"{pin.name}{pin.specifier}" for pin in wanted.values()]
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
            command += ["--ignore-installed", "--only-binary", ":all:", "--target", folder]
            command += ["--python-version", python, "--report", str(report)]
            for tag in _PLATFORMS[system]:
                command += ["--platform", tag]
            result = subprocess.run([*command, *requirements], capture_output=True, text=True)
            if result.returncode == 0:
                return json.loads(report.read_text())["install"], lacking
        missing = re.search(r"No matching distribution found for ([\w.-]+?)==", result.stderr)
        if not missing:
            sys.exit(result.stderr)
        lacking.append(missing[1])
        del wanted[canonicalize_name(missing[1])]


def _gaps(
    pins: dict[str, Requirement], wheels: list[dict], environment: dict[str, str]
) -> list[str]:
    """Requirements, ours and those of the wheels, that the pins do not cover or contradict."""
    version = {name: next(iter(pin.specifier)).version for name, pin in pins.items()}
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    requires = {
        canonicalize_name(wheel["metadata"]["name"]): wheel["metadata"].get("requires_dist", [])
        for wheel in wheels
    }
    gaps, seen = [], set()
    todo = [("hepml-book", Requirement(text), "") for group in groups for text in group]
    while todo:
        parent, requirement, extra = todo.pop()
        name = canonicalize_name(requirement.name)
        if not _holds(requirement, environment, extra):
            continue
        if parent == "torch" and name.startswith(_CUDA):
            continue
        if name not in version:
            gaps.append(f"{requirement} (of {parent}) has no pin")
            continue
        if not requirement.specifier.contains(version[name], prereleases=True):
            gaps.append(f"{requirement} (of {parent}) excludes the pin {version[name]}")
        for wanted in requirement.extras or {""}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                todo += [(name, Requirement(text), wanted) for text in requires.get(name, [])]
    return sorted(set(gaps))


def main() -> int:
    status = 0
    for system in _PLATFORMS:
        for python in _PYTHONS:
            environment = _environment(system, python)
            pins = _pins(environment)
            wheels, lacking = _index(pins, system, python)
            gaps = _gaps(pins, wheels, environment)
            status |= bool(gaps)
            print(f"{system} Python {python}: {len(wheels)} wheels of {len(pins)} pins")
            for name in lacking:
                print(f"  no wheel, compiled at installation or left out if optional: {name}")
            for gap in gaps:
                print(f"  {gap}")
    return status


if __name__ == "__main__":
    sys.exit(main())
