"""Whole events: transverse masses and sums, and the inputs of classifiers of H → ττ.

Momenta in GeV, angles in rad. What an event does not define is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.batch import JetBatch

__all__ = [
    "DITAU_MOMENTA",
    "DITAU_OBSERVABLES",
    "ditau_momenta",
    "ditau_observables",
    "hadronic_sums",
    "stransverse_mass",
    "transverse_mass",
]

Array = NDArray[np.float64]

_DERIVED = (
    "DER_mass_MMC",
    "DER_mass_transverse_met_lep",
    "DER_mass_vis",
    "DER_pt_h",
    "DER_deltaeta_jet_jet",
    "DER_mass_jet_jet",
    "DER_prodeta_jet_jet",
    "DER_deltar_tau_lep",
    "DER_pt_tot",
    "DER_sum_pt",
    "DER_pt_ratio_lep_tau",
    "DER_met_phi_centrality",
    "DER_lep_eta_centrality",
)

DITAU_OBSERVABLES = (*_DERIVED, "MT2", "MHT")
"""Columns of `ditau_observables`: the challenge's derived quantities and two more."""

_OBJECTS = ("tau", "lep", "jet_leading", "jet_subleading")

DITAU_MOMENTA = (
    *("tau_pt", "tau_eta", "lep_pt", "lep_eta", "lep_cos", "lep_sin", "met_pt", "met_cos"),
    *("met_sin", "sumet", "jets", "jets_pt"),
    *(f"{jet}_{part}" for jet in ("jet1", "jet2") for part in ("pt", "eta", "cos", "sin")),
)
"""Columns of `ditau_momenta`; cosine and sine are of the azimuth from the tau."""


def transverse_mass(pt_1: ArrayLike, phi_1: ArrayLike, pt_2: ArrayLike, phi_2: ArrayLike) -> Array:
    """Mass √(2 p₁ p₂ (1 − cos Δφ)) of two transverse momenta [GeV].

    Of the lepton and the neutrino of a W boson it does not exceed the mass of the W.

    Parameters
    ----------
    pt_1, phi_1, pt_2, phi_2
        Of the two [GeV, rad], of shapes that broadcast.

    Returns
    -------
    ndarray of float64
        The masses [GeV], in the common shape of the arguments.

    Examples
    --------
    A W boson at rest whose decay is across the beam:

    >>> float(transverse_mass(40.2, 0.0, 40.2, np.pi))
    80.4
    """
    pt_1, phi_1, pt_2, phi_2 = (np.asarray(x, np.float64) for x in (pt_1, phi_1, pt_2, phi_2))
    return np.sqrt(2 * pt_1 * pt_2 * (1 - np.cos(phi_1 - phi_2)))


def stransverse_mass(
    visible_1: Mapping[str, ArrayLike],
    visible_2: Mapping[str, ArrayLike],
    met_pt: ArrayLike,
    met_phi: ArrayLike,
) -> Array:
    """M_T2 [GeV]: the least mass that a pair of equal parents must have had.

    Each parent decays to a visible particle and an invisible one without mass. Of all ways to share
    the missing momentum between the two it takes the one whose larger transverse mass is smallest.
    So it does not exceed the mass of the parents.

    Parameters
    ----------
    visible_1, visible_2
        `pt`, `phi` and `mass` of the visible particles [GeV, rad], shape (events,) each.
    met_pt, met_phi
        Missing transverse momentum [GeV, rad], shape (events,).

    Returns
    -------
    ndarray of float64
        Shape (events,).

    Raises
    ------
    ModuleNotFoundError
        If the package `mt2` is not installed.

    References
    ----------
    Lester, Summers, arXiv:hep-ph/9906349; Lester, Nachman, arXiv:1411.4312 (the algorithm).

    Examples
    --------
    Two W bosons at rest that decay along one line, leptons one way and neutrinos the other: half of
    the missing momentum is each neutrino's.

    >>> lepton = {"pt": 40.2, "phi": 0.0, "mass": 0.0}
    >>> round(float(stransverse_mass(lepton, lepton, 80.4, np.pi)), 2)
    80.4
    """
    from mt2 import mt2

    sides = []
    for visible in (visible_1, visible_2):
        pt, phi, mass = (np.asarray(visible[name], np.float64) for name in ("pt", "phi", "mass"))
        # Massless and exactly parallel particles defeat the algorithm; a MeV does no harm.
        sides += [np.maximum(mass, 1e-3), pt * np.cos(phi), pt * np.sin(phi)]
    pt, phi = np.asarray(met_pt, np.float64), np.asarray(met_phi, np.float64)
    massless = 0.0
    return np.asarray(mt2(*sides, pt * np.cos(phi), pt * np.sin(phi), massless, massless))


def hadronic_sums(jets: ak.Array) -> tuple[Array, Array, Array]:
    """Scalar sum H_T, and size and azimuth of the missing sum −Σ p_T of jets.

    Unlike the missing momentum of an event, the missing sum does not know soft particles, and not
    the leptons.

    Parameters
    ----------
    jets
        One list per event of records with `pt` and `phi` [GeV, rad].

    Returns
    -------
    total, missing, phi : ndarray of float64
        [GeV, GeV, rad], shape (events,) each; zeros for an event without jets.

    Raises
    ------
    ValueError
        If a number is missing, NaN or infinite, or a pT is not above zero; the message says in
        which event.

    Examples
    --------
    >>> jets = ak.zip({"pt": [[40.0, 30.0], []], "phi": [[0.0, np.pi / 2], []]})
    >>> total, missing, phi = hadronic_sums(jets)
    >>> total.tolist(), missing.round(6).tolist()
    ([70.0, 0.0], [50.0, 0.0])
    """
    batch = JetBatch.of(jets, ("pt", "phi"))
    phi = batch.columns["phi"]
    px, py = (batch.sum(-batch.pt * projection(phi)) for projection in (np.cos, np.sin))
    return batch.sum(batch.pt), np.hypot(px, py), np.arctan2(py, px)


def ditau_momenta(events: ak.Array) -> NDArray[np.float32]:
    """Measured momenta of tau, lepton, jets and missing momentum, shape (events, 20).

    Physics does not depend on the direction of x: azimuths count from the tau. Momenta enter as
    ln(1 + p / GeV).

    Parameters
    ----------
    events
        With the fields of ``samples.load("htautau")``, or the challenge's file by `formats.read`.

    Returns
    -------
    ndarray
        Columns `DITAU_MOMENTA`, float32; NaN for jets that are not there.
    """
    start = _plain(events["PRI_tau_phi"])
    columns: list[Array] = []
    for k, name in enumerate(_OBJECTS):
        columns += [np.log1p(_plain(events[f"PRI_{name}_pt"])), _plain(events[f"PRI_{name}_eta"])]
        if k:
            angle = _plain(events[f"PRI_{name}_phi"]) - start
            columns += [np.cos(angle), np.sin(angle)]
    angle = _plain(events["PRI_met_phi"]) - start
    event = [np.log1p(_plain(events["PRI_met"])), np.cos(angle), np.sin(angle)]
    event += [np.log1p(_plain(events["PRI_met_sumet"])), _plain(events["PRI_jet_num"])]
    event += [np.log1p(_plain(events["PRI_jet_all_pt"]))]
    return np.stack([*columns[:6], *event, *columns[6:]], axis=1).astype(np.float32)


def ditau_observables(events: ak.Array) -> NDArray[np.float32]:
    """Quantities that physicists made of the measured ones, shape (events, 15).

    Masses and momenta enter as ln(1 + m / GeV). M_T2 is that of lepton and tau, the missing sum
    MHT that of the two leading jets.

    Parameters
    ----------
    events
        As for `ditau_momenta`.

    Returns
    -------
    ndarray
        Columns `DITAU_OBSERVABLES`, float32; NaN where not defined.
    """
    columns = []
    for name in _DERIVED:
        value = _plain(events[name])
        in_gev = any(word in name for word in ("mass", "_pt_h", "_pt_tot", "_sum_pt"))
        columns.append(np.log1p(value) if in_gev else value)
    met = _plain(events["PRI_met"]), _plain(events["PRI_met_phi"])
    tau, lepton = (
        {
            "pt": _plain(events[f"PRI_{name}_pt"]),
            "phi": _plain(events[f"PRI_{name}_phi"]),
            "mass": np.zeros(len(events)),
        }
        for name in _OBJECTS[:2]
    )
    columns.append(np.log1p(stransverse_mass(tau, lepton, *met)))
    columns.append(np.log1p(hadronic_sums(events.jets)[1]))
    return np.stack(columns, axis=1).astype(np.float32)


def _plain(values: ak.Array) -> Array:
    return ak.to_numpy(ak.fill_none(values, np.nan), allow_missing=False).astype(np.float64)
