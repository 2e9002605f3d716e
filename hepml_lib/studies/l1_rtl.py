"""The circuits of the jet networks as hardware: Verilog, run on every test jet and synthesised.

The six-bit networks on eight constituents are written in Verilog. Verilator runs every test jet
through them, one jet per tick of the clock, and each bit is compared with torch; yosys says what
they become on an UltraScale+ chip.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from hepml_lib import training
from hepml_lib.studies.tools import run_program, synthesis
from hepml_lib.trigger import l1_jets, l1_models
from hepml_lib.trigger.firmware import Circuit, trace_jets

__all__ = ["CUTOFF", "KIND", "logits", "measure"]

CUTOFF = 4
"""Adders in a row between two registers."""

KIND = "trained 6"
"""Kind of the networks, of `l1_models.KINDS`."""

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
    # The Verilog of da4ml turns this message off; Verilators that do not know it must not mind.
    "-Wfuture-WIDTHTRUNC",
    # What g++ wants for a bench with delays; a Verilator built for another compiler does not ask.
    "-CFLAGS", "-std=c++20 -fcoroutines", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include",
)  # fmt: skip


def measure() -> dict[str, Any]:
    """Run and count every family.

    Returns
    -------
    dict
        ``data`` and ``taggers``: by family cycles, look-up tables and flip-flops.

    Raises
    ------
    AssertionError
        If the hardware disagrees with torch on any jet.
    """
    x = l1_jets.inputs("test", 8)
    entries: dict[str, dict[str, Any]] = {}
    for family in tqdm(l1_models.FAMILIES, unit="network"):
        network = l1_models.network(family, 8, KIND)
        circuit = trace_jets(network)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            circuit.verilog(folder, CUTOFF)
            software = training.predict(network, torch.from_numpy(x))
            if not (logits(folder, circuit, x) == software).all():
                raise AssertionError(f"{family}: the hardware disagrees with torch")
            entries[family] = {
                "jets that agree": len(x),
                "cycles": circuit.latency_cycles(CUTOFF),
                "estimated luts": circuit.luts,
                **synthesis(_sources(folder), "jets", folder),
            }
    return {
        "data": f"l1_jets, all {len(x)} jets of test; {KIND} bits, {CUTOFF} adders in a row",
        "taggers": entries,
    }


def logits(folder: Path, circuit: Circuit, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the Verilog of a circuit gives for jets, run by Verilator.

    Parameters
    ----------
    folder
        Where `Circuit.verilog` wrote it, with `CUTOFF`; Verilator writes there too.
    circuit
        Of a jet network.
    x
        Features, shape (n, constituents, features).

    Returns
    -------
    ndarray
        Shape (n, outputs).

    Raises
    ------
    RuntimeError
        If Verilator fails.
    """
    given, made = (kif.T.tolist() for kif in (circuit.logic.inp_kifs, circuit.logic.out_kifs))
    flat = x.reshape(len(x), -1).tolist()
    words = "\n".join(f"{_packed(row, given):x}" for row in flat)
    (folder / "jets.hex").write_text(words + "\n")
    bench = _BENCH.format(
        inputs=_bits(given) - 1,
        outputs=_bits(made) - 1,
        last=len(x) - 1,
        ticks=circuit.latency_cycles(CUTOFF),
    )
    (folder / "bench.v").write_text(bench, encoding="utf-8")
    sources = [str(file.relative_to(folder)) for file in _sources(folder)]
    run_program([*_VERILATOR, "--top-module", "bench", "bench.v", *sources], folder)
    printed = run_program([str(folder / "obj_dir" / "Vbench")], folder).splitlines()
    # Verilator's own lines begin with a dash.
    return np.array([_unpacked(int(line, 16), made) for line in printed if line[0] != "-"])


def _sources(folder: Path) -> list[Path]:
    """Files of Verilog, without that of tables, which no circuit of a jet network uses."""
    return [file for file in sorted(folder.glob("src/**/*.v")) if "lookup_table" not in file.name]


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
