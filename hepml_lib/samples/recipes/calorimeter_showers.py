"""Showers of electrons in a sampling calorimeter, with two settings of the material in front."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import cascade
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable
from hepml_lib.samples.mixture import numbers, shuffled
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["ENERGIES", "FRONT", "PROFILE_STEP", "RECIPE", "RING_STEP", "decode", "make"]

ENERGIES = (1.0, 50.0)
"""Lowest and highest energy of the electrons [GeV]."""

NOMINAL, MODIFIED = 0, 1
FRONT = (0.0, 3.0)
"""Lead in front of the calorimeter in each setting [mm]."""

SHARES = (7, 3)
"""Showers of each setting of ten."""

THRESHOLD = 1e-4
"""Cells that see less [GeV] are stored as empty."""

PROFILE_STEP = 24.0
"""Length of a bin of `profile` [mm]: four plates and four gaps."""

RING_STEP = 10.0
"""Width of a bin of `rings` [mm]."""

RINGS = 13
_SLICES_PER_BIN, _RINGS_PER_BIN = 8, 2
_CELL_BITS, _SUM_BITS, _SHAPE_BITS = 8, 13, 7
_EDGES = np.append(0, np.cumsum([rows * columns for rows, columns in cascade.LAYERS]))


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: showers of both settings, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Showers to make.

    Returns
    -------
    dict of ak.Array
        Columns with one row per shower.
    """
    parts = [
        _showers(chunk, setting, number)
        for setting, number in enumerate(numbers(entries, SHARES))
        if number
    ]
    return shuffled(parts, chunk)


def _showers(chunk: Chunk, setting: int, entries: int) -> Columns:
    """Showers of one setting."""
    rng = chunk.rng(setting)
    # As many in 1 to 2 GeV as in 25 to 50: resolution and depth go with the logarithm of energy.
    low, high = np.log(ENERGIES)
    energy = np.exp(rng.uniform(low, high, entries)).astype(np.float32)
    stack = cascade.calorimeter(FRONT[setting])
    showers = cascade.simulate("electron", energy, stack, rng, _RINGS_PER_BIN * RINGS)
    flat = {
        "energy": energy,
        "setting": np.full(entries, setting, np.int8),
        # The two settings count their showers from different numbers.
        "event": chunk.event(500_000 * setting) + np.arange(entries),
        "split": np.full(entries, chunk.code, np.int8),
    }
    flat |= {name: round_mantissa(x, _SUM_BITS) for name, x in _sums(showers, stack).items()}
    return flat | _cells(showers.cells) | _shapes(showers)


def _sums(showers: cascade.Showers, stack: cascade.Stack) -> dict[str, NDArray[np.float64]]:
    """Where the energy went; the sum is the energy of the electron."""
    sums = {
        f"deposit_{layer}": showers.slices[:, stack.layer == layer].sum(axis=1)
        for layer in range(len(cascade.LAYERS))
    }
    front = stack.edges[:-1] < 0
    sums["absorber"] = showers.slices[:, (stack.layer < 0) & ~front].sum(axis=1)
    sums["front"] = showers.slices[:, front].sum(axis=1)
    faces = zip(("front", "side", "back"), showers.leaked.T, strict=True)
    return sums | {f"leakage_{face}": leaked for face, leaked in faces}


def _cells(cells: NDArray[np.float64]) -> Columns:
    """Numbers and energies of the cells above the threshold."""
    shower, index = np.nonzero(cells > THRESHOLD)
    counts = np.bincount(shower, minlength=len(cells))
    energy = round_mantissa(cells[shower, index], _CELL_BITS)
    table: ParticleTable = {"index": index.astype(np.int16), "energy": energy}
    return jagged("cells", table, counts)


def _shapes(showers: cascade.Showers) -> Columns:
    """Energy along the axis and around it; every shower has as many numbers."""
    # A slab in front is a slice more, which belongs to no plate.
    slab = showers.slices.shape[1] % _SLICES_PER_BIN
    columns: Columns = {}
    for name, fine, together in (
        ("profile", showers.slices[:, slab:], _SLICES_PER_BIN),
        ("rings", showers.rings, _RINGS_PER_BIN),
    ):
        coarse = np.add.reduceat(fine, np.arange(0, fine.shape[1], together), axis=1)
        energy = round_mantissa(coarse, _SHAPE_BITS).ravel()
        columns |= jagged(name, {"energy": energy}, np.full(len(coarse), coarse.shape[1]))
    return columns


def decode(columns: Columns) -> ak.Array:
    """Showers as the reader sees them, with one array of fixed shape for each layer of cells.

    Parameters
    ----------
    columns
        Columns that `make` gives, or part of them.

    Returns
    -------
    ak.Array
        One record per shower; energies [GeV], ``layer_0`` and so on of shape (rows, cells).
    """
    fields = {name: column for name, column in columns.items() if column.ndim == 1}
    for name in ("profile", "rings"):
        if f"{name}_energy" in columns:
            fields[name] = ak.to_regular(columns[f"{name}_energy"])
    if "cells_index" in columns:
        index = columns["cells_index"]
        cells = np.zeros((len(index), cascade.CELLS), np.float32)
        shower = np.repeat(np.arange(len(index)), ak.to_numpy(ak.num(index)))
        cells[shower, ak.to_numpy(ak.flatten(index))] = ak.to_numpy(
            ak.flatten(columns["cells_energy"])
        )
        for layer, (rows, width) in enumerate(cascade.LAYERS):
            dense = cells[:, _EDGES[layer] : _EDGES[layer + 1]].reshape(-1, rows, width)
            fields[f"layer_{layer}"] = ak.from_numpy(dense, regulararray=True)
    return ak.zip(fields, depth_limit=1)


RECIPE = Recipe(
    name="calorimeter_showers",
    number=12,
    version=1,
    chunk=1000,
    committed={"train": 5_000, "validation": 1_000, "test": 4_000},
    share=3.0,
    make=make,
    packages=("numba", "numpy", "awkward"),
    decode=decode,
    needs={f"layer_{layer}": ("cells",) for layer in range(len(cascade.LAYERS))},
)
