"""Boosted trees as gates: written by conifer, simulated by GHDL, counted by yosys.

Forests of several sizes are trained on `l1_jets`. conifer (arXiv:2002.02534) writes each in VHDL,
GHDL runs every test jet through it, and yosys says what it becomes on an UltraScale+ chip. The
gates of the forest in the middle are run as well, by Icarus Verilog; the record holds that forest.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hepml_lib import metrics, samples, settings
from hepml_lib.studies.tools import run_program, synthesis
from hepml_lib.trigger import boosted, forests, l1_jets
from hepml_lib.trigger.forests import FRACTION, Forest

__all__ = ["SIZES", "ensemble", "measure"]

SIZES = tuple((trees, depth) for trees in (15, 31, 63) for depth in (2, 3, 4))
"""Trees and their depth. With the start value the sum has a power of two of terms: otherwise the
VHDL pads with signals that it only initialises, and a synthesis may make of them what it likes."""

_MIDDLE = (31, 3)

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


def measure() -> dict[str, Any]:
    """Train, write, simulate and count every size of `SIZES`.

    Returns
    -------
    dict
        ``data``; ``taggers``: by size areas, cycles, look-up tables and flip-flops; ``forest``, the
        one in the middle; and ``gates``, the simulation of its netlist.

    Raises
    ------
    AssertionError
        If a simulation disagrees with `Forest.scores` on any jet.
    """
    jets = {split: samples.load("l1_jets", split=split) for split in ("train", "test")}
    x = {
        split: boosted.variables(l1_jets.whole_constituents(array, boosted.CONSTITUENTS))
        for split, array in jets.items()
    }
    label = {split: np.asarray(array.label) == boosted.TOP for split, array in jets.items()}
    event = np.asarray(jets["test"].event)
    record: dict[str, Any] = {
        "data": f"l1_jets, committed: {len(x['train'])} jets of train, all {len(event)} of "
        "test, tops against the rest",
        "taggers": {},
    }
    for trees, depth in tqdm(SIZES, unit="forest"):
        model = boosted.train(
            x["train"],
            label["train"],
            trees=trees,
            depth=depth,
            seed=settings.seed("l1_boosted", f"{trees} of {depth}"),
        )
        forest = Forest.from_sklearn(model, FRACTION)
        scores, floating = forest.scores(x["test"]), model.decision_function(x["test"])
        assert np.array_equal(scores, forests.leaf_sums(model, x["test"], FRACTION))
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            entry = _simulate(forest, x["test"], scores) | _count()
            if (trees, depth) == _MIDDLE:
                _run_gates(forest, x["test"], scores, entry["cycles"])
                values = asdict(forest).items()
                record["forest"] = {name: np.asarray(value).tolist() for name, value in values}
                record["gates"] = {"jets": len(scores), "digest": forests.digest(scores)}
        areas = {
            "AUC, floating": metrics.auc(floating, label["test"], events=event),
            "AUC": metrics.auc(scores, label["test"], events=event),
            "AUC, rounded − floating": metrics.compare(
                metrics.auc, scores, floating, label["test"], events=event
            ),
        }
        entry |= {name: asdict(area) for name, area in areas.items()}
        record["taggers"][f"{trees} trees of depth {depth}"] = entry | {
            "trees": trees,
            "depth": depth,
        }
    return record


def ensemble(forest: Forest) -> dict[str, Any]:
    """The forest in the words of conifer.

    Parameters
    ----------
    forest
        Rounded.

    Returns
    -------
    dict
        What ``conifer.model.make_model`` takes.
    """
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
    run_program(["sh", "ghdl_compile.sh"])
    np.savetxt("SimulationInput.txt", x, fmt="%d")
    end = run_program(["ghdl", "-r", "--std=08", "--work=xil_defaultlib", "testbench"])
    simulated = np.loadtxt("SimulationOutput.txt", dtype=np.int64)
    assert np.array_equal(simulated, scores)
    # Edges of the clock come every 5 ns from 2.5 ns on; the bench stops one edge after the last
    # score has been written, which is one edge after it was there.
    stopped = re.search(r"@(\d+)ps", end)
    assert stopped
    cycles = (int(stopped[1]) - 2500) // 5000 - len(x) - 1
    return {
        "cycles": cycles,
        "digest": forests.digest(simulated),
        "simulated jets": len(x),
        "width": forest.width,
    }


def _count() -> dict[str, int]:
    """Look-up tables and flip-flops after synthesis of the VHDL in this folder."""
    verilog = run_program(["ghdl", "--synth", "--std=08", "--work=BDT", "--out=verilog", "BDTTop"])
    assert "'bz" not in verilog, "a signal without a driver"
    top = Path("top.v").resolve()
    top.write_text(verilog)
    return synthesis([top], "BDTTop", top.parent)


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
    run_program(["iverilog", "-g2012", "-o", "bench", "bench.v", "gates.v", str(cells)])
    printed = [
        line for line in run_program(["vvp", "-n", "bench"]).split() if line.lstrip("-").isdigit()
    ]
    assert np.array_equal(np.array(printed, int), scores)
