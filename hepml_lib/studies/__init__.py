"""Long measurements: figures that pages quote from a record, made anew by ``hepml study NAME``.

A study is a module of this package with a function `measure` that returns its record: what was
measured on, ``data``, and the figures by tagger, ``taggers``. `run` completes the record and writes
``data/results/NAME.json``. Studies use chapters; no chapter and no page uses a study.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

from hepml_lib import records, settings
from hepml_lib.studies.tools import TOOLS, version

__all__ = ["STUDIES", "Study", "run", "tool_versions"]


class Study(NamedTuple):
    """What is known of a study before it runs.

    Attributes
    ----------
    measures
        What it measures, in words.
    takes
        Time on one core, in words.
    needs
        Tools beside those of every installation, names in `tools.TOOLS`.
    """

    measures: str
    takes: str
    needs: tuple[str, ...] = ()


STUDIES = {
    "flavour": Study(
        "flavour taggers on 300 000 jets that no training saw",
        "an hour, most of it to generate jets",
    ),
    "top_taggers": Study(
        "top taggers on 200 000 jets that no training saw",
        "hours, most of them to generate jets",
    ),
    "top_trend": Study(
        "top taggers that learned from fewer jets, longer, or without detector",
        "two hours, most of them to generate jets",
    ),
    "l1_jets": Study(
        "jet networks for a chip: bits, constituents, tables and latency",
        "ten minutes, if the networks are trained",
        ("da4ml", "torch"),
    ),
    "l1_rtl": Study(
        "circuits of jet networks as Verilog: run on every test jet, and synthesised",
        "twenty minutes",
        ("da4ml", "g++", "verilator", "yosys"),
    ),
    "l1_boosted": Study(
        "boosted trees as VHDL and as gates: run on every test jet, and synthesised",
        "a quarter of an hour",
        ("conifer", "hls4ml", "pandas", "g++", "ghdl", "iverilog", "yosys"),
    ),
    "l1_hgq2": Study(
        "bits of each weight chosen by training, beside one width for all",
        "ten minutes",
        ("hgq2", "keras", "da4ml", "hls4ml", "g++"),
    ),
}
"""Name → study; a study's module, its record and its name are called alike."""


def tool_versions(name: str) -> dict[str, str]:
    """Versions of the tools that a study needs.

    Parameters
    ----------
    name
        Of `STUDIES`.

    Returns
    -------
    dict
        Tool → what it says of its version, in one line.

    Raises
    ------
    ValueError
        If there is no such study.
    RuntimeError
        If tools are missing; the message says how to install them.

    Examples
    --------
    >>> tool_versions("l1_rlt")
    Traceback (most recent call last):
    ValueError: there is no study 'l1_rlt'; did you mean 'l1_rtl'? ...
    """
    if name not in STUDIES:
        raise ValueError(settings.unknown_name("study", name, STUDIES))
    versions = {tool: version(tool) for tool in STUDIES[name].needs}
    missing = [f"{tool} ({TOOLS[tool].install})" for tool in versions if versions[tool] is None]
    if missing:
        raise RuntimeError(f"the study {name!r} needs what is not installed: {', '.join(missing)}")
    return {tool: text for tool, text in versions.items() if text is not None}


def run(name: str) -> Path:
    """Measure, and write the record, whole or not at all.

    Samples, trained networks and scores are kept in the cache, so that a stopped study goes on
    where it was. Circuits, which take minutes, are made anew.

    Parameters
    ----------
    name
        Of `STUDIES`.

    Returns
    -------
    Path
        File of the record.

    Raises
    ------
    ValueError
        If there is no such study.
    RuntimeError
        If a tool is missing or fails.
    AssertionError
        If a circuit and its network disagree on any jet.
    """
    versions = tool_versions(name)
    record = importlib.import_module(f"hepml_lib.studies.{name}").measure()
    used = {"tools": versions} if versions else {}
    return records.write(name, {"command": f"hepml study {name}", **used, **record})
