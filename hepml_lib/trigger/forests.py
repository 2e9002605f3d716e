"""Boosted trees in trigger hardware: comparisons of whole numbers, and a sum.

A tree needs no product. Its inputs are whole numbers already, so that only the values of the leaves
are rounded. `Forest` repeats the hardware bit by bit; the study ``l1_boosted`` proves it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib import records
from hepml_lib.trigger.boosted import BITS

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

__all__ = ["FRACTION", "Forest", "committed", "digest", "leaf_sums"]

FRACTION = 5
"""Bits of a leaf after the point, of the committed forest and of all that the study compares."""


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

        Parameters
        ----------
        model
            From `boosted.train`.
        fraction
            Bits of a leaf after the point.

        Returns
        -------
        Forest
            As deep as the deepest tree of `model`.
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
                branches = tree.children_left[here] >= 0
                if branches:
                    feature[k, node] = tree.feature[here]
                    threshold[k, node] = np.floor(tree.threshold[here])
                both = (tree.children_left[here], tree.children_right[here])
                place = np.append(place, both if branches else (here, here))
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
        >>> stump = Forest(np.array([[0]]), np.array([[3]]), np.array([[-5, 7]]), 1, fraction=2)
        >>> stump.scores([[3], [4]]).tolist()
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


def digest(scores: ArrayLike) -> str:
    """SHA-256 of scores: equal for equal scores in equal order alone.

    Parameters
    ----------
    scores
        Whole numbers of at most 32 bits, shape (n,).

    Returns
    -------
    str
        Sixty-four hexadecimal digits.
    """
    return hashlib.sha256(np.asarray(scores).astype("<i4").tobytes()).hexdigest()


def committed() -> tuple[Forest, dict[str, Any]]:
    """The forest whose gates were simulated, and the record of that study.

    Returns
    -------
    forest, record
        The record is that of ``hepml study l1_boosted``, as `records.read` gives it.
    """
    record = records.read("l1_boosted")
    entry = record["forest"]
    feature, threshold, leaf = (np.array(entry[name]) for name in ("feature", "threshold", "leaf"))
    return Forest(feature, threshold, leaf, entry["start"], entry["fraction"]), record


def _rounded(value: ArrayLike, fraction: int) -> NDArray[np.int64]:
    """Nearest whole multiples of 2^−`fraction`, halves up."""
    return np.floor(np.asarray(value) * 2.0**fraction + 0.5).astype(np.int64)


def _start(model: GradientBoostingClassifier) -> float:
    """Score before the first tree: the logarithm of signal over background in training."""
    signal = model.init_.class_prior_[1]
    return float(np.log(signal / (1 - signal)))
