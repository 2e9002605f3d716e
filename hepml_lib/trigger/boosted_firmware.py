"""Boosted trees as gates: written by conifer, simulated by GHDL, counted by yosys.

``python -m hepml_lib.trigger.boosted_firmware`` trains forests of several sizes on `l1_jets`, has
conifer (arXiv:2002.02534) write each in VHDL, lets GHDL run every test jet through it, and counts
what yosys makes of it for an UltraScale+ chip. The gates of the forest in the middle are run as
well, by Icarus Verilog. Figures and that forest go to ``data/results/l1_boosted.json``. It takes a
quarter of an hour on one core, the Python packages conifer and pandas, and the programs ghdl,
yosys, iverilog and g++.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib import metrics, records, samples, settings
from hepml_lib.trigger import boosted
from hepml_lib.trigger.boosted import Forest

__all__ = ["FRACTION", "SIZES", "TOP", "committed", "digest", "ensemble", "measure"]

TOP = 4
"""Label of the signal; all other jets are background."""

FRACTION = 5
"""Bits of a leaf after the point."""

SIZES = tuple((trees, depth) for trees in (15, 31, 63) for depth in (2, 3, 4))
"""Trees and their depth. With the start value the sum has a power of two of terms: otherwise the
VHDL pads with signals that it only initialises, and a synthesis may make of them what it likes."""

_MIDDLE = (31, 3)
_TOOLS = ("ghdl", "yosys", "iverilog")
_YOSYS = (
    "read_verilog top.v; synth_xilinx -family xcup -flatten -noiopad -noclkbuf -nodsp -nobram "
    "-nosrl -top BDTTop; tee -o stat.txt stat; write_verilog -noattr net.v"
)

_BENCH = """\
`timescale 1ns/1ps
module bench;
  reg clock = 0, valid = 0;
  reg [{inputs}:0] x;
  wire [{width}:0] y;
  wire ready;
  reg [{inputs}:0] jets [0:{jets}-1];
  integer k;
  BDTTop gates(.clk(clock), .X(x), .X_vld(valid), .y(y), .y_vld(ready));
  initial begin
    $readmemh("jets.hex", jets);
    for (k = 0; k < {jets} + {cycles} + 2; k = k + 1) begin
      valid = k < {jets};
      x = valid ? jets[k] : 0;
      #2 if (ready === 1'b1) $display("%0d", $signed(y));
      clock = 1;
      #2 clock = 0;
      #1;
    end
    $finish;
  end
endmodule
"""


def digest(scores: ArrayLike) -> str:
    """SHA-256 of scores as 32-bit integers: equal for equal scores in equal order alone."""
    return hashlib.sha256(np.asarray(scores).astype("<i4").tobytes()).hexdigest()


def committed() -> tuple[Forest, dict[str, Any]]:
    """The committed forest, and the whole record of `measure`."""
    record = records.read("l1_boosted")
    entry = record["forest"]
    feature, threshold, leaf = (np.array(entry[name]) for name in ("feature", "threshold", "leaf"))
    return Forest(feature, threshold, leaf, entry["start"], entry["fraction"]), record


def ensemble(forest: Forest) -> dict[str, Any]:
    """The forest in the words of conifer."""
    trees, leaves = forest.leaf.shape
    inner = leaves - 1
    variables = len(boosted.VARIABLES)
    node = np.arange(inner)
    children = {
        "children_left": [*(2 * node + 1).tolist(), *[-1] * leaves],
        "children_right": [*(2 * node + 2).tolist(), *[-1] * leaves],
    }
    written = [
        {
            # −2 is a node without comparison, a leaf or one above equal leaves.
            "feature": [*np.where(feature < 0, -2, feature).tolist(), *[-2] * leaves],
            "threshold": [*threshold.tolist(), *[0] * leaves],
            "value": [*[0] * inner, *leaf.tolist()],
            **children,
            # The weights of oblique splits, which the VHDL does not know but the converter wants.
            "weight": [[0] * variables] * (inner + leaves),
        }
        for feature, threshold, leaf in zip(
            forest.feature, forest.threshold, forest.leaf, strict=True
        )
    ]
    return {
        "max_depth": forest.depth,
        "n_trees": trees,
        "n_features": variables,
        "n_classes": 2,
        "trees": [[tree] for tree in written],
        "init_predict": [forest.start],
        "norm": 1,
        "library": "hepml",
        "splitting_convention": "<=",
    }


def measure() -> Path:
    """Train, write, simulate and count every size of `SIZES`; return the file of the figures.

    Raises
    ------
    FileNotFoundError
        If one of the programs is missing.
    AssertionError
        If a simulation disagrees with `Forest.scores` on any jet.
    """
    versions = {tool: _run([tool, "-V" if tool != "ghdl" else "--version"]) for tool in _TOOLS}
    jets = {split: samples.load("l1_jets", split=split) for split in ("train", "test")}
    x = {split: boosted.variables(boosted.constituents(part)) for split, part in jets.items()}
    label = {split: np.asarray(part.label) == TOP for split, part in jets.items()}
    event = np.asarray(jets["test"].event)
    found, record = {}, {}
    for trees, depth in SIZES:
        model = boosted.train(
            x["train"],
            label["train"],
            trees=trees,
            depth=depth,
            seed=settings.seed("l1_boosted", f"{trees} of {depth}"),
        )
        forest = Forest.from_sklearn(model, FRACTION)
        scores, floating = forest.scores(x["test"]), model.decision_function(x["test"])
        assert np.array_equal(scores, boosted.leaf_sums(model, x["test"], FRACTION))
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            entry = _simulate(forest, x["test"], scores) | _count()
            if (trees, depth) == _MIDDLE:
                _run_gates(forest, x["test"], scores, entry["cycles"])
                record["forest"] = {
                    "feature": forest.feature.tolist(),
                    "threshold": forest.threshold.tolist(),
                    "leaf": forest.leaf.tolist(),
                    "start": forest.start,
                    "fraction": forest.fraction,
                }
                record["gates"] = {"jets": len(scores), "digest": digest(scores)}
        figures = {
            "AUC, floating": metrics.auc(floating, label["test"], events=event),
            "AUC": metrics.auc(scores, label["test"], events=event),
            "AUC, rounded − floating": metrics.compare(
                metrics.auc, scores, floating, label["test"], events=event
            ),
        }
        entry |= {name: asdict(figure) for name, figure in figures.items()}
        found[f"{trees} trees of depth {depth}"] = entry | {"trees": trees, "depth": depth}
        print(trees, depth, figures["AUC"], entry["luts"], entry["cycles"], flush=True)
    return records.write(
        "l1_boosted",
        record
        | {
            "command": "python -m hepml_lib.trigger.boosted_firmware",
            "data": f"l1_jets, committed: {len(x['train'])} jets of train, all {len(event)} of "
            "test, tops against the rest",
            "tools": {
                "conifer": importlib.metadata.version("conifer"),
                **{name: text.splitlines()[0] for name, text in versions.items()},
            },
            "taggers": found,
        },
    )


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _simulate(forest: Forest, x: NDArray, scores: NDArray) -> dict[str, Any]:
    """Write the VHDL into this folder, run every jet through it, and compare."""
    import hls4ml
    from conifer.backends.vhdl import set_simulator
    from conifer.model import make_model

    # conifer compiles a converter of numbers: it needs a header that hls4ml brings along, and asks
    # the first python3 of the path where pybind11 is.
    header = Path(hls4ml.__file__).parent / "templates" / "vivado" / "ap_types"
    os.environ["XILINX_AP_INCLUDE"] = str(header)
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    set_simulator("ghdl")
    config = {
        "backend": "vhdl",
        "output_dir": ".",
        "project_name": "forest",
        "precision": f"ap_fixed<{forest.width},{forest.width}>",
        "xilinx_part": "xcvu13p-flga2577-2-e",
    }
    make_model(ensemble(forest), config).write()
    _run(["sh", "ghdl_compile.sh"])
    np.savetxt("SimulationInput.txt", x, fmt="%d")
    end = _run(["ghdl", "-r", "--std=08", "--work=xil_defaultlib", "testbench"])
    simulated = np.loadtxt("SimulationOutput.txt", dtype=np.int64)
    assert np.array_equal(simulated, scores)
    # Edges of the clock come every 5 ns from 2.5 ns on; the bench stops one edge after the last
    # score has been written, which is one edge after it was there.
    stopped = re.search(r"@(\d+)ps", end)
    assert stopped
    cycles = (int(stopped[1]) - 2500) // 5000 - len(x) - 1
    return {
        "cycles": cycles,
        "digest": digest(simulated),
        "simulated jets": len(x),
        "width": forest.width,
    }


def _count() -> dict[str, int]:
    """Look-up tables and flip-flops after synthesis of the VHDL in this folder."""
    verilog = _run(["ghdl", "--synth", "--std=08", "--work=BDT", "--out=verilog", "BDTTop"])
    assert "'bz" not in verilog, "a signal without a driver"
    Path("top.v").write_text(verilog)
    _run(["yosys", "-q", "-p", _YOSYS])
    cells = re.findall(r"^ +(LUT\d|FDRE) +(\d+)$", Path("stat.txt").read_text(), re.MULTILINE)
    number = {name: int(count) for name, count in cells}
    registers = number.pop("FDRE")
    return {"luts": sum(number.values()), "flip-flops": registers}


def _run_gates(forest: Forest, x: NDArray, scores: NDArray, cycles: int) -> None:
    """Run every jet through tables, carries and flip-flops themselves, and compare."""
    width, last = forest.width, x.shape[1] - 1
    words = (sum(int(v) << width * (last - k) for k, v in enumerate(row)) for row in x)
    Path("jets.hex").write_text("\n".join(f"{word:x}" for word in words) + "\n")
    bench = _BENCH.format(
        inputs=width * (last + 1) - 1, width=width - 1, jets=len(x), cycles=cycles
    )
    Path("bench.v").write_text(bench)
    yosys = shutil.which("yosys")
    assert yosys
    cells = Path(yosys).resolve().parents[1] / "share" / "yosys" / "xilinx" / "cells_sim.v"
    _run(["iverilog", "-g2012", "-o", "bench", "bench.v", "net.v", str(cells)])
    printed = [line for line in _run(["vvp", "-n", "bench"]).split() if line.lstrip("-").isdigit()]
    assert np.array_equal(np.array(printed, int), scores)


if __name__ == "__main__":
    print(measure())
