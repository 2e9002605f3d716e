"""Samples of jets in several classes: their labels, their spectra, what is inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import substructure
from hepml_lib.samples import clustering, constituents, detector, jets, pythia, truth
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = [
    "GLUON",
    "HIGGS",
    "QUARK",
    "TOP",
    "Definition",
    "Selected",
    "W",
    "Z",
    "balanced",
    "flat_spectrum",
    "observables",
    "origin",
    "select",
]

QUARK, TOP, GLUON, Z, W, HIGGS = 1, 6, 21, 23, 24, 25
"""What a jet comes from, after the PDG's codes; 1 is any of u, d and s."""

_RADIUS = 0.8
_MIN_CONSTITUENT_PT = 0.5
_AXIS_STEP = 2.0**-10
_BITS = 9


@dataclass(frozen=True)
class Definition:
    """Jets of a sample.

    Attributes
    ----------
    sources
        What the jets of each label come from.
    cards
        Command file of each label.
    window, eta_max
        Limits of pT [GeV] and of |η|.
    densities, slope
        Spectra of each label and the common one, see `flat_spectrum`.
    max_constituents, step, bits
        Constituents kept and their precision, see `constituents.listed`.
    """

    sources: tuple[int, ...]
    cards: tuple[str, ...]
    window: tuple[float, float]
    eta_max: float
    densities: tuple[tuple[float, ...], ...]
    slope: float
    max_constituents: int
    step: float
    bits: int


@dataclass(frozen=True)
class Selected:
    """Jets of one batch.

    Attributes
    ----------
    columns
        What the file holds of them.
    axes
        Their `event`, `pt`, `eta`, `phi`, `mass`.
    constituents
        Candidates that are the listed constituents, end to end.
    counts
        Listed constituents of each jet.
    table
        Event records of the batch, as `pythia.records` gives them.
    """

    columns: Columns
    axes: ParticleTable
    constituents: ParticleTable
    counts: NDArray[np.int64]
    table: ParticleTable


def balanced(
    definition: Definition, select: Callable[[ak.Array, int, np.random.Generator], Columns]
) -> Mixture:
    """Mixture of as many jets of each class.

    Parameters
    ----------
    definition
        Of the sample.
    select
        ``select(batch, label, rng)`` gives the jets of a batch of collisions as columns.

    Returns
    -------
    Mixture
        To be the recipe's `make`.
    """
    processes = tuple(
        Process(card, columns={"label": np.int8(label)})
        for label, card in enumerate(definition.cards)
    )
    return Mixture(processes, select, batch=100, smallest_batch=100, stride=100_000)


def select(
    definition: Definition, batch: ak.Array, label: int, rng: np.random.Generator
) -> Selected:
    """Jets of a batch of collisions that pass the definition of a class.

    Parameters
    ----------
    definition
        Of the sample.
    batch
        As `pythia.batches` gives it.
    label
        Which class.
    rng
        Fluctuations of the detector, and which jets are kept for a flat spectrum.

    Returns
    -------
    Selected
        Columns, axes and constituents.
    """
    window, eta_max = definition.window, definition.eta_max
    table = pythia.records(batch.prt)
    particles = pythia.visible_particles(table)
    candidates = detector.respond(particles, rng).candidates
    axes, members = clustering.anti_kt(candidates, _RADIUS, window[0])
    inside = (axes["pt"] < window[1]) & (np.abs(axes["eta"]) < eta_max)
    axes, members = take(axes, inside), members[inside]
    parton, chosen = origin(table, axes, definition.sources[label], _RADIUS)
    density = definition.densities[label]
    chosen &= flat_spectrum(axes, density, window, eta_max, definition.slope, rng)
    axes, parton, members = take(axes, chosen), take(parton, chosen), members[chosen]
    listed, rows = constituents.listed(
        candidates,
        axes,
        members,
        definition.max_constituents,
        _MIN_CONSTITUENT_PT,
        definition.step,
        definition.bits,
    )
    generated = jets.nearest_generated(particles, axes, _RADIUS, 0.5 * window[0])
    columns = {
        "event": axes["event"],
        **{name: round_mantissa(axes[name], _BITS) for name in ("pt", "mass")},
        **{name: round_to_step(axes[name], _AXIS_STEP) for name in ("eta", "phi")},
        **observables(candidates, members),
        **parton,
        **{name: round_mantissa(value, _BITS) for name, value in generated.items()},
    }
    counts = ak.to_numpy(ak.num(listed["constituents_pt"]))
    return Selected(columns | listed, axes, take(candidates, rows), counts, table)


def origin(
    table: ParticleTable, axes: ParticleTable, source: int, radius: float
) -> tuple[ParticleTable, NDArray[np.bool_]]:
    """What each jet comes from, and whether that is what its class asks for.

    A quark or gluon is the nearest outgoing parton of the hard process within `radius` of the
    axis; a boson or top lies within `radius` with all its quarks.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    axes
        Jets: `event` (ascending), `eta`, `phi` [rad].
    source
        `QUARK`, `GLUON`, `W`, `Z`, `HIGGS` or `TOP`.
    radius
        Largest distance ΔR.

    Returns
    -------
    truth : ParticleTable
        `parton_id`; `parton_pt` [GeV]; `decay_flavour`, the heaviest quark of the decay, and
        `decay_angle`, |cos θ*| of the quarks of a boson; both 0 for others.
    matched : ndarray
        Whether the jet belongs to the class; its other columns mean nothing if not.
    """
    number = len(axes["event"])
    flavour, angle = np.zeros(number, np.int8), np.zeros(number, np.float32)
    if source in (QUARK, GLUON):
        partons = pythia.directions(take(table, np.abs(table["status"]) == 23))
        row = jets.match(axes, partons, radius)
        code = np.abs(partons["id"][row])
        matched = (row >= 0) & ((code == GLUON) if source == GLUON else (code <= 3))
    else:
        partons, quarks = truth.decays(table, source)
        row = jets.contained(axes, partons, quarks, radius)
        matched = row >= 0
        flavour = np.abs(quarks["id"]).max(axis=1, initial=0)[row].astype(np.int8)
        if source != TOP:
            angle = _decay_angle(quarks)[row]
    return {
        "parton_id": partons["id"][row].astype(np.int8),
        "parton_pt": round_mantissa(partons["pt"][row], _BITS),
        "decay_flavour": flavour,
        "decay_angle": round_mantissa(angle, 7),
    }, matched


def _decay_angle(quarks: ParticleTable) -> NDArray[np.floating]:
    """|cos θ*| of the quarks of bosons, in the boson's rest frame about its direction of flight.

    For massless quarks of energies E₁, E₂ and total momentum P it is |E₁ − E₂|/P.
    """
    pt, eta, phi = (quarks[name] for name in ("pt", "eta", "phi"))
    components = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    momentum = np.sqrt(sum(component.sum(axis=1) ** 2 for component in components))
    energy = quarks["energy"]
    return np.minimum(np.abs(energy[:, 0] - energy[:, 1]) / momentum, 1)


def flat_spectrum(
    axes: ParticleTable,
    density: Sequence[float],
    window: tuple[float, float],
    eta_max: float,
    slope: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Jets to keep so that every class has the same spectrum in pT and η.

    With x from −1 to 1 over the window in pT and y = (η/η_max)², a class has jets in proportion to
    exp(a x + b x² + c y + d y² + e x y); those kept are flat in x and fall as exp(−slope y).

    Parameters
    ----------
    axes
        Jets in the window: `pt` [GeV], `eta`.
    density
        The numbers a to e.
    window
        Limits of pT [GeV].
    eta_max
        Limit of |η|.
    slope
        How the common spectrum falls towards the limit.
    rng
        Decides which jets are kept.

    Returns
    -------
    ndarray
        Flags, one per jet.

    Examples
    --------
    Of a spectrum that falls by e² over the window, (1 − e⁻²)/2 is as flat as its end:

    >>> axes = {"pt": np.linspace(400, 800, 10_000), "eta": np.zeros(10_000)}
    >>> rng = np.random.default_rng(1)
    >>> kept = flat_spectrum(axes, (-1.0, 0.0, 0.0, 0.0, 0.0), (400.0, 800.0), 1.5, 0.0, rng)
    >>> float(kept.mean().round(2))
    0.43
    """
    grid = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(0, 1, 41))
    most = _excess(*grid, density, slope).max()
    x = (2 * axes["pt"] - sum(window)) / (window[1] - window[0])
    chance = np.exp(_excess(x, (axes["eta"] / eta_max) ** 2, density, slope) - most)
    return rng.random(len(x)) < chance


def _excess(x: NDArray, y: NDArray, density: Sequence[float], slope: float) -> NDArray[np.floating]:
    """Logarithm of the wanted density over the present one, up to a constant."""
    a, b, c, d, e = density
    return -slope * y - (a * x + b * x**2 + c * y + d * y**2 + e * x * y)


def observables(candidates: ParticleTable, members: ak.Array) -> ParticleTable:
    """What is inside jets, from all their constituents: mass after grooming, τ₁ to τ₄, e₂, e₃.

    Parameters
    ----------
    candidates
        `pt` [GeV], `eta`, `phi` [rad], `kind`.
    members
        As `clustering.anti_kt` gives them.

    Returns
    -------
    ParticleTable
        One row per jet; masses in GeV.
    """
    inside = constituents.contents(candidates, members)
    values: ParticleTable = {"groomed_mass": substructure.softdrop_mass(inside, radius=_RADIUS)}
    for n in range(1, 5):
        values[f"tau_{n}"] = substructure.nsubjettiness(inside, n, _RADIUS)
    values["ecf_2"], values["ecf_3"] = substructure.energy_correlators(inside)
    rounded = {name: round_mantissa(value, _BITS) for name, value in values.items()}
    return rounded | {"multiplicity": substructure.multiplicity(inside).astype(np.int16)}
