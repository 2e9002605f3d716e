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
SOFTEST_JET, WIDEST = 20.0, 2.5

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
    some = take(table, np.isin(table["event"], number))
    some["event"] = np.searchsorted(number, some["event"])
    length = np.bincount(some["event"])
    some["first"] = np.repeat(np.cumsum(length) - length, length)
    return some, number


def lepton_and_jets(
    table: ParticleTable, particles: ParticleTable, decays: ParticleTable
) -> tuple[ParticleTable, ParticleTable]:
    """Prompt leptons with the photons near them, and the jets of everything else.

    Parameters
    ----------
    table, particles, decays
        Columns of `pythia.records`, `pythia.stable` and `ancestry.weak_decays`.

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
    components = _components(particles)
    near = [np.bincount(owner, axis[photon], len(bare)) for axis in components]
    momenta = components[:, bare] + np.stack(near)
    leptons = _directions(momenta) | {
        name: particles[name][bare] for name in ("event", "kind", "charge")
    }
    leptons = _hardest_first(take(leptons, leptons["pt"] > 10))
    rest = np.ones(len(prompt), bool)
    rest[bare] = rest[photon] = False
    found, _ = clustering.anti_kt(detector.perfect(take(particles, rest)), RADIUS, SOFTEST_JET)
    found["label"], _ = ancestry.jet_labels(found, decays)
    alone = jets.number_near(found, leptons, RADIUS) == 0
    return leptons, _hardest_first(take(found, alone & (np.abs(found["eta"]) < WIDEST)))


def _components(table: ParticleTable) -> NDArray[np.float64]:
    """Rows px, py, pz of massless particles [GeV]."""
    pt, eta, phi = (table[name] for name in ("pt", "eta", "phi"))
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])


def _directions(momenta: NDArray[np.float64]) -> ParticleTable:
    pt = np.hypot(momenta[0], momenta[1])
    eta = np.arcsinh(momenta[2] / np.maximum(pt, 1e-9))
    return {"pt": pt, "eta": eta, "phi": np.arctan2(momenta[1], momenta[0])}


def _hardest_first(table: ParticleTable) -> ParticleTable:
    return take(table, np.lexsort((-table["pt"], table["event"])))


def fiducial(leptons: ParticleTable, found: ParticleTable, events: int) -> NDArray[np.bool_]:
    """Events of the fiducial region, one flag per event.

    Exactly one lepton with pT > 25 GeV and |η| < 2.4, and at least four jets with pT > 30 GeV and
    |η| < 2.4, of which at least two have a b hadron: the region of CMS's measurements of top pairs
    with one lepton (arXiv:2108.02803) in outline.

    Parameters
    ----------
    leptons, found
        As `lepton_and_jets` gives them.
    events
        Number of events.

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
    hard = (found["pt"] > JET_PT) & (np.abs(found["eta"]) < JET_ETA)
    tagged = hard & (found["label"] == 5)
    number = {
        name: np.bincount(rows["event"][chosen], minlength=events)
        for name, rows, chosen in (
            ("leptons", leptons, good),
            ("jets", found, hard),
            ("b", found, tagged),
        )
    }
    return (number["leptons"] == 1) & (number["jets"] >= JETS) & (number["b"] >= B_JETS)


def neutrinos(table: ParticleTable, events: int) -> ParticleTable:
    """Sum of the neutrinos that stem from no hadron, per event: `pt` [GeV], `eta`, `phi`."""
    chosen = (table["status"] > 0) & np.isin(np.abs(table["id"]), (12, 14, 16))
    some = take(table, chosen & ancestry.prompt(table))
    return _directions(
        np.stack([np.bincount(some["event"], some[name], events) for name in ("px", "py", "pz")])
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
    code, mother = table["id"], table["first"] + table["mother1"]
    kind = np.abs(code)
    boson = ancestry.nearest(table, (kind == 24) | (kind == 6))[mother]
    quark = (kind < 6) & (np.abs(table["status"]) == 23) & (boson >= 0)
    of_w = np.flatnonzero(quark & (kind[boson] == 24))
    of_top = np.flatnonzero(quark & (kind[boson] == 6))
    events = int(table["event"].max()) + 1
    if not (np.bincount(table["event"][of_w], minlength=events) == 2).all():
        raise ValueError("some events do not have one hadronic W: the hook must choose them")
    # The W has the sign of its top, and so has the b quark.
    sign = np.zeros(events, np.int64)
    sign[table["event"][of_w]] = np.sign(code[boson[of_w]])
    last = (kind == 6) & (code[table["first"] + table["daughter1"]] != code)
    top = np.flatnonzero(last)
    parts = []
    for rows in (top, of_top):
        hadronic = np.sign(code[rows]) == sign[table["event"][rows]]
        parts.append(rows[np.lexsort((hadronic, table["event"][rows]))].reshape(events, 2))
    pair = of_w[np.lexsort((-code[of_w], table["event"][of_w]))].reshape(events, 2)
    return _rows(table, parts[0]), _rows(table, np.concatenate([parts[1], pair], axis=1))


def _rows(table: ParticleTable, rows: NDArray[np.int64]) -> ParticleTable:
    found = pythia.directions(take(table, rows.ravel()))
    momentum = found["pt"] * np.cosh(found["eta"])
    found["mass"] = np.sqrt(np.maximum(found["energy"] ** 2 - momentum**2, 0))
    return {name: column.reshape(rows.shape) for name, column in found.items()}
