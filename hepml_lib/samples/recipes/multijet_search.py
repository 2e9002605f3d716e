"""All-hadronic top pairs in multijets: a search whose background must come from data."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, detector, hooks, jets, pythia, truth
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process, normalised
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["B_TAG", "RECIPE", "make", "select"]

RADIUS, LARGE_RADIUS = 0.4, 1.0
JET_PT, LARGE_JET_PT = 30.0, 200.0
JET_ETA = 2.4
JETS = 6
HT = 600.0
HADRON_RADIUS = 0.3
ANGLE_STEP = 2.0**-7

B_TAG = {5: 0.75, 4: 0.15, 0: 0.01}
"""Probability that a jet is b tagged, by flavour (ours, of the size of a medium working point)."""

W_MASS, W_WIDTH, TOP_WIDTH = 80.4, 11.0, 22.0

QCD, TTBAR = 0, 1
CARDS = ("multijet_search_qcd", "multijet_search_ttbar")
SHARES = (4, 1)

# Measured [pb], with a statistical error of 0.9 % and 0.8 %.
_CROSS_SECTION = (2169.0, 15.57)


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with six jets and enough transverse momentum, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        `QCD` or `TTBAR`; both are selected alike.
    rng
        Fluctuations of the detector and of the b tag.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    table, events = pythia.records(batch.prt), len(batch)
    candidates = detector.respond(pythia.visible_particles(table), rng).candidates
    axes = jets.central(candidates, RADIUS, JET_PT, JET_ETA)
    ht = np.bincount(axes["event"], axes["pt"], events)
    passed = (np.bincount(axes["event"], minlength=events) >= JETS) & (ht > HT)
    axes = take(axes, passed[axes["event"]])
    axes["flavour"] = truth.jet_flavour(table, axes, HADRON_RADIUS)
    axes["b_tag"] = truth.drawn_b_tag(axes["flavour"], B_TAG, rng).astype(np.int8)
    kept = np.flatnonzero(passed)
    chosen = take(candidates, passed[candidates["event"]])
    large, _ = clustering.anti_kt(chosen, LARGE_RADIUS, LARGE_JET_PT)
    hardest = jets.hardest(large, np.abs(large["eta"]) < JET_ETA, events)[kept]
    flat = {"ht": ht[kept], **_shapes(axes), **_tops(axes)}
    flat |= {f"large_jet_{name}": jets.matched(large[name], hardest) for name in ("pt", "mass")}
    counts = np.bincount(axes["event"], minlength=events)[kept]
    tags = np.bincount(axes["event"], axes["b_tag"], events)[kept]
    stored = {
        "pt": round_mantissa(axes["pt"], 7),
        "mass": round_mantissa(axes["mass"], 5),
        "eta": round_to_step(axes["eta"], ANGLE_STEP),
        "phi": round_to_step(axes["phi"], ANGLE_STEP),
        "b_tag": axes["b_tag"],
        "flavour": axes["flavour"],
    }
    return (
        {"event": kept}
        | {name: round_mantissa(value, 9) for name, value in flat.items()}
        | {"jet_count": counts.astype(np.int8), "b_count": tags.astype(np.int8)}
        | jagged("jets", stored, counts)
    )


def _momenta(axes: ParticleTable) -> NDArray[np.float64]:
    """`px, py, pz, E` of jets, shape (jets, 4)."""
    pt, eta, phi, mass = (axes[name] for name in ("pt", "eta", "phi", "mass"))
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([px, py, pz, np.sqrt(pt**2 + pz**2 + mass**2)], axis=1)


def _shapes(axes: ParticleTable) -> ParticleTable:
    """Sphericity 3/2 (λ₂ + λ₃) and aplanarity 3/2 λ₃ of the jets' momentum tensor, λ₁ ≥ λ₂ ≥ λ₃."""
    event = np.unique(axes["event"], return_inverse=True)[1]
    momenta = _momenta(axes)[:, :3]
    tensor = np.zeros((event.max() + 1 if len(event) else 0, 3, 3))
    np.add.at(tensor, event, momenta[:, :, None] * momenta[:, None, :])
    tensor /= np.trace(tensor, axis1=1, axis2=2)[:, None, None]
    third, second, _ = np.linalg.eigvalsh(tensor).T
    return {"sphericity": 1.5 * (second + third), "aplanarity": 1.5 * np.maximum(third, 0)}


def _assignments() -> NDArray[np.int64]:
    """The 90 ways to make two tops of six jets: columns W, W, b of one, W, W, b of the other."""
    orders = permutations(range(6))
    return np.array([o for o in orders if o[0] < o[1] and o[3] < o[4] and o[2] < o[5]])


_ASSIGNMENTS = _assignments()


def _tops(axes: ParticleTable) -> ParticleTable:
    """Top pair of the six hardest jets with the smallest χ²; b tags are not used.

    χ² = Σ (m(W) − 80.4)²/σ(W)² + (m(t₁) − m(t₂))²/σ(Δ)², with resolutions of ours.
    """
    six = take(axes, jets.position(axes["event"]) < JETS)
    momenta = _momenta(six).reshape(-1, JETS, 4)[:, _ASSIGNMENTS]
    halves = momenta.reshape(len(momenta), len(_ASSIGNMENTS), 2, 3, 4)
    bosons, tops = _mass(halves[..., :2, :].sum(axis=-2)), _mass(halves.sum(axis=-2))
    chi2 = ((bosons - W_MASS) ** 2).sum(axis=-1) / W_WIDTH**2
    chi2 += (tops[..., 0] - tops[..., 1]) ** 2 / TOP_WIDTH**2
    best = np.arange(len(chi2)), chi2.argmin(axis=1)
    return {
        "chi2": chi2[best],
        "w_mass": bosons[best].mean(axis=-1),
        "top_mass": tops[best].mean(axis=-1),
    }


def _mass(momenta: NDArray[np.float64]) -> NDArray[np.float64]:
    square = momenta[..., 3] ** 2 - (momenta[..., :3] ** 2).sum(axis=-1)
    return np.sqrt(np.maximum(square, 0))


make = Mixture(
    tuple(
        Process(
            card,
            share,
            hook=partial(hooks.multijets, early=process == QCD),
            columns=normalised(process, cross_section),
        )
        for process, (card, share, cross_section) in enumerate(
            zip(CARDS, SHARES, _CROSS_SECTION, strict=True)
        )
    ),
    select,
    # However few are asked for, a batch holds some that pass.
    smallest_batch=20,
)

RECIPE = Recipe(
    name="multijet_search",
    number=7,
    version=1,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=1.5,
    cards=make.cards,
    make=make,
)
