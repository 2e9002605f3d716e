"""Jets of many events at once."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib import substructure
from hepml_lib.samples.detector import MASSES, ParticleTable

__all__ = ["anti_kt"]


def anti_kt(
    candidates: ParticleTable, radius: float, pt_min: float
) -> tuple[ParticleTable, ak.Array]:
    """Anti-kT jets (arXiv:0802.1189), four-momenta added.

    Parameters
    ----------
    candidates
        `event` (ascending), `pt` [GeV], `eta`, `phi` [rad], `kind`.
    radius
        Radius parameter R.
    pt_min
        Softest jet to return [GeV].

    Returns
    -------
    jets : ParticleTable
        `event`, `pt`, `mass` [GeV], `eta`, `phi` [rad], one entry per jet.
    members : ak.Array
        Jagged: per jet, the rows of `candidates` that it holds.

    Examples
    --------
    Two photons that are close to each other, and one that is not:

    >>> photons = {"event": np.zeros(3, int), "pt": np.array([30.0, 20.0, 40.0])}
    >>> photons |= {"eta": np.array([0.0, 0.1, 2.0]), "phi": np.zeros(3), "kind": np.full(3, 2)}
    >>> jets, members = anti_kt(photons, 0.4, 10.0)
    >>> jets["pt"].round(6).tolist(), members.to_list()
    ([40.0, 50.0], [[2], [0, 1]])
    """
    numbers, first, counts = np.unique(candidates["event"], return_index=True, return_counts=True)
    sequence = substructure.cluster(
        candidates["pt"],
        candidates["eta"],
        candidates["phi"],
        MASSES[candidates["kind"]],
        counts,
        "antikt_algorithm",
        radius,
    )
    four_momenta = sequence.inclusive_jets(min_pt=pt_min)
    members = sequence.constituent_index(min_pt=pt_min) + first
    per_event = ak.to_numpy(ak.num(four_momenta))
    flat = ak.flatten(four_momenta)
    px, py, pz, energy = (ak.to_numpy(flat[name]) for name in ("px", "py", "pz", "E"))
    jet_pt = np.hypot(px, py)
    jets = {
        "event": np.repeat(numbers, per_event),
        "pt": jet_pt,
        "eta": np.arcsinh(pz / jet_pt),
        "phi": np.arctan2(py, px),
        "mass": np.sqrt(np.maximum(energy**2 - jet_pt**2 - pz**2, 0)),
    }
    return jets, ak.flatten(members)
