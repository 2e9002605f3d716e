"""Particle level and parton level of events with a lepton, a neutrino and jets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import ancestry, clustering, detector, jets, pythia
from hepml_lib.samples.detector import ParticleTable, take

__all__ = [
    "ROLES",
    "fiducial",
    "lepton_and_jets",
    "neutrinos",
    "semileptonic_top_pair",
    "with_lepton",
]

RADIUS = 0.4
DRESSING = 0.1
LEPTON_PT, LEPTON_ETA = 25.0, 2.4
JET_PT, JET_ETA = 30.0, 2.4
JETS, B_JETS = 4, 2
MIN_JET_PT, MAX_JET_ETA = 20.0, 2.5

ROLES = ("b of the leptonic top", "b of the hadronic top", "quark of the W", "antiquark of the W")
"""Quarks of `semileptonic_top_pair`, in their order."""


def with_lepton(table: ParticleTable, pt: float) -> tuple[ParticleTable, NDArray[np.int64]]:
    """Events with a stable electron or muon, numbered anew.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    pt
        Softest lepton [GeV]; it has |η| < 2.64.

    Returns
    -------
    table : ParticleTable
        The same columns of these events.
    number : ndarray
        Their `event` before.
    """
    lepton = (table["status"] > 0) & np.isin(np.abs(table["id"]), (11, 13))
    transverse = np.hypot(table["px"], table["py"])
    hard = lepton & (transverse > pt) & (np.abs(table["pz"]) < np.sinh(2.64) * transverse)
    number = np.unique(table["event"][hard])
    chosen = take(table, np.isin(table["event"], number))
    chosen["event"] = np.searchsorted(number, chosen["event"])
    chosen["first"] = np.searchsorted(chosen["event"], chosen["event"])
    return chosen, number


def lepton_and_jets(
    table: ParticleTable, particles: ParticleTable, decays: ParticleTable
) -> tuple[ParticleTable, ParticleTable]:
    """Prompt leptons with the photons near them, and the jets of everything else.

    Parameters
    ----------
    table, particles, decays
        Columns of `pythia.records`, `pythia.visible_particles` and `ancestry.weak_decays`.

    Returns
    -------
    leptons : ParticleTable
        `event`, `pt` [GeV], `eta`, `phi` [rad], `kind`, `charge`: electrons and muons above 10 GeV
        that stem from no hadron, with all such photons within 0.1, hardest first in each event.
    jets : ParticleTable
        Anti-kT jets of R = 0.4 above 20 GeV in |η| < 2.5, hardest first, with `label`
        (`ancestry.jet_labels`). None is within 0.4 of one of the leptons.
    """
    prompt = ancestry.prompt(table)[particles["record"]]
    bare = np.flatnonzero(prompt & (particles["kind"] >= detector.ELECTRON))
    photon = np.flatnonzero(prompt & (particles["kind"] == detector.PHOTON))
    owner = jets.match(take(particles, photon), take(particles, bare), DRESSING)
    photon, owner = photon[owner >= 0], owner[owner >= 0]
    pt, eta, phi = (particles[name] for name in ("pt", "eta", "phi"))
    momenta = [
        component[bare] + np.bincount(owner, component[photon], len(bare))
        for component in (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    ]
    leptons = pythia.polar(*momenta) | {
        name: particles[name][bare] for name in ("event", "kind", "charge")
    }
    leptons = take(leptons, leptons["pt"] > 10)
    leptons = take(leptons, jets.hardest_first(leptons["pt"], leptons["event"]))
    rest = np.ones(len(prompt), bool)
    rest[bare] = rest[photon] = False
    particle_jets, _ = clustering.anti_kt(
        detector.perfect(take(particles, rest)), RADIUS, MIN_JET_PT
    )
    particle_jets["label"], _ = ancestry.jet_labels(particle_jets, decays)
    alone = jets.number_near(particle_jets, leptons, RADIUS) == 0
    particle_jets = take(particle_jets, alone & (np.abs(particle_jets["eta"]) < MAX_JET_ETA))
    return leptons, take(
        particle_jets, jets.hardest_first(particle_jets["pt"], particle_jets["event"])
    )


def fiducial(
    leptons: ParticleTable, particle_jets: ParticleTable, events: int
) -> NDArray[np.bool_]:
    """Events of the fiducial region, one flag per event.

    Exactly one lepton with pT > 25 GeV and |η| < 2.4, and at least four jets with pT > 30 GeV and
    |η| < 2.4, of which at least two have a b hadron: the region of CMS's measurements of top pairs
    with one lepton (arXiv:2108.02803) in outline.

    Parameters
    ----------
    leptons, particle_jets
        As `lepton_and_jets` gives them.
    events
        Number of events.

    Returns
    -------
    ndarray
        Flags, one per event.

    Examples
    --------
    Four jets, two of them of b quarks, and a lepton; in the second event it is too soft:

    >>> lepton = {"event": np.array([0, 1]), "pt": np.array([40.0, 24.0]), "eta": np.zeros(2)}
    >>> four = {"event": np.repeat([0, 1], 4), "pt": np.full(8, 50.0), "eta": np.zeros(8)}
    >>> four["label"] = np.array([5, 5, 0, 0] * 2)
    >>> fiducial(lepton, four, 2).tolist()
    [True, False]
    """
    good = (leptons["pt"] > LEPTON_PT) & (np.abs(leptons["eta"]) < LEPTON_ETA)
    hard = (particle_jets["pt"] > JET_PT) & (np.abs(particle_jets["eta"]) < JET_ETA)
    leptons_number, jets_number, b_number = (
        np.bincount(table["event"][chosen], minlength=events)
        for table, chosen in (
            (leptons, good),
            (particle_jets, hard),
            (particle_jets, hard & (particle_jets["label"] == 5)),
        )
    )
    return (leptons_number == 1) & (jets_number >= JETS) & (b_number >= B_JETS)


def neutrinos(table: ParticleTable, events: int) -> ParticleTable:
    """Sum of the neutrinos that stem from no hadron, per event: `pt` [GeV], `eta`, `phi`.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    events
        Number of events.

    Returns
    -------
    ParticleTable
        One row per event; zero momentum where there is no neutrino.
    """
    chosen = (table["status"] > 0) & np.isin(np.abs(table["id"]), (12, 14, 16))
    stable = take(table, chosen & ancestry.prompt(table))
    return pythia.polar(
        *(np.bincount(stable["event"], stable[name], events) for name in ("px", "py", "pz"))
    )


def semileptonic_top_pair(table: ParticleTable) -> tuple[ParticleTable, ParticleTable]:
    """Tops and quarks of events with one hadronic and one leptonic top each.

    Parameters
    ----------
    table
        Columns of `pythia.records`.

    Returns
    -------
    tops : ParticleTable
        Columns of `pythia.directions` and `mass` [GeV] at the last copy, shape (events, 2): the
        leptonic top, the hadronic top.
    quarks : ParticleTable
        The same of the quarks before they radiate, shape (events, 4): `ROLES`.

    Raises
    ------
    ValueError
        If an event is of another kind.
    """
    code, event = table["id"], table["event"]
    kind, mother = np.abs(code), table["first"] + table["mother1"]
    parent = ancestry.nearest(table, (kind == 24) | (kind == 6))[mother]
    quark = (kind < 6) & (np.abs(table["status"]) == 23) & (parent >= 0)
    of_w, of_top = (np.flatnonzero(quark & (kind[parent] == which)) for which in (24, 6))
    if not (np.bincount(event[of_w], minlength=int(event.max()) + 1) == 2).all():
        raise ValueError("some events do not have one hadronic W: the hook must choose them")
    # The W has the sign of its top, and so has the b quark.
    hadronic = np.sign(code) == np.sign(code[parent[of_w[::2]]])[event]
    last = np.flatnonzero((kind == 6) & (code[table["first"] + table["daughter1"]] != code))

    def pairs(rows: NDArray[np.int64], order: NDArray) -> NDArray[np.int64]:
        """Two rows for each event, in the given order."""
        return rows[np.lexsort((order[rows], event[rows]))].reshape(-1, 2)

    quarks = np.concatenate([pairs(of_top, hadronic), pairs(of_w, -code)], axis=1)
    return _with_mass(table, pairs(last, hadronic)), _with_mass(table, quarks)


def _with_mass(table: ParticleTable, rows: NDArray[np.int64]) -> ParticleTable:
    """Directions and mass of rows of the record, in the shape of `rows`."""
    particles = pythia.with_mass(pythia.directions(take(table, rows.ravel())))
    return {name: column.reshape(rows.shape) for name, column in particles.items()}
