"""Following every particle of a cascade until it stops or leaves; compiled by numba.

Compilation takes some seconds in each process: nothing is cached on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml_lib.samples.cascade.geometry import CELLS, LAYERS
from hepml_lib.samples.cascade.geometry import HALF_WIDTH as EDGE
from hepml_lib.samples.cascade.materials import MASS
from hepml_lib.samples.cascade.sampling import (
    annihilated,
    compton_scattered,
    pair_share,
    radiated,
    rotate,
    scattering,
)
from hepml_lib.samples.cascade.tables import ELECTRON_CUT, LOWEST, PHOTON_CUT, STEPS

__all__ = ["follow"]

PHOTON, ELECTRON, POSITRON = 0, 1, 2
FRONT, SIDE, BACK = 0, 1, 2

RING = 5.0
"""Width of the rings around the axis [mm]."""

STEP = 0.02
"""Longest step of an electron [radiation lengths]."""

LOSS = 0.1
"""Largest share of its energy that an electron loses in one step."""

_WAITING = 4096
_INSIDE = 1 - 1e-12
_LOG_LOWEST = float(np.log(LOWEST))
_ROWS = np.array([rows for rows, _ in LAYERS])
_COLUMNS = np.array([columns for _, columns in LAYERS])
_FIRST = np.cumsum(_ROWS * _COLUMNS) - _ROWS * _COLUMNS


@njit
def _place(energy, step):
    """Interval of the grid that holds an energy, and the distance from its lower end."""
    position = max((np.log(energy) - _LOG_LOWEST) / step, 0.0)
    index = min(int(position), STEPS - 2)
    return index, position - index


@njit
def _between(row, place):
    index, distance = place
    return row[index] + distance * (row[index + 1] - row[index])


@njit
def _deposit(tally, stack, energy, x, y, at):
    """Add energy to the slice, to the ring around the axis, and to the cell that reads it."""
    cells, slices, rings, _ = tally
    slices[at] += energy
    ring = int(np.sqrt(x * x + y * y) / RING)
    rings[min(ring, len(rings) - 1)] += energy
    layer = stack.layer[at]
    if layer >= 0:
        # The middle of a last step may lie outside.
        row = int(min(max(y / (2 * EDGE) + 0.5, 0.0), _INSIDE) * _ROWS[layer])
        column = int(min(max(x / (2 * EDGE) + 0.5, 0.0), _INSIDE) * _COLUMNS[layer])
        cells[_FIRST[layer] + row * _COLUMNS[layer] + column] += energy


@njit
def _leave(tally, energy, at, slices):
    """Add energy to what leaked out of a face."""
    face = FRONT if at < 0 else BACK if at >= slices else SIDE
    tally[3][face] += energy


@njit
def _push(waiting, count, kind, energy, place, direction, at):
    """Let a particle wait for its turn."""
    if count >= _WAITING:
        raise RuntimeError("more particles wait than a shower of this energy can have")
    particle = waiting[count]
    particle[0], particle[1] = kind, energy
    particle[2], particle[3], particle[4] = place
    particle[5], particle[6], particle[7] = direction
    particle[8] = at
    return count + 1


@njit
def _to_boundary(edges, z, w, at):
    """Path to the boundary of the slice in front, and the slice behind that boundary."""
    if w > 1e-9:
        return (edges[at + 1] - z) / w, at + 1
    if w < -1e-9:
        return (edges[at] - z) / w, at - 1
    return np.inf, at


@njit
def _photon(rng, stack, tables, tally, waiting, count):
    """Follow a photon until it is gone; Compton scattering keeps it."""
    _, energy, x, y, z, u, v, w, where = waiting[count]
    at, slices = int(where), len(stack.material)
    while True:
        if energy < PHOTON_CUT:
            _deposit(tally, stack, energy, x, y, at)
            return count
        material = stack.material[at]
        place = _place(energy, tables.step)
        pair = _between(tables.pair[material], place) if energy > 2 * MASS else 0.0
        compton = _between(tables.compton[material], place)
        total = pair + compton + _between(tables.photoelectric[material], place)
        path = rng.standard_exponential() / total
        boundary, behind = _to_boundary(stack.edges, z, w, at)
        crosses = boundary < path
        path = min(path, boundary)
        x, y, z = x + u * path, y + v * path, z + w * path
        if max(abs(x), abs(y)) >= stack.half_width:
            _leave(tally, energy, at, slices)
            return count
        if crosses:
            at = behind
            if at < 0 or at >= slices:
                _leave(tally, energy, at, slices)
                return count
            z = stack.edges[at] if w > 0 else stack.edges[at + 1]
            continue
        which = rng.random() * total
        azimuth = 2 * np.pi * rng.random()
        if which < pair:
            share = pair_share(rng, energy, tables.screen[material], tables.coulomb[material])
            first = max(share * energy - MASS, 0.0)
            second = energy - 2 * MASS - first
            for kind, kinetic in ((ELECTRON, first), (POSITRON, second)):
                cosine = np.cos(MASS / (kinetic + MASS))
                direction = rotate(u, v, w, cosine, azimuth + kind * np.pi)
                count = _push(waiting, count, kind, kinetic, (x, y, z), direction, at)
            return count
        if which >= pair + compton:
            return _push(waiting, count, ELECTRON, energy, (x, y, z), (u, v, w), at)
        after, turn = compton_scattered(rng, energy)
        kinetic = energy - after
        momentum = np.sqrt(kinetic * (kinetic + 2 * MASS))
        cosine = (energy - after * (1 - turn)) / max(momentum, 1e-9)
        direction = rotate(u, v, w, min(max(cosine, -1.0), 1.0), azimuth + np.pi)
        count = _push(waiting, count, ELECTRON, kinetic, (x, y, z), direction, at)
        u, v, w = rotate(u, v, w, 1 - turn, azimuth)
        energy = after


@njit
def _at_rest(rng, waiting, count, place, at):
    """Two photons of a positron that stopped, back to back."""
    cosine = 2 * rng.random() - 1
    a, b, c = rotate(0.0, 0.0, 1.0, cosine, 2 * np.pi * rng.random())
    count = _push(waiting, count, PHOTON, MASS, place, (a, b, c), at)
    return _push(waiting, count, PHOTON, MASS, place, (-a, -b, -c), at)


@njit
def _in_flight(rng, waiting, count, kinetic, place, direction, at):
    """Two photons of a positron that annihilates in flight."""
    u, v, w = direction
    total = kinetic + 2 * MASS
    momentum = np.sqrt(kinetic * (kinetic + 2 * MASS))
    first, cosine = annihilated(rng, kinetic)
    second = total - first
    azimuth = 2 * np.pi * rng.random()
    first_direction = rotate(u, v, w, cosine, azimuth)
    second_cosine = min(max((momentum - first * cosine) / second, -1.0), 1.0)
    second_direction = rotate(u, v, w, second_cosine, azimuth + np.pi)
    count = _push(waiting, count, PHOTON, first, place, first_direction, at)
    return _push(waiting, count, PHOTON, second, place, second_direction, at)


@njit
def _electron(rng, stack, tables, tally, waiting, count):
    """Follow an electron or positron until it stops, annihilates or leaves."""
    kind, energy, x, y, z, u, v, w, where = waiting[count]
    at, slices = int(where), len(stack.material)
    positron = kind == POSITRON
    while energy >= ELECTRON_CUT:
        material = stack.material[at]
        place = _place(energy, tables.step)
        loss = _between(tables.loss[1 if positron else 0, material], place)
        radiation = _between(tables.radiation[material], place)
        gone = _between(tables.annihilation[material], place) if positron else 0.0
        length = tables.radiation_length[material]
        free = rng.standard_exponential() / (radiation + gone)
        path = min(free, STEP * length, LOSS * energy / loss)
        interacts = path == free
        boundary, behind = _to_boundary(stack.edges, z, w, at)
        crosses = boundary < path
        path = min(path, boundary)
        lost = loss * path
        _deposit(tally, stack, lost, x + 0.5 * u * path, y + 0.5 * v * path, at)
        energy -= lost
        x, y, z = x + u * path, y + v * path, z + w * path
        if crosses:
            at = behind
        if crosses and 0 <= at < slices:
            z = stack.edges[at] if w > 0 else stack.edges[at + 1]
        if max(abs(x), abs(y)) >= stack.half_width or at < 0 or at >= slices:
            # A positron takes along what its annihilation would set free.
            _leave(tally, energy + (2 * MASS if positron else 0.0), at, slices)
            return count
        if path > 0:
            cosine = scattering(rng, energy, path / length)
            u, v, w = rotate(u, v, w, cosine, 2 * np.pi * rng.random())
        if crosses or not interacts:
            continue
        if rng.random() * (radiation + gone) < gone:
            return _in_flight(rng, waiting, count, energy, (x, y, z), (u, v, w), at)
        if energy > PHOTON_CUT:
            photon = radiated(rng, energy, tables.screen[material], tables.coulomb[material])
            energy -= photon
            cosine = np.cos(MASS / (energy + photon + MASS))
            direction = rotate(u, v, w, cosine, 2 * np.pi * rng.random())
            count = _push(waiting, count, PHOTON, photon, (x, y, z), direction, at)
    _deposit(tally, stack, energy, x, y, at)
    return _at_rest(rng, waiting, count, (x, y, z), at) if positron else count


@njit
def follow(rng, kind, energies, stack, tables, rings):
    """Showers of particles that come in along the axis.

    Parameters
    ----------
    rng
        NumPy generator; all randomness comes from it, in a fixed order.
    kind
        0 photon, 1 electron, 2 positron.
    energies
        Kinetic energies [MeV], (showers,).
    stack, tables
        The slices, as arrays (`hepml_lib.samples.cascade.showers` makes them), and `Tables`.
    rings
        How many rings to add energies up in; the last holds all beyond.

    Returns
    -------
    tuple of arrays
        Energies [MeV] in cells (showers, 504), slices, rings, and out of the faces (showers, 3).
    """
    showers = len(energies)
    cells = np.zeros((showers, CELLS))
    slices = np.zeros((showers, len(stack.material)))
    around = np.zeros((showers, rings))
    leaked = np.zeros((showers, 3))
    waiting = np.empty((_WAITING, 9))
    for i in range(showers):
        tally = (cells[i], slices[i], around[i], leaked[i])
        start = (0.0, 0.0, stack.edges[0])
        count = _push(waiting, 0, kind, energies[i], start, (0.0, 0.0, 1.0), 0)
        while count > 0:
            count -= 1
            if waiting[count, 0] == PHOTON:
                count = _photon(rng, stack, tables, tally, waiting, count)
            else:
                count = _electron(rng, stack, tables, tally, waiting, count)
    return cells, slices, around, leaked
