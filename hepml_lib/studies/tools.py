"""Programs and packages that studies of hardware need, and how they are called."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["TOOLS", "Tool", "run_program", "synthesis", "version"]


class Tool(NamedTuple):
    """A program, or a Python package.

    Attributes
    ----------
    install
        How to get it.
    version_option
        Option by which a program tells its version; a package has none.
    """

    install: str
    version_option: str | None = None


TOOLS = {
    "g++": Tool("Debian, Ubuntu: apt install g++", "--version"),
    "ghdl": Tool("Debian, Ubuntu: apt install ghdl", "--version"),
    "iverilog": Tool("Debian, Ubuntu: apt install iverilog", "-V"),
    "verilator": Tool("5 or later; Debian, Ubuntu: apt install verilator", "--version"),
    "yosys": Tool("Debian, Ubuntu: apt install yosys", "-V"),
    "conifer": Tool("pip install conifer==1.11"),
    "hgq2": Tool("pip install hgq2==0.2.0"),
    "keras": Tool("pip install hgq2==0.2.0"),
    "pandas": Tool("pip install conifer==1.11"),
    "da4ml": Tool("pip install 'hepml-book[book]'"),
    "hls4ml": Tool("pip install 'hepml-book[book]'"),
    "torch": Tool("pip install torch"),
}
"""Name → tool."""

_SYNTHESIS = (
    "read_verilog {sources}; "
    "synth_xilinx -family xcup -flatten -noiopad -noclkbuf -nodsp -nobram -nosrl -top {top}; "
    "tee -o stat.txt stat; write_verilog -noattr gates.v"
)


def version(tool: str) -> str | None:
    """What a tool says of its version, in one line.

    Parameters
    ----------
    tool
        Of `TOOLS`.

    Returns
    -------
    str or None
        None where the tool is not installed.
    """
    option = TOOLS[tool].version_option
    if option is None:
        try:
            return importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            return None
    if shutil.which(tool) is None:
        return None
    return run_program([tool, option]).splitlines()[0].strip()


def run_program(command: Sequence[str], folder: Path | None = None) -> str:
    r"""Run a program to its end.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Where it runs; by default here.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    RuntimeError
        If it fails, with the last lines that it printed.

    Examples
    --------
    >>> run_program(["echo", "one cycle"])
    'one cycle\n'
    """
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}:\n{last}")
    return done.stdout


def synthesis(sources: Sequence[Path], top: str, folder: Path) -> dict[str, int]:
    """Logic that yosys makes of Verilog for an UltraScale+ chip; ``gates.v`` is the netlist.

    Parameters
    ----------
    sources
        Files of Verilog, in `folder`.
    top
        Module to make.
    folder
        Where yosys runs and writes.

    Returns
    -------
    dict
        Numbers of look-up tables, ``"luts"``, and of ``"flip-flops"``.
    """
    names = " ".join(str(file.relative_to(folder)) for file in sources)
    run_program(["yosys", "-q", "-p", _SYNTHESIS.format(sources=names, top=top)], folder)
    stat = (folder / "stat.txt").read_text(encoding="utf-8")
    cells = re.findall(r"^ +(LUT\d|FD[RSCP]E) +(\d+)$", stat, re.MULTILINE)
    tables = sum(int(count) for name, count in cells if name.startswith("LUT"))
    registers = sum(int(count) for name, count in cells if name.startswith("FD"))
    return {"luts": tables, "flip-flops": registers}
