"""Hits of particles in the Generic detector, by ACTS (arXiv:2106.13593) and its fast simulation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import generic_detector
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.detector.table import merge

__all__ = ["inside", "simulate"]

_MINIMUM_MOMENTUM = 0.05
"""Momentum at which a particle is given up [GeV]."""

_EVENT = "event{:09d}"


def inside(particles: ParticleTable) -> NDArray[np.bool_]:
    """Whether particles are produced inside the tracker: others cannot be started.

    Parameters
    ----------
    particles
        With the production vertex `x, y, z` [mm].

    Returns
    -------
    ndarray of bool
        One per particle.

    Examples
    --------
    A decay at half a metre, and one beyond the last layer:

    >>> decays = {"x": np.array([300.0, 900.0]), "y": np.array([400.0, 900.0]), "z": np.zeros(2)}
    >>> inside(decays).tolist()
    [True, False]
    """
    return (np.hypot(particles["x"], particles["y"]) < 1000) & (np.abs(particles["z"]) < 2900)


def simulate(
    particles: ParticleTable, events: int, seed: int
) -> tuple[ParticleTable, ParticleTable]:
    """Let particles fly through the tracker.

    Fatras bends charged particles in the field and lets them scatter, ionise and radiate in the
    material; photons convert. Nothing decays and there are no nuclear interactions. The result
    depends on the arguments alone.

    Parameters
    ----------
    particles
        `event` (0 to `events` − 1, ascending), PDG code `id`, `pt, eta, phi, energy` [GeV, rad],
        `charge`, production vertex `x, y, z` [mm], `vertex`; `inside` the tracker.
    events
        Number of events.
    seed
        Seed of ACTS, 64 bits; every event has random numbers of its own.

    Returns
    -------
    hits : ParticleTable
        One row per hit, by event, module and x: `event`; `volume, layer, module`; measured
        `x, y, z` [mm]; `width_u, width_v`, cells of the cluster in the precise direction and in
        the other; `particle`, row of the second table; `order`, which of its hits
        it is, from 0; `tx, ty, tz` [mm], where it crossed the middle of the sensor.
    particles : ParticleTable
        Those that left a hit: `event, id, charge, vertex`, `px, py, pz` [GeV] and `x, y, z` [mm]
        at production, `hits`, their number, and `generation`: 0 as given, above if made in the
        material.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, particles, events)
        _run(folder, events, seed)
        hits, flown = zip(*(_read(folder, event) for event in range(events)), strict=True)
    first = np.cumsum([0, *(len(table["id"]) for table in flown)])
    for begin, table in zip(first, hits, strict=False):
        table["particle"] += begin
    return _joined(hits), _joined(flown)


def _joined(tables: Sequence[ParticleTable]) -> ParticleTable:
    """Tables of one event each, in one."""
    return merge(*({"event": np.full(len(t["x"]), i)} | t for i, t in enumerate(tables)))


def _write(folder: Path, particles: ParticleTable, events: int) -> None:
    """Particles as ACTS reads them, one file per event."""
    import pyarrow as pa
    from pyarrow import csv

    px, py = (particles["pt"] * f(particles["phi"]) for f in (np.cos, np.sin))
    pz = particles["pt"] * np.sinh(particles["eta"])
    mass = np.sqrt(np.maximum(particles["energy"] ** 2 - px**2 - py**2 - pz**2, 0))
    zero = np.zeros(len(px), np.int64)
    names = {
        "particle_id_pv": particles["vertex"] + 1,
        **dict.fromkeys(("particle_id_sv", "particle_id_gen", "particle_id_subpart"), zero),
        "particle_type": particles["id"],
        "process": zero,
        **{"vx": particles["x"], "vy": particles["y"], "vz": particles["z"], "vt": zero},
        **{"px": px, "py": py, "pz": pz, "m": mass, "q": particles["charge"]},
    }
    edges = np.searchsorted(particles["event"], np.arange(events + 1))
    for event in range(events):
        rows = slice(edges[event], edges[event + 1])
        table = {name: column[rows] for name, column in names.items()}
        table["particle_id_part"] = np.arange(1, len(table["px"]) + 1)
        with (folder / f"{_EVENT.format(event)}-particles.csv").open("wb") as file:
            # ACTS does not know the header with quotes that pyarrow writes.
            file.write(f"{','.join(table)}\n".encode())
            csv.write_csv(pa.table(table), file, csv.WriteOptions(include_header=False))


@cache
def _detector() -> tuple[Any, Any]:
    """The Generic detector, which must live as long as its geometry, and that geometry."""
    from acts import examples, logging

    detector = examples.GenericDetector(examples.GenericDetector.Config(logLevel=logging.FATAL))
    return detector, detector.trackingGeometry()


def _run(folder: Path, events: int, seed: int) -> None:
    """Simulate and digitise the events of a folder, on one thread and without a word."""
    import acts
    from acts import examples
    from acts.examples import json as configuration

    level = acts.logging.FATAL
    _, geometry = _detector()
    numbers = examples.RandomNumbers(seed=seed)
    cells = folder / "cells.json"
    cells.write_text(json.dumps(generic_detector.digitisation()))
    steps = examples.Sequencer(
        events=events,
        numThreads=1,
        logLevel=level,
        outputDir=str(folder),
        trackFpes=False,
    )
    steps.addReader(
        examples.CsvParticleReader(
            level=level, inputDir=str(folder), inputStem="particles", outputParticles="generated"
        )
    )
    steps.addAlgorithm(
        examples.FatrasSimulation(
            level=level,
            inputParticles="generated",
            outputParticles="simulated",
            outputSimHits="hits",
            randomNumbers=numbers,
            trackingGeometry=geometry,
            magneticField=acts.ConstantBField(
                acts.Vector3(0, 0, generic_detector.FIELD * acts.UnitConstants.T)
            ),
            pMin=_MINIMUM_MOMENTUM * acts.UnitConstants.GeV,
        )
    )
    digitisation = examples.DigitizationAlgorithm.Config(
        digitizationConfigs=configuration.readDigiConfigFromJson(str(cells)),
        surfaceByIdentifier=geometry.geoIdSurfaceMap(),
        randomNumbers=numbers,
        inputSimHits="hits",
        # Every hit has one particle, as in TrackML: clusters that touch stay apart.
        doMerge=False,
    )
    steps.addAlgorithm(examples.DigitizationAlgorithm(digitisation, level))
    _add_writers(steps, folder, digitisation)
    steps.run()


def _add_writers(steps: Any, folder: Path, digitisation: Any) -> None:
    """Have particles, true hits, clusters and their cells written."""
    from acts import examples, logging

    place = {"level": logging.FATAL, "outputDir": str(folder)}
    steps.addWriter(
        examples.CsvParticleWriter(
            **place, inputParticles="simulated", outputStem="particles_simulated"
        )
    )
    steps.addWriter(examples.CsvSimHitWriter(**place, inputSimHits="hits", outputStem="hits"))
    steps.addWriter(
        examples.CsvMeasurementWriter(
            **place,
            inputMeasurements=digitisation.outputMeasurements,
            inputClusters=digitisation.outputClusters,
            inputMeasurementSimHitsMap=digitisation.outputMeasurementSimHitsMap,
        )
    )


def _read(folder: Path, event: int) -> tuple[ParticleTable, ParticleTable]:
    """Hits and particles of one event; `particle` counts within it."""
    measured, cells, pairs, true, rows = (
        _columns(folder / f"{_EVENT.format(event)}-{stem}.csv")
        for stem in (
            "measurements",
            "cells",
            "measurement-simhit-map",
            "hits",
            "particles_simulated",
        )
    )
    true = take(true, pairs["hit_id"][np.argsort(pairs["measurement_id"])])
    known, order = np.unique(_barcode(rows), return_index=True)
    row = order[np.searchsorted(known, _barcode(true))]
    left, particle = np.unique(row, return_inverse=True)
    identity = measured["geometry_id"]
    hits: ParticleTable = {
        # Bits of an identity in ACTS: 8 volume, 8 boundary, 12 layer, 8 approach, 20 sensitive.
        "volume": (identity >> 56).astype(np.int8),
        "layer": (identity >> 36 & 0xFFF).astype(np.int8),
        "module": (identity >> 8 & 0xFFFFF).astype(np.int16),
        **{axis: measured[f"global_{axis}"] for axis in "xyz"},
        **{f"width_{axis}": _width(cells, len(identity), i) for i, axis in enumerate("uv")},
        "particle": particle,
        "order": true["index"],
        **{name: true[name] for name in ("tx", "ty", "tz")},
    }
    # The order in a module must not tell the particle.
    hits = take(hits, np.lexsort((hits["x"], identity)))
    rows = take(rows, left)
    particles: ParticleTable = {
        "id": rows["particle_type"],
        "charge": rows["q"],
        "vertex": rows["particle_id_pv"] - 1,
        **{name: rows[name] for name in ("px", "py", "pz")},
        **{axis: rows[f"v{axis}"] for axis in "xyz"},
        "hits": np.bincount(particle),
        "generation": rows["particle_id_gen"],
    }
    return hits, particles


def _columns(path: Path) -> ParticleTable:
    from pyarrow import csv

    table = csv.read_csv(path)
    return {name: table[name].to_numpy() for name in table.column_names if name != "local_key"}


def _barcode(rows: ParticleTable) -> NDArray[np.int64]:
    """Number of a particle within the event, whether given or made in the material."""
    part, generation, sub = (rows[f"particle_id_{name}"] for name in ("part", "gen", "subpart"))
    return (part << 32) + (generation << 16) + sub


def _width(cells: ParticleTable, measurements: int, axis: int) -> NDArray[np.int16]:
    """Cells from the first to the last of each cluster."""
    first = np.full(measurements, np.iinfo(np.int64).max)
    last = np.full(measurements, -1)
    channel = cells[f"channel{axis}"]
    np.minimum.at(first, cells["measurement_id"], channel)
    np.maximum.at(last, cells["measurement_id"], channel)
    return (last - first + 1).astype(np.int16)
