"""Observables of what is inside a jet, computed for many jets at once.

Every function takes `constituents`: a jagged awkward array with ``pt, mass`` [GeV], ``eta, phi``
[rad], one list per jet, such as ``samples.load("top_jets").constituents``. It returns one number
per jet, a NumPy array of float64 of shape (n,). An empty jet gives 0. A constituent that is None
counts as cut away. A jet that is None, a number that is missing, NaN or infinite, and a pT that is
not above zero are refused with a ValueError that names the jet (see `hepml_lib.batch`).
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.batch import JetBatch

__all__ = [
    "SoftDrop",
    "cluster",
    "energy_correlators",
    "exclusive_axes",
    "momentum_dispersion",
    "multiplicity",
    "nsubjettiness",
    "softdrop",
    "softdrop_mass",
    "width",
]

_Floats = NDArray[np.float64]


def multiplicity(constituents: ak.Array) -> _Floats:
    """Number of constituents, shape (n,), float64.

    Parameters
    ----------
    constituents
        Jagged array, one list per jet; of numbers or of records.

    Examples
    --------
    >>> multiplicity(ak.Array([{"pt": [3.0, 2.0]}, {"pt": []}]).pt)
    array([2., 0.])
    """
    return JetBatch.of(constituents, fields=()).counts.astype(np.float64)


def momentum_dispersion(constituents: ak.Array) -> _Floats:
    """Momentum dispersion pT^D = √Σpᵢ² / Σpᵢ: 1 for one constituent, 1/√n for n equal ones.

    Its square is the generalised angularity (2, 0) of arXiv:1704.03878.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet.

    Returns
    -------
    ndarray of float64
        Shape (n,).

    Examples
    --------
    >>> momentum_dispersion(_massless([[90.0], [25.0] * 4], [[0.0], [0.0] * 4]))
    array([1. , 0.5])
    """
    batch = JetBatch.of(constituents)
    return _ratio(np.sqrt(batch.sum(batch.pt**2)), batch.sum(batch.pt))


def width(constituents: ak.Array) -> _Floats:
    """Mean distance to the jet axis, weighted with pT [rad]; also called girth.

    The axis is that of the summed four-momentum. Generalised angularity (1, 1) of arXiv:1704.03878
    before it is divided by the radius.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet.

    Returns
    -------
    ndarray of float64
        Shape (n,).

    Examples
    --------
    Two equal prongs 0.4 apart:

    >>> width(_massless([[50.0, 50.0]], [[0.2, -0.2]])).round(3)
    array([0.2])
    """
    batch = JetBatch.of(constituents)
    axis = kinematics.momenta(
        dict(zip(("px", "py", "pz", "E"), map(batch.sum, batch.momenta), strict=True))
    )
    eta, phi = (ak.to_numpy(angle)[batch.jet] for angle in (axis.eta, axis.phi))
    distance = kinematics.delta_r(batch.eta, batch.phi, eta, phi)
    return _ratio(batch.sum(batch.pt * distance), batch.sum(batch.pt))


def nsubjettiness(constituents: ak.Array, n: int, radius: float = 0.8) -> _Floats:
    """N-subjettiness τ_N with β = 1: how far the constituents lie from the nearest of N axes.

    τ_N = Σ pᵢ min_a ΔR(i, a) / (R Σ pᵢ), with ΔR in rapidity and azimuth. The axes are the N
    exclusive kT jets, not the ones that minimise τ_N.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet.
    n
        Number of axes, at least 1.
    radius
        Radius R of the jet.

    Returns
    -------
    ndarray of float64
        Shape (n,); 0 for a jet with at most `n` constituents.

    Raises
    ------
    ValueError
        If `n` is below 1, and as the module says.

    References
    ----------
    Thaler and Van Tilburg, arXiv:1011.2268.

    Examples
    --------
    Two prongs have τ₂ = 0, and τ₁ from the distance of the soft one to their sum:

    >>> prongs = _massless([[80.0, 20.0, 1e-6]], [[0.0, 0.4, 0.0]])
    >>> nsubjettiness(prongs, 2).round(4), nsubjettiness(prongs, 1).round(3)
    (array([0.]), array([0.161]))
    """
    if n < 1:
        raise ValueError(f"n-subjettiness needs at least one axis, not {n}")
    everything = JetBatch.of(constituents)
    tau = np.zeros(len(everything))
    enough = everything.counts > n
    if not enough.any():
        return tau
    batch = everything[enough]
    axis_y, axis_phi = exclusive_axes(_recluster(batch, "kt_algorithm"), n)
    nearest = kinematics.delta_r(
        batch.rapidity[:, None], batch.phi[:, None], axis_y[batch.jet], axis_phi[batch.jet]
    ).min(axis=1)
    tau[enough] = _ratio(batch.sum(batch.pt * nearest), radius * batch.sum(batch.pt))
    return tau


def exclusive_axes(sequence: Any, n: int) -> tuple[_Floats, _Floats]:
    """Rapidity and azimuth [rad] of the n exclusive jets of each list, shape (lists, n) each.

    Parameters
    ----------
    sequence
        What `cluster` returns, with ``kt_algorithm`` or ``cambridge_algorithm``.
    n
        Number of jets; each list must hold at least as many particles.

    Examples
    --------
    >>> pt, eta, zero = np.array([80.0, 20.0]), np.array([0.0, 0.4]), np.zeros(2)
    >>> sequence = cluster(pt, eta, zero, zero, np.array([2]), "kt_algorithm", 10.0)
    >>> exclusive_axes(sequence, 2)[0].round(6)
    array([[0. , 0.4]])
    """
    with warnings.catch_warnings():
        # FastJet warns of exclusive jets whatever the algorithm; kT is made for them.
        warnings.simplefilter("ignore")
        axes = sequence.exclusive_jets(n_jets=n)
    energy, pz, px, py = (
        ak.to_numpy(axes[name]).reshape(-1, n) for name in ("E", "pz", "px", "py")
    )
    return np.arctanh(pz / energy), np.arctan2(py, px)


class SoftDrop(NamedTuple):
    """What soft drop leaves of each jet, each of shape (n,), float64.

    Attributes
    ----------
    mass
        Mass of the groomed jet [GeV].
    z_g
        Share of the softer of its two branches, min(p₁, p₂)/(p₁ + p₂).
    r_g
        Distance of the two branches in rapidity and azimuth [rad].
    """

    mass: _Floats
    z_g: _Floats
    r_g: _Floats


def softdrop(
    constituents: ak.Array, z_cut: float = 0.1, beta: float = 0.0, radius: float = 0.8
) -> SoftDrop:
    """Groomed mass, z_g and R_g of the jet after soft drop: soft, wide branches are removed.

    The jet is clustered again with Cambridge–Aachen and declustered until
    min(p₁, p₂)/(p₁ + p₂) > z_cut (ΔR/R)^β. With β = 0 this is the modified mass-drop tagger.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet.
    z_cut, beta
        The condition.
    radius
        Radius R of the jet; of no effect for β = 0.

    Returns
    -------
    SoftDrop
        `mass`, `z_g`, `r_g`. If no branching passes, one constituent is left: its mass, 0 and 0.

    References
    ----------
    Larkoski, Marzani, Soyez and Thaler, arXiv:1402.2657; z_g and R_g are those of the first
    branching that passes.

    Examples
    --------
    >>> soft_and_wide = _massless([[60.0, 40.0, 4.0]], [[0.0, 0.4, -0.6]])
    >>> groomed = softdrop(soft_and_wide)
    >>> groomed.mass.round(1), groomed.z_g.round(2), groomed.r_g.round(2)
    (array([19.7]), array([0.4]), array([0.4]))
    """
    batch = JetBatch.of(constituents)
    mass = batch.sum(batch.mass * (batch.counts[batch.jet] == 1))
    z_g, r_g = np.zeros_like(mass), np.zeros_like(mass)
    jets = np.flatnonzero(batch.counts > 1)
    rows = np.flatnonzero(batch.counts[batch.jet] > 1)
    # All jets that have not passed yet go one step down their harder branch, until none is left.
    while len(jets):
        counts = np.bincount(batch.jet[rows], minlength=len(batch))[jets]
        rows, branch = _split_in_two(batch, rows, counts)
        px, py, pz, energy = (
            np.bincount(branch, component[rows], 2 * len(jets)).reshape(-1, 2)
            for component in batch.momenta
        )
        pt, y, phi = np.hypot(px, py), np.arctanh(pz / energy), np.arctan2(py, px)
        distance = kinematics.delta_r(y[:, 0], phi[:, 0], y[:, 1], phi[:, 1])
        share = pt.min(axis=1) / pt.sum(axis=1)
        passed = share > z_cut * (distance / radius) ** beta
        total = (component.sum(axis=1) for component in (energy, px, py, pz))
        mass[jets[passed]] = _mass(*total)[passed]
        z_g[jets[passed]], r_g[jets[passed]] = share[passed], distance[passed]
        harder = 2 * np.arange(len(jets)) + pt.argmax(axis=1)
        rows = rows[np.isin(branch, harder[~passed])]
        # A branch of one constituent cannot be split: its mass is what is left.
        left = np.bincount(batch.jet[rows], minlength=len(batch))
        alone = rows[left[batch.jet[rows]] == 1]
        mass[batch.jet[alone]] = batch.mass[alone]
        rows, jets = rows[left[batch.jet[rows]] > 1], np.flatnonzero(left > 1)
    return SoftDrop(mass, z_g, r_g)


def softdrop_mass(
    constituents: ak.Array, z_cut: float = 0.1, beta: float = 0.0, radius: float = 0.8
) -> _Floats:
    """Mass of the jet after soft drop [GeV], as `softdrop` gives it, shape (n,).

    Parameters
    ----------
    constituents, z_cut, beta, radius
        As for `softdrop`.

    Examples
    --------
    >>> soft_and_wide = _massless([[60.0, 40.0, 4.0]], [[0.0, 0.4, -0.6]])
    >>> plain = kinematics.total(soft_and_wide).mass.to_numpy()
    >>> softdrop_mass(soft_and_wide).round(1), plain.round(1)
    (array([19.7]), array([25.5]))
    """
    return softdrop(constituents, z_cut, beta, radius).mass


def _split_in_two(
    batch: JetBatch, rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows regrouped by the two branches of their jet's last Cambridge–Aachen merging.

    The second array numbers the branch of each row: 2 j and 2 j + 1 for the j-th jet.
    """
    with warnings.catch_warnings():
        # FastJet warns of exclusive jets for every algorithm but the one it means.
        warnings.simplefilter("ignore")
        sequence = _recluster(batch.take(rows, counts), "cambridge_algorithm")
        members = sequence.exclusive_jets_constituent_index(njets=2)
    start = np.cumsum(counts) - counts
    sizes = ak.to_numpy(ak.flatten(ak.num(members, axis=2)))
    regrouped = rows[ak.to_numpy(ak.flatten(members + start, axis=None))]
    return regrouped, np.repeat(np.arange(len(sizes)), sizes)


def _mass(energy: _Floats, px: _Floats, py: _Floats, pz: _Floats) -> _Floats:
    return np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))


def energy_correlators(constituents: ak.Array, beta: float = 1.0) -> tuple[_Floats, _Floats]:
    """Energy correlation functions e₂ and e₃, with momentum fractions z = p/Σp.

    e₂ = Σ zᵢ zⱼ θᵢⱼ^β over pairs and e₃ = Σ zᵢ zⱼ z_k (θᵢⱼ θᵢ_k θⱼ_k)^β over triplets. With the
    matrix M = √zᵢ θᵢⱼ^β √zⱼ, e₃ is tr M³ / 6: no loop over triplets. θ is ΔR in rapidity and φ.
    The ratios C₂ = e₃/e₂² (arXiv:1305.0007) and D₂ = e₃/e₂³ (arXiv:1409.6298) tell two prongs from
    one.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet.
    beta
        Power of the distance.

    Returns
    -------
    e2, e3 : ndarray of float64
        Shape (n,) each.

    References
    ----------
    Larkoski, Salam and Thaler, arXiv:1305.0007.

    Examples
    --------
    >>> e2, e3 = energy_correlators(_massless([[50.0, 50.0]], [[0.2, -0.2]]))
    >>> e2.round(3), e3.round(3)
    (array([0.1]), array([0.]))
    """
    batch = JetBatch.of(constituents)
    e2, e3 = np.zeros(len(batch)), np.zeros(len(batch))
    order = batch.by_multiplicity
    for jets in np.array_split(order, len(order) // 256 + 1):
        rows, held = batch.rows(jets)
        pt = np.where(held, batch.pt[rows], 0.0)
        y, phi = batch.rapidity[rows], batch.phi[rows]
        z = pt / pt.sum(axis=1, keepdims=True)
        across = np.abs(phi[:, :, None] - phi[:, None])
        across = np.minimum(across, 2 * np.pi - across)
        angle = np.sqrt((y[:, :, None] - y[:, None]) ** 2 + across**2)
        root = np.sqrt(z)
        matrix = root[:, :, None] * angle**beta * root[:, None]
        e2[jets] = np.einsum("ni,nij,nj->n", root, matrix, root) / 2
        e3[jets] = np.einsum("nij,nji->n", matrix @ matrix, matrix) / 6
    return e2, e3


def _ratio(numerator: _Floats, denominator: _Floats) -> _Floats:
    """Quotient that is 0 where the denominator is 0, as for an empty jet."""
    denominator = np.broadcast_to(denominator, numerator.shape)
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def cluster(
    pt: _Floats,
    eta: _Floats,
    phi: _Floats,
    mass: _Floats,
    counts: NDArray[np.integer],
    algorithm: str,
    radius: float,
) -> Any:
    """FastJet's cluster sequence of many lists of particles at once.

    Parameters
    ----------
    pt, eta, phi, mass
        Particles of all lists end to end [GeV, rad], shape (particles,) each.
    counts
        Length of each list, shape (lists,), int64; none may be empty.
    algorithm
        FastJet's name: ``antikt_algorithm``, ``kt_algorithm``, ``cambridge_algorithm``.
    radius
        Radius parameter.

    Returns
    -------
    fastjet.ClusterSequence
        With ``inclusive_jets()``, ``exclusive_jets(n_jets=…)`` and what else the `fastjet` package
        documents; one list of jets for each list of particles.

    References
    ----------
    Cacciari, Salam and Soyez, arXiv:1111.6097 (FastJet).
    """
    import fastjet
    import fastjet._swig

    # FastJet would print its banner into a page; the citation is above.
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    # In the precision given, not JetBatch's: the jets of the samples were clustered so.
    pz = pt * np.sinh(eta)
    columns = {
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pz,
        "E": np.sqrt(pt**2 + pz**2 + mass**2),
    }
    momenta = ak.zip(columns, with_name="Momentum4D")
    definition = fastjet.JetDefinition(getattr(fastjet, algorithm), radius)
    return fastjet.ClusterSequence(ak.unflatten(momenta, counts), definition)


def _recluster(batch: JetBatch, algorithm: str) -> Any:
    """Sequence that puts all constituents of a jet together: its radius is larger than any jet."""
    return cluster(batch.pt, batch.eta, batch.phi, batch.mass, batch.counts, algorithm, 10.0)


def _massless(pt: list[list[float]], eta: list[list[float]]) -> ak.Array:
    """Massless constituents at φ = 0, for the examples."""
    pt, eta = ak.Array(pt), ak.Array(eta)
    return ak.zip({"pt": pt, "eta": eta, "phi": 0 * eta, "mass": 0 * pt})
