"""Scored test events, after every check of what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.ranking import Ranking

__all__ = ["Scored", "checked", "refuse_masked", "refuse_negative"]


@dataclass(frozen=True, eq=False)
class Scored:
    """Test events: what a method says about each, the truth, its weight and where it is from.

    Parameters
    ----------
    scores : array_like, shape (events,) or (events, classes)
        Scores, larger for signal; or logits, measured values, decisions.
    labels : array_like, shape (events,), optional
        1 for signal and 0 for background, or the class of each event.
    weights : array_like of float, shape (events,), optional
        Event weights; one each by default.
    events : array_like, shape (events,), optional
        Event identity: rows of one event, such as its jets, are resampled together.

    Raises
    ------
    ValueError
        If an array holds masked values.

    Examples
    --------
    >>> Scored([0.9, 0.2], [1, 0], weights=[2.0, 3.0]).weighted(np.array([0, 2])).tolist()
    [0.0, 6.0]
    """

    scores: ArrayLike
    labels: ArrayLike | None = None
    weights: ArrayLike | None = None
    events: ArrayLike | None = None

    def __post_init__(self) -> None:
        for name in ("scores", "labels", "weights", "events"):
            refuse_masked(name, getattr(self, name))

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(np.asarray(self.scores))

    @cached_property
    def classified(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Scores (float), labels (bool) and weights (float) of a test of signal and background.

        Raises
        ------
        ValueError
            If there are no labels, or as in `checked`.
        """
        if self.labels is None:
            raise ValueError("labels are missing: 1 for signal, 0 for background")
        return checked(self.scores, self.labels, self.weights)

    @cached_property
    def ranking(self) -> Ranking:
        """The events in decreasing order of score."""
        return Ranking(*self.classified)

    def weighted(self, drawn: np.ndarray | None = None) -> np.ndarray:
        """Weight of each row where a resampling took it `drawn` times, shape (events,).

        Parameters
        ----------
        drawn : ndarray of uint8, shape (events,), optional
            As `Statistic.evaluate` gets it; None takes each row once.

        Returns
        -------
        ndarray of float64, shape (events,)
            The product of weight and number.
        """
        weight = np.ones(self.size) if self.weights is None else np.asarray(self.weights, float)
        return weight if drawn is None else weight * drawn


def checked(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scores, labels and weights after every check of what goes wrong.

    Parameters
    ----------
    scores : array_like of float, shape (events,)
        Larger for what looks like signal; any scale.
    labels : array_like, shape (events,)
        1 for signal, 0 for background.
    weights : array_like of float, shape (events,), optional
        Event weights; those of each class must sum to more than zero.

    Returns
    -------
    score, label, weight : ndarray, shape (events,)
        Floating, bool and float64; the last is None if there are no weights.

    Raises
    ------
    ValueError
        On NaN, infinite or masked values, more than one score per event, unequal lengths, other
        labels, a single class, or a class whose weights do not sum to more than zero.
    """
    for name, given in (("scores", scores), ("labels", labels), ("weights", weights)):
        refuse_masked(name, given)
    score, label = np.asarray(scores), np.asarray(labels)
    if score.dtype.kind in "bui":
        score = score.astype(float)
    weight = None if weights is None else np.asarray(weights, float)
    for name, array in (("scores", score), ("labels", label), ("weights", weight)):
        if array is None:
            continue
        if array.ndim != 1:
            raise ValueError(
                f"{name} must hold one number per event, not an array of shape {array.shape}; "
                "of a network with several outputs, pass the signal's column"
            )
        if len(array) != len(score):
            raise ValueError(f"there are {len(score)} scores and {len(array)} {name}")
        nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(0, bool)
        if nan.any():
            raise ValueError(
                f"{nan.sum()} of {len(array)} {name} are NaN, the first at index {np.argmax(nan)}; "
                "a metric of the others would hide it"
            )
    if not ((label == 0) | (label == 1)).all():
        raise ValueError(
            "labels must be 1 for signal and 0 for background; "
            f"these hold {np.unique(label)[:5].tolist()}"
        )
    label = label.astype(bool)
    if label.all() or not label.any():
        kind = "signal" if label.any() else "background"
        raise ValueError(
            f"all {len(label)} events are {kind}: separation needs both classes, so select neither "
            "by label before measuring"
        )
    if weight is not None:
        if not np.isfinite(weight).all():
            raise ValueError("weights must be finite")
        for kind, chosen in (("signal", label), ("background", ~label)):
            if weight[chosen].sum() <= 0:
                raise ValueError(f"the weights of the {kind} sum to {weight[chosen].sum():g}")
    return score, label, weight


def refuse_negative(weights: np.ndarray | None) -> None:
    """Raise when an efficiency at a threshold would not be a fraction.

    Parameters
    ----------
    weights : ndarray, shape (events,), optional
        Event weights.

    Raises
    ------
    ValueError
        If a weight is negative.
    """
    if weights is not None and (weights < 0).any():
        raise ValueError(
            f"{(weights < 0).sum()} weights are negative: the efficiency then neither rises with "
            "a looser threshold nor stays below 1. `auc` is defined for them; for a working point "
            "make the weights positive first (cell or neural resampling)"
        )


def refuse_masked(name: str, values: ArrayLike | None) -> None:
    """Raise when an array of `numpy.ma` hides values, which conversion would bring back.

    Parameters
    ----------
    name : str
        What the message calls the values, such as ``"scores"``.
    values : array_like, optional
        Any array; only one of `numpy.ma` can hide values.

    Raises
    ------
    ValueError
        If a value is masked.
    """
    if np.ma.is_masked(values):
        raise ValueError(
            f"{np.ma.count_masked(values)} {name} are masked: leave out these rows, in all arrays"
        )
