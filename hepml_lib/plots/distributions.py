"""What a sample looks like: histograms with their statistical bands, and average jet images."""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak
import hist
import matplotlib as mpl
import mplhep
import numpy as np
from hist.intervals import poisson_interval
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike, NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.plots.drawing import LINES, Figure, check_count, figure

__all__ = ["density", "histogram", "jet_images"]

_DECADES = 4  # of the colour scale
_HALF_WIDTH, _CELLS = 0.8, 40  # of an average jet image: half its edge in Δη and Δφ [rad]


def histogram(
    samples: Mapping[str, ArrayLike],
    bins: ArrayLike,
    *,
    label: str,
    alt: str,
    caption: str,
    unit: str = "",
    weights: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Probability density of several samples, each with its band of one standard deviation.

    Parameters
    ----------
    samples
        Name → values, shape (n,). All count in the normalisation, so values outside the bins are
        missing from the area.
    bins
        Edges, ascending, shape (bins + 1,), in the unit of the values.
    label, unit
        Of the horizontal axis.
    weights
        Name → event weights, shape (n,), for the samples that have them.
    alt, caption
        As in `figure`.

    Returns
    -------
    Figure
        One curve per sample.

    Raises
    ------
    ValueError
        If values are NaN or masked, a sample is empty, lengths differ, or there are more than six
        samples.

    Examples
    --------
    >>> mass = np.random.default_rng(1).normal(91.2, 2.5, 1000)
    >>> words = {"alt": "A peak at 91 GeV that is 6 GeV wide at half its height."}
    >>> histogram({"Z": mass}, np.linspace(80, 100, 21), label="Mass", unit="GeV", caption="Z",
    ...           **words).width
    614
    """
    check_count(samples, "samples")
    edges = np.asarray(bins, float)
    weights = weights or {}
    if lost := set(weights) - set(samples):
        raise ValueError(f"weights for {sorted(lost)}, which are not among {list(samples)}")
    filled = {
        name: density(name, values, edges, weights.get(name)) for name, values in samples.items()
    }

    def draw(ax: Axes) -> None:
        for k, (name, (value, low, high)) in enumerate(filled.items()):
            mplhep.histplot(
                value, edges, ax=ax, label=name, color=f"C{k}", linestyle=LINES[k], linewidth=1.8
            )
            ax.stairs(high, edges, baseline=low, fill=True, color=f"C{k}", alpha=0.3, linewidth=0)
        bottom = min(0, *(low.min() for _, low, _ in filled.values()))
        top = max(high.max() for _, _, high in filled.values())
        ax.set(xlim=(edges[0], edges[-1]), ylim=(1.1 * bottom, 1.1 * top))
        ax.set_xlabel(f"{label} [{unit}]" if unit else label)
        ax.set_ylabel(f"Density [1/{unit}]" if unit else "Density")
        ax.legend()

    return figure(draw, alt=alt, caption=caption)


def density(
    name: str, values: ArrayLike, edges: np.ndarray, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probability density in each bin, and the ends of its interval of one standard deviation.

    The interval is Garwood's, with the effective number of events where there are weights. In an
    empty bin it reaches up to what the mean weight allows; below zero it is the normal one.

    Parameters
    ----------
    name
        Of the sample, for messages.
    values, weights
        Shape (n,); without weights every value counts as one.
    edges
        Of the bins, ascending, shape (bins + 1,).

    Returns
    -------
    tuple of ndarray
        Density, and both ends of its interval, in units of 1 / `edges`, shape (bins,).

    Raises
    ------
    ValueError
        If values or weights are NaN or masked, of different numbers, or of no weight.

    Examples
    --------
    >>> value, low, high = density("one bin", [0.2, 0.4, 0.6, 0.8], np.array([0.0, 1.0]))
    >>> value, low.round(2), high.round(2)
    (array([1.]), array([0.52]), array([1.79]))
    """
    x = _numbers(values).astype(np.float64)
    weight = np.ones(len(x)) if weights is None else _numbers(weights).astype(np.float64)
    if len(x) != len(weight):
        raise ValueError(f"{name!r} has {len(x)} values and {len(weight)} weights")
    if bad := int(np.isnan(x).sum() + np.isnan(weight).sum()):
        raise ValueError(
            f"{bad} of the {len(x)} values or weights of {name!r} are NaN, masked or missing: "
            "leave these out first"
        )
    if weight.sum() <= 0:
        raise ValueError(f"{name!r} has nothing to draw: {len(x)} values, sum of weights ≤ 0")
    counts = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
    counts.fill(x, weight=weight)
    value, variance = counts.values(), counts.variances()
    low, high = poisson_interval(np.maximum(value, 0), variance)
    # An empty bin has no weight of its own: take that of the sample.
    high = np.where(
        value == 0, np.sum(weight**2) / weight.sum() * poisson_interval(np.zeros(1))[1], high
    )
    spread = np.sqrt(variance)
    low, high = (np.where(value < 0, value + s * spread, y) for s, y in ((-1, low), (1, high)))
    norm = weight.sum() * np.diff(edges)
    return value / norm, low / norm, high / norm


def _numbers(values: ArrayLike | ak.Array) -> NDArray[np.floating]:
    """Values in one dimension and in their precision; NaN for what is masked or None."""
    if isinstance(values, ak.Array):
        values = ak.to_numpy(values)
    array: np.ma.MaskedArray = np.ma.asarray(values)
    floating = array if array.dtype.kind == "f" else array.astype(np.float64)
    return np.ma.filled(floating, np.nan).ravel()


def jet_images(samples: Mapping[str, ak.Array], *, alt: str, caption: str) -> Figure:
    """Average share of the jet's pT in each cell around the jet axis, one image per sample.

    Parameters
    ----------
    samples
        Name → jets: records with ``eta``, ``phi`` [rad] and a list ``constituents`` of records with
        ``pt`` [GeV], ``eta`` and ``phi``. What is further away than 0.8 in Δη or Δφ is not shown.
    alt, caption
        As in `figure`.

    Returns
    -------
    Figure
        Images of 40 × 40 cells, on one logarithmic scale of colours.

    Raises
    ------
    ValueError
        If a sample has no jets, a constituent is NaN or missing, or there are more than six
        samples.
    """
    check_count(samples, "samples")
    edges = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, _CELLS + 1)
    images = {name: average_image(jets, edges) for name, jets in samples.items()}
    top = max(image.max() for image in images.values())
    norm = LogNorm(top / 10**_DECADES, top, clip=True)
    cell = 2 * _HALF_WIDTH / _CELLS

    def draw(axes: Axes | list[Axes]) -> None:
        panels = axes if isinstance(axes, list) else [axes]
        colours = mpl.colormaps["cividis"]
        for ax, (name, image) in zip(panels, images.items(), strict=True):
            mesh = ax.pcolormesh(edges, edges, image.T, norm=norm, cmap=colours, rasterized=True)
            ax.set(xlabel="Δη", ylabel="Δφ [rad]", title=name, aspect="equal")
            ax.tick_params(which="both", color="white")
            ax.label_outer()
        bar = ax.figure.colorbar(mesh, ax=panels, aspect=25, pad=0.02)
        bar.set_label(
            f"Mean share of the jet's $p_T$\nper cell of {cell:.2g} × {cell:.2g}", loc="center"
        )

    return figure(draw, alt=alt, caption=caption, size=(3.9, 3.5), columns=len(images))


def average_image(jets: ak.Array, edges: np.ndarray) -> np.ndarray:
    """Mean over jets of the pT fraction in each cell.

    Parameters
    ----------
    jets
        As in `jet_images`.
    edges
        Of the cells in Δη and in Δφ [rad], ascending, shape (cells + 1,).

    Returns
    -------
    ndarray
        Shape (cells in Δη, cells in Δφ).

    Raises
    ------
    ValueError
        If there are no jets, or a constituent is NaN or missing.
    """
    if not len(jets):
        raise ValueError("a sample without jets has no average image")
    inside = jets.constituents
    # The new axis keeps one jet to one list, also where all lists have the same length.
    deta = _numbers(ak.flatten(inside.eta - jets.eta[:, np.newaxis]))
    dphi = wrap_phi(_numbers(ak.flatten(inside.phi - jets.phi[:, np.newaxis])))
    share = _numbers(ak.flatten(inside.pt / ak.sum(inside.pt, axis=1, keepdims=True)))
    missing = int(np.isnan(deta + dphi + share).sum()) + int(ak.sum(ak.is_none(inside)))
    if missing:
        raise ValueError(f"{missing} constituents are NaN or missing: leave their jets out first")
    return np.histogram2d(deta, dphi, bins=(edges, edges), weights=share)[0] / len(jets)
