"""Boosted trees in trigger hardware: comparisons of whole numbers, and a sum.

A tree needs no product. Its inputs are whole numbers already, so that only the values of the leaves
are rounded. `Forest` repeats the hardware bit by bit; `boosted_firmware` proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.trigger.firmware import Circuit

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

__all__ = [
    "BITS",
    "CONSTITUENTS",
    "VARIABLES",
    "Forest",
    "circuit",
    "constituents",
    "leaf_sums",
    "train",
    "variables",
]

CONSTITUENTS = 8

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


def constituents(jets: ak.Array) -> NDArray[np.int64]:
    """The 8 hardest constituents in whole numbers: pT [GeV], Δη and Δφ from the axis in 2^-9.

    Parameters
    ----------
    jets
        Jets of `l1_jets`.

    Returns
    -------
    ndarray
        Shape (n, 8, 3); places without a constituent are zero.
    """
    listed = jets.constituents
    columns = []
    steps = (listed.pt, 1.0), (listed.deltaeta(jets), 2.0**-9), (listed.deltaphi(jets), 2.0**-9)
    for quantity, step in steps:
        padded = ak.fill_none(ak.pad_none(quantity, CONSTITUENTS, clip=True), 0.0)
        columns.append(np.rint(ak.to_numpy(padded) / step).astype(np.int64))
    return np.stack(columns, axis=-1)


def variables(found: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers that adders and comparisons alone make of the constituents.

    The distance from the axis is |Δη| + |Δφ|: the usual one would cost two squares and a root.

    Parameters
    ----------
    found
        From `constituents`, shape (n, 8, 3).

    Returns
    -------
    ndarray
        Shape (n, 7), in the order of `VARIABLES`; all are positive and have at most `BITS` bits.

    Raises
    ------
    OverflowError
        If a variable needs more bits.
    """
    pt, *angles = np.moveaxis(np.asarray(found, np.int64), -1, 0)
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
    """`variables` as adders; `predict` takes constituents, shape (n, 24)."""
    from da4ml.trace import FixedVariableArray, FixedVariableArrayInput, HWConfig, comb_trace
    from da4ml.trace.ops import quantize

    entry = FixedVariableArrayInput((CONSTITUENTS, 3), HWConfig(1, -1, -1), {"hard_dc": 2})
    pt, angle = quantize(entry[:, 0], 0, BITS, 0), np.abs(quantize(entry[:, 1:], 1, 9, 0))
    distance = angle[:, 0] + angle[:, 1]
    # Bits that fall away are wires that lead nowhere.
    total = quantize(np.sum(distance), 0, BITS + _COARSER, -_COARSER) * 2.0**-_COARSER
    found = [pt[0], np.sum(pt), *(distance[k] for k in range(3)), total, np.amax(distance)]
    return Circuit(comb_trace(entry, FixedVariableArray(np.array(found, dtype=object))))


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
    """
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(
        n_estimators=trees, max_depth=depth, learning_rate=min(0.4, 6 / trees), random_state=seed
    )
    return model.fit(np.asarray(x), np.asarray(label, bool))


@dataclass(frozen=True)
class Forest:
    """Trees of whole numbers, each as a full binary tree: node i branches to 2i+1 and 2i+2.

    Parameters
    ----------
    feature
        Variable that a node compares, shape (trees, 2^depth − 1); −1 where nothing is left to
        decide, because both branches end in equal leaves.
    threshold
        The branch is the second one if the variable is larger, same shape.
    leaf
        Values of the leaves in units of 2^−`fraction`, shape (trees, 2^depth).
    start
        Value before the first tree, in the same units.
    fraction
        Bits of a value after the point.

    Raises
    ------
    ValueError
        If the shapes do not belong together.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.int64]
    leaf: NDArray[np.int64]
    start: int
    fraction: int

    def __post_init__(self) -> None:
        trees, leaves = self.leaf.shape
        if not self.feature.shape == self.threshold.shape == (trees, leaves - 1):
            raise ValueError(
                f"{self.leaf.shape} leaves need {trees} × {leaves - 1} nodes; features are "
                f"{self.feature.shape}, thresholds {self.threshold.shape}"
            )
        if leaves != 1 << self.depth:
            raise ValueError(f"a full tree has a power of two of leaves, not {leaves}")

    @classmethod
    def from_sklearn(cls, model: GradientBoostingClassifier, fraction: int) -> Forest:
        """Round a forest that was trained on whole numbers, signal against background.

        A whole number is at most a threshold if it is at most its floor: thresholds lose nothing.
        Leaves, times the learning rate, are rounded to 2^−`fraction`.
        """
        trees = [estimator.tree_ for estimator in model.estimators_[:, 0]]
        inner = 2 ** max(tree.max_depth for tree in trees) - 1
        feature = np.full((len(trees), inner), -1)
        threshold = np.zeros_like(feature)
        leaf = np.zeros((len(trees), inner + 1), int)
        for k, tree in enumerate(trees):
            rounded = _rounded(tree.value[:, 0, 0] * model.learning_rate, fraction)
            place = np.zeros(1, int)
            for node in range(inner):
                here = place[node]
                found = tree.children_left[here] >= 0
                if found:
                    feature[k, node] = tree.feature[here]
                    threshold[k, node] = np.floor(tree.threshold[here])
                both = (tree.children_left[here], tree.children_right[here])
                place = np.append(place, both if found else (here, here))
            leaf[k] = rounded[place[inner:]]
        start = int(_rounded(_start(model), fraction))
        return cls(feature, threshold, leaf, start, fraction)

    @property
    def depth(self) -> int:
        """Comparisons in a row."""
        return self.leaf.shape[1].bit_length() - 1

    @property
    def width(self) -> int:
        """Bits, with the sign, that hold every score and every variable.

        A partial sum may run over: in two's complement that cancels as soon as the score fits.
        """
        most = self.start + int(self.leaf.max(axis=1).sum())
        least = self.start + int(self.leaf.min(axis=1).sum())
        return 1 + max(most.bit_length(), (-least - 1).bit_length() if least < 0 else 0, BITS)

    def scores(self, x: ArrayLike) -> NDArray[np.int64]:
        """Scores in units of 2^−`fraction`, with whole numbers alone, as a chip computes them.

        Parameters
        ----------
        x
            Variables, shape (n, variables).

        Returns
        -------
        ndarray
            Shape (n,).

        Raises
        ------
        TypeError
            If `x` are no whole numbers.

        Examples
        --------
        >>> one = Forest(np.array([[0]]), np.array([[3]]), np.array([[-5, 7]]), 1, fraction=2)
        >>> one.scores([[3], [4]]).tolist()
        [-4, 8]
        """
        given = np.asarray(x)
        if not np.issubdtype(given.dtype, np.integer):
            raise TypeError(f"hardware compares whole numbers; these are {given.dtype}")
        total = np.full(len(given), self.start, np.int64)
        row = np.arange(len(given))
        for feature, threshold, leaf in zip(self.feature, self.threshold, self.leaf, strict=True):
            node = np.zeros(len(given), np.int64)
            for _ in range(self.depth):
                # Feature −1 reads the last variable: both branches then end in equal leaves.
                larger = given[row, feature[node]] > threshold[node]
                node = 2 * node + 1 + larger
            total += leaf[node - len(feature)]
        return total


def leaf_sums(model: GradientBoostingClassifier, x: ArrayLike, fraction: int) -> NDArray[np.int64]:
    """What scikit-learn's own walk through its own trees gives, if each leaf is rounded.

    A check of `Forest`: thresholds are those of the training, in floating point.

    Parameters
    ----------
    model, fraction
        As in `Forest.from_sklearn`.
    x
        Variables, shape (n, variables).

    Returns
    -------
    ndarray
        Shape (n,), in units of 2^−`fraction`.
    """
    reached = model.apply(np.asarray(x))[:, :, 0].astype(int)
    total = np.full(len(reached), int(_rounded(_start(model), fraction)))
    for estimator, leaf in zip(model.estimators_[:, 0], reached.T, strict=True):
        total += _rounded(estimator.tree_.value[leaf, 0, 0] * model.learning_rate, fraction)
    return total


def _rounded(value: ArrayLike, fraction: int) -> NDArray[np.int64]:
    """Nearest whole multiples of 2^−`fraction`, halves up."""
    return np.floor(np.asarray(value) * 2.0**fraction + 0.5).astype(np.int64)


def _start(model: GradientBoostingClassifier) -> float:
    """Score before the first tree: the logarithm of signal over background in training."""
    signal = model.init_.class_prior_[1]
    return float(np.log(signal / (1 - signal)))
