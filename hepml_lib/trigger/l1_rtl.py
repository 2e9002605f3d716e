"""The circuits of the jet networks as hardware: Verilog, run on every test jet and synthesised.

``python -m hepml_lib.trigger.l1_rtl`` writes the six-bit networks on eight constituents in Verilog,
lets Verilator run every test jet through them, one jet per tick of the clock, compares each bit
with torch, and counts what yosys makes of them for an UltraScale+ chip. The figures go to
``data/results/l1_rtl.json``. It takes some twenty minutes on one core and the programs verilator
(5 or later) and yosys.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from hepml_lib import records, training
from hepml_lib.trigger import l1_jets, l1_models
from hepml_lib.trigger.firmware import Circuit, trace_jets

__all__ = ["ADDERS", "KIND", "logits", "measure", "synthesis"]

ADDERS = 4
"""Adders in a row between two registers."""

KIND = "trained 6"

_TOOLS = ("verilator", "yosys")

# One jet enters at every rising edge; what comes out at each edge is printed.
_BENCH = """\
`timescale 1ns/1ps
module bench;
  reg clock = 0;
  reg [{inputs}:0] jets [0:{last}];
  reg [{inputs}:0] x;
  wire [{outputs}:0] y;
  integer k;
  jets circuit(.clk(clock), .model_inp(x), .model_out(y));
  initial begin
    $readmemh("jets.hex", jets);
    for (k = 0; k <= {last} + {ticks}; k = k + 1) begin
      x = jets[k > {last} ? {last} : k];
      #1 clock = 1;
      #1 clock = 0;
      if (k >= {ticks}) $display("%h", y);
    end
    $finish;
  end
endmodule
"""

_VERILATOR = (
    "verilator", "--binary", "-Wno-fatal", "-Wno-lint",
    # What g++ wants for a bench with delays; a Verilator built for another compiler does not ask.
    "-CFLAGS", "-std=c++20 -fcoroutines", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include",
)  # fmt: skip

_SYNTHESIS = (
    "synth_xilinx -family xcup -flatten -noiopad -noclkbuf -nodsp -nobram -nosrl -top jets; "
    "tee -o stat.txt stat"
)


def measure() -> Path:
    """Run and count every family; return the file of the figures.

    Raises
    ------
    FileNotFoundError
        If one of the programs is missing.
    AssertionError
        If the hardware disagrees with torch on any jet.
    """
    versions = {tool: _run([tool, "--version"]).splitlines()[0] for tool in _TOOLS[:1]}
    versions["yosys"] = _run(["yosys", "-V"]).strip()
    found: dict[str, dict[str, Any]] = {}
    x = l1_jets.inputs("test", 8)
    for family in tqdm(l1_models.FAMILIES, unit="network"):
        network = l1_models.network(family, 8, KIND)
        circuit = trace_jets(network)
        with tempfile.TemporaryDirectory() as folder:
            circuit.verilog(Path(folder), ADDERS)
            made = logits(Path(folder), circuit, x)
            software = training.predict(network, torch.from_numpy(x))
            if not (made == software).all():
                raise AssertionError(f"{family}: the hardware disagrees with torch")
            found[family] = {
                "jets that agree": len(x),
                "cycles": circuit.cycles(ADDERS),
                "estimated luts": circuit.luts,
                **synthesis(Path(folder)),
            }
        print(family, found[family], flush=True)
    return records.write(
        "l1_rtl",
        {
            "command": "python -m hepml_lib.trigger.l1_rtl",
            "data": f"l1_jets, all {len(x)} jets of test; {KIND} bits, {ADDERS} adders in a row",
            "tools": versions,
            "taggers": found,
        },
    )


def logits(folder: Path, circuit: Circuit, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the Verilog of a circuit gives for jets, run by Verilator, shape (n, outputs)."""
    given, made = (kif.T.tolist() for kif in (circuit.logic.inp_kifs, circuit.logic.out_kifs))
    flat = x.reshape(len(x), -1).tolist()
    words = "\n".join(f"{_packed(row, given):x}" for row in flat)
    (folder / "jets.hex").write_text(words + "\n")
    bench = _BENCH.format(
        inputs=_bits(given) - 1,
        outputs=_bits(made) - 1,
        last=len(x) - 1,
        ticks=circuit.cycles(ADDERS),
    )
    (folder / "bench.v").write_text(bench, encoding="utf-8")
    sources = sorted(str(file.relative_to(folder)) for file in folder.glob("src/**/*.v"))
    _run([*_VERILATOR, "--top-module", "bench", "bench.v", *sources], folder)
    printed = _run([str(folder / "obj_dir" / "Vbench")], folder).splitlines()
    # Verilator's own lines begin with a dash.
    return np.array([_unpacked(int(line, 16), made) for line in printed if line[0] != "-"])


def synthesis(folder: Path) -> dict[str, int]:
    """Look-up tables and flip-flops that yosys makes of the Verilog in `folder`."""
    sources = [
        file for file in sorted(folder.glob("src/**/*.v")) if "lookup_table" not in file.name
    ]
    names = " ".join(str(file.relative_to(folder)) for file in sources)
    _run(["yosys", "-q", "-p", f"read_verilog {names}; {_SYNTHESIS}"], folder)
    stat = (folder / "stat.txt").read_text(encoding="utf-8")
    cells = re.findall(r"^ +(LUT\d|FD[RSCP]E) +(\d+)$", stat, re.MULTILINE)
    tables = sum(int(count) for name, count in cells if name.startswith("LUT"))
    registers = sum(int(count) for name, count in cells if name.startswith("FD"))
    return {"luts": tables, "flip-flops": registers}


def _bits(forms: list[list[int]]) -> int:
    return sum(map(sum, forms))


def _packed(row: list[float], forms: list[list[int]]) -> int:
    """Numbers in two's complement side by side, the first in the lowest bits.

    A form counts the bits of the sign, before the point and after it.
    """
    word = place = 0
    for value, form in zip(row, forms, strict=True):
        width = sum(form)
        word |= (round(value * 2 ** form[2]) & ((1 << width) - 1)) << place
        place += width
    return word


def _unpacked(word: int, forms: list[list[int]]) -> list[float]:
    """The numbers again."""
    row = []
    for sign, integer, fraction in forms:
        width = sign + integer + fraction
        value = word & ((1 << width) - 1)
        value -= (value >> (width - 1) << width) if sign and width else 0
        row.append(value / 2**fraction)
        word >>= width
    return row


def _run(command: list[str], folder: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


if __name__ == "__main__":
    print(measure())
