"""Constituents of jets: what is inside, what a file lists of it, and angles about an axis."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import detector, jets, layout
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["about_axis", "absolute_angles", "contents", "decode", "flattened", "listed"]


def contents(candidates: ParticleTable, members: ak.Array) -> ak.Array:
    """All constituents of each jet as lists of ``pt, eta, phi, mass``, for `substructure`.

    Parameters
    ----------
    candidates
        `pt` [GeV], `eta`, `phi` [rad], `kind`.
    members
        As `clustering.anti_kt` gives them.

    Returns
    -------
    ak.Array
        One list per jet, in GeV and rad.
    """
    rows = ak.to_numpy(ak.flatten(members))
    flat = {name: candidates[name][rows] for name in ("pt", "eta", "phi")}
    flat["mass"] = detector.MASSES[candidates["kind"][rows]]
    return ak.unflatten(ak.zip(flat), ak.num(members))


def listed(
    candidates: ParticleTable,
    axes: ParticleTable,
    members: ak.Array,
    most: int,
    pt_min: float,
    step: float,
    bits: int = 10,
) -> tuple[Columns, NDArray[np.int64]]:
    """Hardest constituents of each jet, with angles relative to its axis.

    Parameters
    ----------
    candidates
        `pt` [GeV], `eta`, `phi` [rad], `charge`, `kind`.
    axes, members
        As `clustering.anti_kt` gives them.
    most
        Constituents kept of each jet.
    pt_min
        Smallest pT of a constituent [GeV], not included.
    step
        Angles are multiples of it [rad].
    bits
        Of mantissa that pT keeps.

    Returns
    -------
    columns
        Jagged `constituents_pt, _eta, _phi, _charge, _kind`, one list per jet, hardest first.
    rows
        Rows of `candidates` that they are, end to end, for further columns.
    """
    rows, jet = flattened(members)
    hard = candidates["pt"][rows] > pt_min
    rows, jet = rows[hard], jet[hard]
    order = jets.hardest_first(candidates["pt"][rows], jet, most)
    rows, jet = rows[order], jet[order]
    inside = take(candidates, rows)
    flat = {
        "pt": round_mantissa(inside["pt"], bits),
        **about_axis(inside, axes, jet, step),
        "charge": inside["charge"],
        "kind": inside["kind"],
    }
    return jagged("constituents", flat, np.bincount(jet, minlength=len(members))), rows


def flattened(members: ak.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of candidates and jet of each constituent, jet by jet.

    Parameters
    ----------
    members
        As `clustering.anti_kt` gives them.

    Returns
    -------
    rows, jet : ndarray
        Row of the candidates and row of the jets, one per constituent.
    """
    jet = np.repeat(np.arange(len(members)), ak.to_numpy(ak.num(members)))
    return ak.to_numpy(ak.flatten(members)), jet


def about_axis(
    objects: ParticleTable, axes: ParticleTable, owner: NDArray[np.int64], step: float
) -> ParticleTable:
    """Angles of objects relative to the axis of their jet, in multiples of `step`.

    Parameters
    ----------
    objects, axes
        `eta`, `phi` [rad].
    owner
        Row of `axes` for each object.
    step
        A power of two [rad].

    Returns
    -------
    ParticleTable
        `eta`, `phi` [rad], one per object.

    Examples
    --------
    Across the seam in azimuth:

    >>> track, axis = ({"eta": np.array([0.5]), "phi": np.array([phi])} for phi in (-3.14, 3.14))
    >>> about_axis(track, axis, np.array([0]), 2.0**-9)["phi"].tolist()
    [0.00390625]
    """
    return {
        "eta": round_to_step(objects["eta"] - axes["eta"][owner], step),
        "phi": round_to_step(kinematics.wrap_phi(objects["phi"] - axes["phi"][owner]), step),
    }


def absolute_angles(columns: Columns, group: str, axis: str = "") -> Columns:
    """Columns with the angles of a group that `about_axis` made relative; the inverse of it.

    Parameters
    ----------
    columns
        Columns of a file; without ``group_eta`` they stay as they are.
    group
        Jagged columns with `eta` and `phi`. Where it has `jet`, that is the place of the axis in
        the entry's list of axes; else an entry has one axis.
    axis
        Prefix of the columns `eta` and `phi` of the axes.

    Returns
    -------
    Columns
        The same columns, with other angles.
    """
    if f"{group}_eta" not in columns:
        return columns
    eta, phi = (columns[f"{axis}{name}"] for name in ("eta", "phi"))
    if f"{group}_jet" in columns:
        eta, phi = eta[columns[f"{group}_jet"]], phi[columns[f"{group}_jet"]]
    phi = columns[f"{group}_phi"] + phi
    wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
    return columns | {
        f"{group}_eta": columns[f"{group}_eta"] + eta,
        f"{group}_phi": ak.unflatten(wrapped, ak.num(phi)),
    }


def decode(columns: Columns) -> ak.Array:
    """Jets as the reader sees them, with absolute angles of the constituents.

    Parameters
    ----------
    columns
        Columns of a file; those of `constituents` need `eta` and `phi`.

    Returns
    -------
    ak.Array
        Jets as `layout.decode` gives them.
    """
    return layout.decode(absolute_angles(columns, "constituents"))
