"""Seven variables of a jet in whole numbers, their adders, and boosted trees that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.nets.quantised import Quantiser
from hepml_lib.trigger.firmware import Circuit, on_grid, trace

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

__all__ = ["BITS", "CONSTITUENTS", "TOP", "VARIABLES", "circuit", "train", "variables"]

CONSTITUENTS = 8
"""Constituents of a jet that the variables know, the hardest."""

TOP = 4
"""Label of the signal; all other jets are background."""

BITS = 11
"""Bits of a variable, which has no sign."""

_COARSER = 2
"""Bits of the sum of distances that are dropped."""

VARIABLES = (
    "pT of the hardest [GeV]",
    "sum of pT [GeV]",
    "distance of the hardest",
    "distance of the second",
    "distance of the third",
    "sum of distances",
    "largest distance",
)
"""Names of the variables; distances from the axis in steps of 2^-9, their sum in steps of 2^-7."""


def variables(constituents: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers that adders and comparisons alone make of the constituents.

    The distance from the axis is |Δη| + |Δφ|: the usual one would cost two squares and a root.

    Parameters
    ----------
    constituents
        From `l1_jets.whole_constituents`, shape (n, 8, 3).

    Returns
    -------
    ndarray
        Shape (n, 7), in the order of `VARIABLES`; all are positive and have at most `BITS` bits.

    Raises
    ------
    OverflowError
        If a variable needs more bits.
    """
    pt, *angles = np.moveaxis(np.asarray(constituents, np.int64), -1, 0)
    distance = np.abs(angles[0]) + np.abs(angles[1])
    columns = [
        pt[:, 0],
        pt.sum(axis=1),
        *distance.T[:3],
        distance.sum(axis=1) >> _COARSER,
        distance.max(axis=1),
    ]
    x = np.stack(columns, axis=1)
    if x.max(initial=0) >> BITS:
        raise OverflowError(f"{x.max()} does not fit into {BITS} bits")
    return x


def circuit() -> Circuit:
    """`variables` as adders.

    Returns
    -------
    Circuit
        `Circuit.predict` takes constituents, shape (n, 24).

    Raises
    ------
    ModuleNotFoundError
        Without da4ml.
    """
    return trace((CONSTITUENTS, 3), _symbolic_variables)


def _symbolic_variables(entry: Any) -> Any:
    from da4ml.trace import FixedVariableArray

    pt = on_grid(entry[:, 0], Quantiser(BITS, 0, signed=False))
    angle = np.abs(on_grid(entry[:, 1:], Quantiser(9, 0)))
    distance = angle[:, 0] + angle[:, 1]
    # Bits that fall away are wires that lead nowhere.
    coarse = Quantiser(BITS + _COARSER, -_COARSER, signed=False)
    total = on_grid(np.sum(distance), coarse) * 2.0**-_COARSER
    columns = [pt[0], np.sum(pt), *(distance[k] for k in range(3)), total, np.amax(distance)]
    return FixedVariableArray(np.array(columns, dtype=object))


def train(
    x: ArrayLike, label: ArrayLike, *, trees: int, depth: int, seed: int
) -> GradientBoostingClassifier:
    """Boost trees of at most `depth` comparisons in a row (arXiv:2002.02534 for hardware).

    Few trees learn in large steps: the product of their number and the learning rate is 6, as long
    as the rate stays below 0.4.

    Parameters
    ----------
    x
        Variables, shape (n, variables).
    label
        True for signal, shape (n,).
    trees, depth
        Size of the forest.
    seed
        Of the order in which equal splits are tried.

    Returns
    -------
    GradientBoostingClassifier
        Trained; `forests.Forest.from_sklearn` rounds it.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(
        n_estimators=trees, max_depth=depth, learning_rate=min(0.4, 6 / trees), random_state=seed
    )
    return model.fit(np.asarray(x), np.asarray(label, bool))
