"""Constituents of many jets as arrays: end to end, or side by side with a mask. Once for all.

A `JetBatch` reads a jagged array of jets, or of events, refuses what is not a number, and gives its
lists in the two shapes that vectorised code needs: *flat*, all constituents end to end with the
number of their jet, and *padded*, one row per jet with a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import awkward as ak
import numpy as np
from numpy.typing import DTypeLike, NDArray

from hepml_lib.kinematics import wrap_phi

__all__ = ["KINEMATICS", "JetBatch"]

KINEMATICS = ("pt", "eta", "phi", "mass")
"""Fields of a four-momentum: GeV and radians."""

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class JetBatch:
    """Constituents of n jets, end to end, jet after jet.

    Attributes
    ----------
    counts
        Constituents of each jet, shape (n,), int64.
    columns
        Quantities of the constituents by name, each of shape (constituents,), as they are stored.
    axes
        Quantities of the jets themselves by name, each of shape (n,), as they are stored.

    Examples
    --------
    >>> jets = ak.Array([{"pt": 50.0, "parts": [{"pt": 20.0}, {"pt": 30.0}]},
    ...                  {"pt": 5.0, "parts": []}])
    >>> batch = JetBatch.read(jets, "parts", fields=("pt",), axes=("pt",))
    >>> batch.hardest(1).pad("pt", 2)
    array([[30.,  0.],
           [ 0.,  0.]])
    >>> batch.sum(batch.pt)
    array([50.,  0.])
    """

    counts: NDArray[np.int64]
    columns: Mapping[str, NDArray]
    axes: Mapping[str, NDArray]

    @classmethod
    def read(
        cls,
        jets: ak.Array,
        lists: str = "constituents",
        fields: Sequence[str] = KINEMATICS,
        axes: Sequence[str] = KINEMATICS,
    ) -> JetBatch:
        """Lists of jets, with quantities of the jets.

        Parameters
        ----------
        jets
            Records, one per jet, that hold a list of records in the field `lists`.
        lists
            Name of the list, such as ``"constituents"`` or ``"tracks"``.
        fields
            Numbers of each entry of the list to read.
        axes
            Numbers of each jet to read; of jets without constituents nothing is asked.

        Returns
        -------
        JetBatch
            One entry per jet, in their order.

        Raises
        ------
        ValueError
            If a jet is None, a number is missing, masked, NaN or infinite, or a pT is not above
            zero, and the message says in which jet; or if a field is not there. A constituent that
            is None as a whole counts as cut away.
        """
        jets = ak.Array(jets)
        _refuse_missing_jets(jets)
        batch = cls.of(_field(jets, lists), fields)
        filled = np.flatnonzero(batch.counts)
        values = {name: _numbers(_field(jets, name)) for name in axes}
        for name, value in values.items():
            _check(value[filled], filled, len(jets), name, "the jet")
        return cls(batch.counts, batch.columns, values)

    @classmethod
    def of(cls, constituents: ak.Array, fields: Sequence[str] = KINEMATICS) -> JetBatch:
        """Lists without their jets.

        Parameters
        ----------
        constituents
            Jagged array of records, one list per jet.
        fields
            Numbers of each entry to read.

        Returns
        -------
        JetBatch
            One entry per list, in their order, without axes.

        Raises
        ------
        ValueError
            As `read`.
        """
        counts, flat = _flat(constituents)
        owner = np.repeat(np.arange(len(counts)), counts)
        columns = {name: _numbers(_field(flat, name)) for name in fields}
        for name, value in columns.items():
            _check(value, owner, len(counts), name, "a constituent")
        return cls(counts, columns, {})

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> JetBatch:
        """The jets that are chosen, with all of their constituents.

        Parameters
        ----------
        chosen
            True for the jets to keep, shape (n,).
        """
        inside = chosen[self.jet]
        columns = {name: value[inside] for name, value in self.columns.items()}
        axes = {name: value[chosen] for name, value in self.axes.items()}
        return JetBatch(self.counts[chosen], columns, axes)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Row of the first constituent of each jet, shape (n,)."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def jet(self) -> NDArray[np.int64]:
        """Number of the jet that each constituent belongs to, shape (constituents,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Number of each constituent in its jet, counted from 0, shape (constituents,)."""
        return np.arange(len(self.jet)) - self.first[self.jet]

    @cached_property
    def pt(self) -> _Array:
        """Transverse momenta [GeV], shape (constituents,)."""
        return self.columns["pt"].astype(np.float64)

    @cached_property
    def eta(self) -> _Array:
        """Pseudorapidities, shape (constituents,)."""
        return self.columns["eta"].astype(np.float64)

    @cached_property
    def phi(self) -> _Array:
        """Azimuths [rad], shape (constituents,)."""
        return self.columns["phi"].astype(np.float64)

    @cached_property
    def mass(self) -> _Array:
        """Masses [GeV], shape (constituents,)."""
        return self.columns["mass"].astype(np.float64)

    @cached_property
    def share(self) -> _Array:
        """Share of the summed pT of the jet's constituents in this batch, shape (constituents,)."""
        return self.pt / self.sum(self.pt)[self.jet]

    @cached_property
    def momenta(self) -> _Array:
        """Four-momenta px, py, pz, E [GeV], shape (4, constituents)."""
        pz = self.pt * np.sinh(self.eta)
        energy = np.sqrt(self.pt**2 + pz**2 + self.mass**2)
        return np.stack([self.pt * np.cos(self.phi), self.pt * np.sin(self.phi), pz, energy])

    @cached_property
    def rapidity(self) -> _Array:
        """Rapidities, shape (constituents,); without mass they are the pseudorapidities."""
        return np.arcsinh(self.pt * np.sinh(self.eta) / np.hypot(self.pt, self.mass))

    @cached_property
    def deta(self) -> _Array:
        """η from the axis of the jet, shape (constituents,)."""
        return self.eta - self.axes["eta"].astype(np.float64)[self.jet]

    @cached_property
    def dphi(self) -> NDArray[np.floating]:
        """φ from the axis of the jet, shape (constituents,), in [−π, π) rad."""
        axis = self.axes["phi"].astype(np.float64)[self.jet]
        return np.asarray(wrap_phi(self.phi - axis), np.float64)

    def sum(self, values: NDArray) -> _Array:
        """Sum over the constituents of each jet, in double precision.

        Parameters
        ----------
        values
            One per constituent, shape (constituents,).

        Returns
        -------
        ndarray
            Shape (n,); 0 for an empty jet.
        """
        return np.bincount(self.jet, values, len(self)).astype(np.float64)

    def take(self, rows: NDArray[np.int64], counts: NDArray[np.int64] | None = None) -> JetBatch:
        """Some constituents of every jet.

        Parameters
        ----------
        rows
            Numbers of constituents, jet after jet; within a jet in any order.
        counts
            How many there are of each jet, where jets are left out or lists divided; the axes are
            then left out too. By default all n jets stay.

        Returns
        -------
        JetBatch
            With these constituents in this order.
        """
        columns = {name: value[rows] for name, value in self.columns.items()}
        if counts is not None:
            return JetBatch(counts, columns, {})
        counts = np.bincount(self.jet[rows], minlength=len(self)).astype(np.int64)
        return JetBatch(counts, columns, self.axes)

    def hardest(self, number: int | None = None) -> JetBatch:
        """Constituents by falling pT; of equal ones the first stays first.

        Parameters
        ----------
        number
            How many to keep of each jet; by default all.

        Returns
        -------
        JetBatch
            With the same jets and axes.
        """
        pt = ak.unflatten(self.columns["pt"], self.counts)
        place = ak.flatten(ak.argsort(pt, axis=1, ascending=False), axis=None)
        order = self.first[self.jet] + ak.to_numpy(place)
        return self.take(order if number is None else order[self.place < number])

    def mask(self, places: int) -> NDArray[np.bool_]:
        """Where `pad` holds a constituent, shape (n, places).

        Parameters
        ----------
        places
            Constituents to keep of each jet.
        """
        return np.arange(places) < self.counts[:, None]

    def pad(self, values: str | NDArray, places: int, dtype: DTypeLike = np.float64) -> NDArray:
        """Constituents side by side: one row per jet, zeros where there is none.

        Parameters
        ----------
        values
            Name of a column, or one value (or row of values) per constituent.
        places
            Constituents to keep of each jet, the first ones.
        dtype
            Of the result.

        Returns
        -------
        ndarray
            Shape (n, places), or (n, places, width).
        """
        flat = self.columns[values] if isinstance(values, str) else np.asarray(values)
        padded = np.zeros((len(self), places, *flat.shape[1:]), dtype)
        inside = self.place < places
        padded[self.jet[inside], self.place[inside]] = flat[inside]
        return padded

    @cached_property
    def by_multiplicity(self) -> NDArray[np.int64]:
        """Numbers of the jets that are not empty, those with few constituents first."""
        order = np.argsort(self.counts, kind="stable")
        return order[self.counts[order] > 0]

    def rows(self, jets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Constituents of some jets side by side: little is padding if they have equally many.

        Parameters
        ----------
        jets
            Numbers of jets that are not empty, such as some of `by_multiplicity`, shape (group,).

        Returns
        -------
        rows : ndarray of int64
            Rows of their constituents, shape (group, P); the first one of the jet where there is
            none.
        held : ndarray of bool
            Where there is one.
        """
        place = np.arange(self.counts[jets].max(initial=0))
        held = place < self.counts[jets, None]
        return self.first[jets, None] + np.where(held, place, 0), held


def _flat(constituents: ak.Array) -> tuple[NDArray[np.int64], ak.Array]:
    """Length of each list, and all entries end to end, without those that are None."""
    constituents = ak.Array(constituents)
    _refuse_missing_jets(constituents)
    if constituents.ndim < 2:
        raise ValueError(
            f"expected one list of constituents per jet, not an array of type {constituents.type}"
        )
    counts = ak.to_numpy(ak.num(constituents, axis=1)).astype(np.int64)
    flat = ak.flatten(constituents, axis=1)
    if not flat.layout.is_option:
        return counts, flat
    present = np.asarray(flat.layout.mask_as_bool(valid_when=True))
    owner = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(owner[present], minlength=len(counts)).astype(np.int64), flat[present]


def _refuse_missing_jets(jets: ak.Array) -> None:
    layout = jets.layout
    missing = np.asarray(layout.mask_as_bool(valid_when=False) if layout.is_option else [])
    if missing.any():
        raise ValueError(
            f"jet {int(missing.argmax())} of {len(jets)} is None ({missing.sum()} such jets): "
            "select jets with jets[passed], not with jets.mask[passed], or drop them with "
            "ak.drop_none"
        )


def _field(records: ak.Array, name: str) -> ak.Array:
    if records.layout.is_unknown:  # lists that are all empty, and do not know of what
        return ak.Array(np.zeros(0))
    if name not in records.fields:
        raise ValueError(f"there is no field {name!r}, only {records.fields}")
    return records[name]


def _numbers(values: ak.Array) -> NDArray:
    """Flat array as NumPy's; NaN where a value is missing."""
    try:
        numbers = ak.to_numpy(values)
        if numbers.dtype.kind not in "biuf" or numbers.ndim != 1:
            raise ValueError(f"NumPy has {numbers.ndim} dimensions of {numbers.dtype}")
    except ValueError as error:
        raise ValueError(f"expected one number per entry, not {values.type}: {error}") from None
    if isinstance(numbers, np.ma.MaskedArray):
        return np.ma.filled(numbers.astype(np.float64), np.nan)
    return numbers


def _check(values: NDArray, jet: NDArray[np.int64], jets: int, name: str, whose: str) -> None:
    """Refuse numbers that no jet has, naming the first jet with one."""
    bad = ~np.isfinite(values) | ((name == "pt") & (values <= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"jet {jet[row]} of {jets}: {name} of {whose} is {values[row]:g}, which no jet has "
            f"({bad.sum()} such values)"
        )
