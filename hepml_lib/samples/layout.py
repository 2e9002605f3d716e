"""From the columns of a file to the array that a reader sees."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib import kinematics
from hepml_lib.samples import detector
from hepml_lib.samples.columns import Columns, grouped

__all__ = ["decode"]


def decode(columns: Columns) -> ak.Array:
    """Records with one entry per row.

    Jagged columns ``group_field`` become the lists of records `group`. Records with ``pt, eta,
    phi`` and a ``mass`` are four-vectors of `vector`; where there is a ``kind`` in place of a
    mass, the mass is that of the kind (`hepml_lib.samples.detector.MASSES`).

    Parameters
    ----------
    columns
        Flat and jagged arrays of equal length. They may be part of a file's columns.

    Returns
    -------
    ak.Array
        Records, one per entry.

    Examples
    --------
    >>> columns = {"jets_pt": ak.Array([[50.0, 30.0], []]), "jets_eta": ak.Array([[0.0, 1.0], []])}
    >>> columns |= {"jets_phi": ak.Array([[0.0, 3.1], []]), "jets_mass": ak.Array([[9.0, 5.0], []])}
    >>> round(float(decode(columns).jets.pz[0, 1]), 1)
    35.3
    """
    fields, groups = grouped(columns)
    for group, pieces in groups.items():
        if "kind" in pieces and "mass" not in pieces:
            kind = pieces["kind"]
            masses = detector.MASSES[ak.to_numpy(ak.flatten(kind))]
            pieces["mass"] = ak.unflatten(masses, ak.num(kind))
        fields[group] = _momenta(pieces, depth=2)
    return _momenta(fields, depth=1)


def _momenta(fields: dict[str, ak.Array], depth: int) -> ak.Array:
    """Four-vectors where there is all of one, plain records otherwise."""
    components = ("pt", "eta", "phi", "mass")
    if not fields.keys() >= set(components):
        return ak.zip(fields, depth_limit=depth)
    order = (*components, *(name for name in fields if name not in components))
    ordered = {name: fields[name] for name in order}
    for name in components:
        ordered[name] = ak.values_astype(ordered[name], np.float32)
    return kinematics.momenta(ordered, depth)
