"""Quantities of H → ττ → ℓ τ_had events, and what a shift of the tau energy scale does to them.

Names and definitions are those of the ATLAS Higgs machine-learning challenge
(https://doi.org/10.7483/OPENDATA.ATLAS.ZBP2.M5T8, https://proceedings.mlr.press/v42/cowa14.html):
everything here works on `samples.load("htautau")` and on the public file as `formats.read` gives
it. A quantity that an event does not define, such as Δη of two jets where there is one, is None.
"""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import delta_r, wrap_phi

__all__ = ["DERIVED", "PRIMARY", "TAU_PT", "derived", "select", "shift"]

_AXES = ("pt", "eta", "phi")
_OBJECTS = ("tau", "lep", "jet_leading", "jet_subleading")

PRIMARY = (
    *(f"PRI_{name}_{axis}" for name in _OBJECTS[:2] for axis in _AXES),
    *("PRI_met", "PRI_met_phi", "PRI_met_sumet", "PRI_jet_num"),
    *(f"PRI_{name}_{axis}" for name in _OBJECTS[2:] for axis in _AXES),
    "PRI_jet_all_pt",
)
"""Measured quantities, momenta in GeV and angles in rad."""

DERIVED = (
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
"""Functions of the measured ones; what each is, `samples.describe("htautau")` says."""

TAU_PT = 20.0
"""Softest tau of the selection [GeV]; the sample `htautau` holds those above 18 GeV too."""

_LOOSE_TAU_PT = 18.0

_MET_RESOLUTION = 0.6
"""Of each component of the missing momentum, times √ΣE_T [GeV]."""

_STEPS = 25
"""Energy fractions of either tau that the mass estimate tries."""

_Array = NDArray[np.float64]


def derived(primary: ak.Array | Mapping[str, ak.Array]) -> dict[str, ak.Array]:
    """All of `DERIVED` from all of `PRIMARY`.

    Tau, lepton and jets count as massless. ``DER_mass_MMC`` is not the challenge's missing-mass
    calculator (arXiv:1012.4686) but an estimate in its spirit: both taus fly along what is seen of
    them with fractions x of their energy, so that m = m_vis / √(x₁ x₂); all pairs of fractions are
    weighted by how well they explain the missing momentum and by how tau leptons share their
    energy, and ln m is averaged. It is None where no pair explains the missing momentum.

    Parameters
    ----------
    primary
        Events with the fields `PRIMARY`; None, or NaN, where not defined.

    Returns
    -------
    dict of str to ak.Array
        One number or None per event; masses and momenta in GeV.

    Examples
    --------
    Two massless objects of 45.6 GeV back to back, and no missing momentum:

    >>> event = {"PRI_tau_pt": 45.6, "PRI_tau_eta": 0.5, "PRI_tau_phi": 0.0}
    >>> event |= {"PRI_lep_pt": 45.6, "PRI_lep_eta": -0.5, "PRI_lep_phi": 3.1416}
    >>> event |= dict.fromkeys(PRIMARY[6:], 0.0)
    >>> values = derived({name: ak.Array([value]) for name, value in event.items()})
    >>> round(float(values["DER_mass_vis"][0]), 1), values["DER_deltaeta_jet_jet"][0]
    (102.8, None)
    """
    measured = {name: _plain(primary[name]) for name in PRIMARY}
    number = measured["PRI_jet_num"]
    for k, name in enumerate(_OBJECTS[2:]):
        for axis in (f"PRI_{name}_{axis}" for axis in _AXES):
            measured[axis] = np.where(number > k, measured[axis], np.nan)
    values = _of_pair(measured) | _of_jets(measured) | _of_event(measured)
    return {name: ak.mask(values[name], np.isfinite(values[name])) for name in DERIVED}


def select(events: ak.Array) -> ak.Array:
    """Events whose tau passes the threshold of the selection, `TAU_PT`.

    Parameters
    ----------
    events
        With `PRI_tau_pt` [GeV].

    Returns
    -------
    ak.Array
        Those that pass.
    """
    return events[events.PRI_tau_pt >= TAU_PT]


def shift(events: ak.Array, tau_energy_scale: float) -> ak.Array:
    """Selected events as they would be with another tau energy scale.

    The momentum of the tau is scaled; what it gains, the missing momentum loses; the sum of
    transverse energies follows, and all derived quantities; then the selection is made. Jets stay.

    Parameters
    ----------
    events
        Events before `select`. On the challenge's file ``DER_mass_MMC`` becomes that of `derived`.
    tau_energy_scale
        Factor on the momentum of the tau; 1 is nominal.

    Returns
    -------
    ak.Array
        Fewer or more events than nominally, for some cross the threshold. ``shift(events, 1.0)``
        is ``select(events)``.

    Raises
    ------
    ValueError
        If the scale would lift taus over the threshold that the sample does not hold.
    """
    if not 0 < tau_energy_scale <= TAU_PT / _LOOSE_TAU_PT:
        raise ValueError(
            f"tau_energy_scale is {tau_energy_scale}: it must be positive and at most "
            f"{TAU_PT / _LOOSE_TAU_PT:.3f}, for the sample holds taus above {_LOOSE_TAU_PT:g} GeV "
            f"and the selection starts at {TAU_PT:g}"
        )
    if tau_energy_scale == 1:
        return select(events)
    pt, phi = _plain(events["PRI_tau_pt"]), _plain(events["PRI_tau_phi"])
    met, met_phi = _plain(events["PRI_met"]), _plain(events["PRI_met_phi"])
    gain = (tau_energy_scale - 1) * pt
    px = met * np.cos(met_phi) - gain * np.cos(phi)
    py = met * np.sin(met_phi) - gain * np.sin(phi)
    changed = {
        "PRI_tau_pt": pt + gain,
        "PRI_met": np.hypot(px, py),
        "PRI_met_phi": np.arctan2(py, px),
        "PRI_met_sumet": _plain(events["PRI_met_sumet"]) + gain,
    }
    kept = changed["PRI_tau_pt"] >= TAU_PT
    events, changed = events[kept], {name: value[kept] for name, value in changed.items()}
    primary = {name: events[name] for name in PRIMARY} | changed
    changed |= derived(primary)
    names = {"pt": "PRI_met", "phi": "PRI_met_phi", "sum_et": "PRI_met_sumet"}
    objects = {
        "tau": ak.with_field(events.tau, changed["PRI_tau_pt"], "pt"),
        "met": ak.zip({field: changed[name] for field, name in names.items()}),
    }
    for name, value in (changed | objects).items():
        events = ak.with_field(events, value, name)
    return events


def _plain(values: ak.Array) -> _Array:
    """Double precision, NaN for None."""
    return ak.to_numpy(ak.fill_none(values, np.nan)).astype(np.float64)


def _momentum(measured: Mapping[str, _Array], name: str) -> _Array:
    """`px, py, pz, E` of a massless object in the last axis."""
    pt, eta, phi = (measured[f"PRI_{name}_{axis}"] for axis in _AXES)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], -1)


def _mass(total: _Array) -> _Array:
    return np.sqrt(np.maximum(total[..., 3] ** 2 - (total[..., :3] ** 2).sum(axis=-1), 0))


def _of_pair(measured: Mapping[str, _Array]) -> dict[str, _Array]:
    """What tau, lepton and missing momentum make."""
    tau, lep = _momentum(measured, "tau"), _momentum(measured, "lep")
    met, met_phi = measured["PRI_met"], measured["PRI_met_phi"]
    missing = np.stack([met * np.cos(met_phi), met * np.sin(met_phi)], -1)
    lep_pt, lep_phi, tau_phi = (
        measured["PRI_lep_pt"],
        measured["PRI_lep_phi"],
        measured["PRI_tau_phi"],
    )
    # Between lepton and tau, on the side where they are less than π apart, both terms are positive.
    side = np.sign(np.sin(tau_phi - lep_phi))
    a, b = side * np.sin(met_phi - lep_phi), side * np.sin(tau_phi - met_phi)
    mass = _mass(tau + lep)
    return {
        "DER_mass_MMC": _estimate(mass, lep, tau, missing, measured["PRI_met_sumet"]),
        "DER_mass_transverse_met_lep": np.sqrt(
            2 * lep_pt * met * (1 - np.cos(wrap_phi(lep_phi - met_phi)))
        ),
        "DER_mass_vis": mass,
        "DER_pt_h": np.hypot(*((tau + lep)[:, :2] + missing).T),
        "DER_deltar_tau_lep": delta_r(
            measured["PRI_tau_eta"], tau_phi, measured["PRI_lep_eta"], lep_phi
        ),
        "DER_pt_ratio_lep_tau": lep_pt / measured["PRI_tau_pt"],
        "DER_met_phi_centrality": (a + b) / np.maximum(np.hypot(a, b), 1e-12),
    }


def _of_jets(measured: Mapping[str, _Array]) -> dict[str, _Array]:
    """What the two leading jets make."""
    first, second = (_momentum(measured, name) for name in _OBJECTS[2:])
    eta = measured["PRI_jet_leading_eta"], measured["PRI_jet_subleading_eta"]
    apart = np.maximum(np.abs(eta[0] - eta[1]), 1e-6)
    off = measured["PRI_lep_eta"] - (eta[0] + eta[1]) / 2
    return {
        "DER_deltaeta_jet_jet": np.abs(eta[0] - eta[1]),
        "DER_mass_jet_jet": _mass(first + second),
        "DER_prodeta_jet_jet": eta[0] * eta[1],
        "DER_lep_eta_centrality": np.exp(-4 / apart**2 * off**2),
    }


def _of_event(measured: Mapping[str, _Array]) -> dict[str, _Array]:
    """Vector and scalar sums of transverse momenta."""
    total = [np.nan_to_num(_momentum(measured, name)[:, :2]) for name in _OBJECTS]
    met, phi = measured["PRI_met"], measured["PRI_met_phi"]
    total.append(np.stack([met * np.cos(phi), met * np.sin(phi)], -1))
    return {
        "DER_pt_tot": np.hypot(*np.sum(total, axis=0).T),
        "DER_sum_pt": measured["PRI_tau_pt"] + measured["PRI_lep_pt"] + measured["PRI_jet_all_pt"],
    }


def _estimate(mass: _Array, lep: _Array, tau: _Array, missing: _Array, sum_et: _Array) -> _Array:
    """Mean of ln m over the energy fractions of lepton and tau; NaN where all weights vanish."""
    fraction = (np.arange(_STEPS) + 0.5) / _STEPS
    # A lepton of an unpolarised tau; hadrons of two-body decays are flat above (m_had / m_τ)².
    shared = 5 / 3 - 3 * fraction**2 + 4 / 3 * fraction**3
    variance = _MET_RESOLUTION**2 * np.maximum(sum_et, 1)
    weight, moment = np.zeros(len(mass)), np.zeros(len(mass))
    for x in fraction[fraction > 0.15]:
        left = missing - tau[:, :2] * (1 / x - 1)
        neutrinos = lep[:, None, :2] * (1 / fraction - 1)[:, None]
        chi2 = ((left[:, None] - neutrinos) ** 2).sum(axis=-1) / variance[:, None]
        likelihood = np.exp(-chi2 / 2) * shared * (x * fraction)
        weight += likelihood.sum(axis=1)
        moment -= (likelihood * np.log(x * fraction)).sum(axis=1) / 2
    with np.errstate(invalid="ignore"):
        return mass * np.exp(moment / np.where(weight > 0, weight, np.nan))
