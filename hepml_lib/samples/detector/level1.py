"""Level-1 trigger: objects of towers and muon chambers, as the integers of the hardware.

The algorithms are those of the CMS calorimeter trigger (arXiv:2006.10165) in short: towers of
0.5 GeV, jets of 9 × 9 towers around a local maximum less the pileup in strips beside them,
electromagnetic clusters around a seed, a vector sum of everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples.detector.calorimeter import FORWARD, TOWER
from hepml_lib.samples.detector.table import MUON, ParticleTable, rank

__all__ = ["EGAMMAS", "JETS", "MUONS", "SCALES", "SLOTS", "trigger"]

JETS, EGAMMAS, MUONS = 10, 4, 4
SLOTS = {"jets": JETS, "egammas": EGAMMAS, "muons": MUONS}
"""Objects of each kind that are kept, the hardest first."""

SCALES = {
    "pt": 0.5,
    "eta": TOWER / 2,
    "phi": 2 * np.pi / 144,
    "muon_eta": 0.010875,
    "muon_phi": 2 * np.pi / 576,
}
"""Value of the last bit: pT [GeV], angles of calorimeter objects and of muons [rad]."""

_PHI = 72
_ETA = 116
"""Cells in φ and η; forward towers fill four cells each."""

_ENDCAP = 28
"""Electromagnetic clusters are looked for up to here [cells from η = 0]: |η| < 2.44."""

_EDGE = 9
"""Cells added on every side, more than the widest window reaches."""

_Int = NDArray[np.int32]
_Cells = tuple[NDArray, NDArray, NDArray]
_Span = tuple[int, int]


def trigger(
    towers: ParticleTable, particles: ParticleTable, events: int, rng: np.random.Generator
) -> dict[str, _Int]:
    """Level-1 objects of many events.

    Parameters
    ----------
    towers
        Towers of `respond`: `event`, `eta`, `phi`, `em`, `had` [GeV].
    particles
        Particles of the events, for the muons: `event`, `pt` [GeV], `eta`, `phi` [rad], `kind`,
        `bunch`.
    events
        Number of events; `event` counts from 0.
    rng
        Resolution and efficiency of the muon trigger.

    Returns
    -------
    dict
        Integers on the scales of `SCALES`: ``met`` (n, 2), pT and φ; ``jets`` (n, 10, 3), pT, η,
        φ; ``egammas`` (n, 4, 4), pT, η, φ and the transverse energy around, on the pT scale;
        ``muons`` (n, 4, 4), pT, η, φ and quality (12 best, 8, 4); ``sums`` (n, 2), total
        transverse energy and the sum of jets above 30 GeV in |η| < 2.5. Empty places are zero.
    """
    em, had = (_image(towers, name, events) for name in ("em", "had"))
    jets = _jets(em + had)
    central = (jets[..., 0] >= 60) & (np.abs(jets[..., 1]) < 58)
    ht = np.where(central, jets[..., 0], 0).sum(axis=1)
    total = (em + had).sum(axis=(1, 2))
    return {
        "met": _met(em + had),
        "jets": jets,
        "egammas": _egammas(em, had),
        "muons": _muons(particles, events, rng),
        "sums": np.stack([total, ht], axis=1).astype(np.int32),
    }


def _image(towers: ParticleTable, name: str, events: int) -> _Int:
    """Transverse energies on a regular grid [half GeV]: below half a GeV zero, at most 255 GeV."""
    eta, phi = towers["eta"], towers["phi"]
    transverse = towers[name] / np.cosh(eta) / SCALES["pt"]
    # The middle of a forward tower is a corner of four cells.
    row = np.floor(eta / TOWER + 1e-6).astype(np.int64) + _ETA // 2
    column = np.floor(phi / TOWER + 1e-6).astype(np.int64)
    forward = np.abs(eta) > FORWARD
    image = np.zeros(events * _ETA * _PHI)
    for up, along, chosen, share in (
        (0, 0, ~forward, 1.0),
        *((up, along, forward, 0.25) for up in (-1, 0) for along in (-1, 0)),
    ):
        line, there = row[chosen] + up, (column[chosen] + along) % _PHI
        cell = (towers["event"][chosen] * _ETA + np.clip(line, 0, _ETA - 1)) * _PHI + there
        image += np.bincount(cell, share * transverse[chosen], len(image))
    return np.minimum(image, 510).astype(np.int32).reshape(events, _ETA, _PHI)


def _integral(image: _Int) -> _Int:
    """Sums from the corner to each cell; φ goes round, beyond the end of η there is nothing."""
    rows = np.pad(image, ((0, 0), (_EDGE, _EDGE), (0, 0)))
    around = np.pad(rows, ((0, 0), (0, 0), (_EDGE, _EDGE)), mode="wrap")
    return around.cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)


def _window(integral: _Int, cells: _Cells, rows: _Span, columns: _Span) -> _Int:
    """Sum of the cells from `rows[0]` to `rows[1]` and `columns[0]` to `columns[1]` around each."""
    event, row, column = cells
    top, bottom = row + _EDGE + rows[0] - 1, row + _EDGE + rows[1]
    left, right = column + _EDGE + columns[0] - 1, column + _EDGE + columns[1]
    return (
        integral[event, bottom, right]
        - integral[event, top, right]
        - integral[event, bottom, left]
        + integral[event, top, left]
    )


def _peaks(image: _Int, least: int, half: int) -> _Cells:
    """Cells of at least `least` that no cell of the window exceeds; of equals the first counts."""
    from scipy.ndimage import maximum_filter

    cells = _ETA * _PHI
    rank = cells - 1 - np.arange(cells, dtype=np.int32).reshape(_ETA, _PHI)
    unique = image * cells + rank
    size = (1, 2 * half + 1, 2 * half + 1)
    highest = maximum_filter(unique, size, mode=("constant", "constant", "wrap"))
    event, row, column = np.nonzero((unique == highest) & (image >= least))
    return event, row, column


def _hardest(cells: _Cells, pt: _Int, events: int, places: int, *more: _Int) -> _Int:
    """The hardest objects of each event as (pT, η, φ, ...), on the scales of the hardware."""
    event, row, column = cells
    columns = np.stack([pt, 2 * (row - _ETA // 2) + 1, (2 * column + 1) % 144, *more], axis=1)
    return _first(event[pt > 0], columns[pt > 0], events, places)


def _first(event: NDArray, columns: NDArray, events: int, places: int) -> _Int:
    """Rows of each event by falling pT, their first column; as many as there are places."""
    order = np.lexsort((-columns[:, 0], event))
    event, columns = event[order], columns[order]
    place = rank(event)
    fits = place < places
    hardest = np.zeros((events, places, columns.shape[1]), np.int32)
    hardest[event[fits], place[fits]] = columns[fits]
    return hardest


def _jets(image: _Int) -> _Int:
    cells, integral = _peaks(image, 8, 4), _integral(image)
    spans = (((-4, 4), (5, 7)), ((-4, 4), (-7, -5)), ((5, 7), (-4, 4)), ((-7, -5), (-4, 4)))
    strips = np.sort([_window(integral, cells, *span) for span in spans], axis=0)
    # Three strips of 3 × 9 cover the area of the jet; the fourth may hold another jet.
    pt = _window(integral, cells, (-4, 4), (-4, 4)) - strips[:3].sum(axis=0)
    return _hardest(cells, np.clip(pt, 0, 2047), len(image), JETS)


def _egammas(em: _Int, had: _Int) -> _Int:
    """Clusters of 2 × 3 cells with little energy behind and beside them."""
    cells = _peaks(em, 4, 2)
    crystals, everything = _integral(em), _integral(em + had)
    pt = np.maximum(*(_window(crystals, cells, rows, (-1, 1)) for rows in ((-1, 0), (0, 1))))
    around = _window(everything, cells, (-2, 3), (-4, 4)) - pt
    # A jet of many towers is no electron: what lies around may not outweigh the cluster.
    good = (had[cells] < 0.1 * em[cells] + 2) & (around < 2 * pt + 20)
    good &= (cells[1] >= _ETA // 2 - _ENDCAP) & (cells[1] < _ETA // 2 + _ENDCAP)
    pt = np.where(good, np.clip(pt, 0, 511), 0)
    return _hardest(cells, pt, len(em), EGAMMAS, np.clip(around, 0, 255))


def _met(image: NDArray) -> _Int:
    phi = (np.arange(_PHI) + 0.5) * TOWER
    rows = image.sum(axis=1)
    px, py = -rows @ np.cos(phi), -rows @ np.sin(phi)
    angle = np.floor((np.arctan2(py, px) % (2 * np.pi)) / SCALES["phi"]).astype(np.int32) % 144
    return np.stack([np.clip(np.hypot(px, py), 0, 4095).astype(np.int32), angle], axis=1)


def _muons(particles: ParticleTable, events: int, rng: np.random.Generator) -> _Int:
    """Muons of the chambers alone: 20 to 30 % resolution, 93 % efficiency (of CMS's size; ours)."""
    muon = (particles["kind"] == MUON) & (particles["bunch"] == 0) & (particles["pt"] > 3)
    row = np.flatnonzero(muon & (np.abs(particles["eta"]) < 2.4))
    row = row[rng.random(len(row)) < 0.93]
    event, pt, eta, phi = (particles[name][row] for name in ("event", "pt", "eta", "phi"))
    region = np.digitize(np.abs(eta), [0.83, 1.24])
    quality = np.array([12, 8, 4])[np.searchsorted([0.85, 0.95], rng.random(len(row)))]
    spread = np.array([0.20, 0.25, 0.30])[region] * np.where(quality == 12, 1.0, 1.5)
    # Curvature is what is measured: its error is symmetric, that of pT is not.
    curvature = np.maximum(1 + spread * rng.standard_normal(len(row)), 0.2)
    value = np.clip(pt / curvature / SCALES["pt"], 1, 511).astype(np.int32)
    columns = [
        value,
        np.floor(eta / SCALES["muon_eta"]).astype(np.int32),
        np.floor((phi % (2 * np.pi)) / SCALES["muon_phi"]).astype(np.int32) % 576,
        quality,
    ]
    return _first(event, np.stack(columns, axis=1), events, MUONS)
