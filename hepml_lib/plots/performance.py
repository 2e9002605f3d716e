"""How well it works: ROC curves, the course of a training, figures of merit against size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from hepml_lib.metrics import Band, Estimate
from hepml_lib.plots.drawing import LINES, Figure, check_count, figure

if TYPE_CHECKING:  # importing it would load torch
    from hepml_lib.training import History

__all__ = ["roc", "scaling", "training"]

_MARKERS = "os^Dvp"
_SURVIVORS = 50  # background events; `metrics.rejection` quotes nothing below


def roc(
    curves: Mapping[str, Band | tuple[Estimate, Estimate]], *, alt: str, caption: str
) -> Figure:
    """Background rejection against signal efficiency, with the interval of each curve.

    Parameters
    ----------
    curves
        Name → `metrics.roc_band`, drawn where 50 background events or more survive; or for a cut,
        which has one working point, a pair of estimates (signal efficiency, background efficiency).
    alt, caption
        As in `figure`.

    Returns
    -------
    Figure
        One curve or point per tagger, and the curve of a guess.

    Raises
    ------
    TypeError
        If a curve has no interval.
    ValueError
        If there are more than six curves, or a cut lets no background pass.
    """
    check_count(curves, "curves")
    for name, curve in curves.items():
        _check_curve(name, curve)

    def draw(ax: Axes) -> None:
        guess = np.geomspace(1e-3, 1, 200)
        ax.plot(guess, 1 / guess, color="C4", linestyle=LINES[3], linewidth=1.2)
        ax.annotate("guessing", (0.2, 5), xytext=(3, 3), textcoords="offset points", color="C4")
        for k, (name, curve) in enumerate(curves.items()):
            if isinstance(curve, Band):
                _draw_band(ax, k, name, curve)
            else:
                _draw_cut(ax, k, name, *curve)
        ax.set(yscale="log", xlim=(0, 1), xlabel="Signal efficiency", ylabel="Background rejection")
        ax.set_ylim(1, 2 * max(_highest(curve) for curve in curves.values()))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.legend()

    return figure(draw, alt=alt, caption=caption)


def _check_curve(name: str, curve: object) -> None:
    if isinstance(curve, tuple) and len(curve) == 2:
        if curve[1].value == 0:
            raise ValueError(f"{name!r} lets no background event pass: its rejection is unknown")
    elif not isinstance(curve, Band):
        raise TypeError(
            f"{name!r} is a {type(curve).__name__}, which has no interval: give metrics.roc_band "
            "or, for a cut, the estimates of its signal and background efficiency"
        )


def _shown(band: Band) -> np.ndarray:
    return band.survivors >= _SURVIVORS


def _highest(curve: Band | tuple[Estimate, Estimate]) -> float:
    """Largest rejection that is drawn, or 1 if none is."""
    if isinstance(curve, Band):
        return float(np.max(1 / curve.background_efficiency[_shown(curve)], initial=1.0))
    return 1 / curve[1].value


def _draw_band(ax: Axes, k: int, name: str, band: Band) -> None:
    shown = _shown(band)
    x = band.efficiency[shown]
    value, low, high = (1 / y[shown] for y in (band.background_efficiency, band.high, band.low))
    ax.plot(x, value, color=f"C{k}", linestyle=LINES[k], label=name)
    ax.fill_between(x, low, high, color=f"C{k}", alpha=0.3, linewidth=0)


def _draw_cut(ax: Axes, k: int, name: str, signal: Estimate, background: Estimate) -> None:
    y = 1 / background.value
    # A bar without end would run out of the figure; it stops at the top then.
    top = 1 / background.low if background.low > 0 else 1e3 * y
    ax.errorbar(
        [signal.value],
        [y],
        xerr=[[signal.value - signal.low], [signal.high - signal.value]],
        yerr=[[y - 1 / background.high], [top - y]],
        color=f"C{k}",
        marker=_MARKERS[k],
        linestyle="none",
        capsize=2,
        label=name,
    )


def training(histories: Mapping[str, History], *, alt: str, caption: str) -> Figure:
    """Training and validation loss of each network against epoch; a dot marks the weights kept.

    Parameters
    ----------
    histories
        Name → what `training.fit` returned.
    alt, caption
        As in `figure`.

    Returns
    -------
    Figure
        Two curves per network.

    Raises
    ------
    ValueError
        If a training has not finished an epoch, or there are more than six.
    """
    check_count(histories, "trainings")
    for name, history in histories.items():
        if not history.best_epoch:
            raise ValueError(f"the training of {name!r} has not finished an epoch")

    def draw(ax: Axes) -> None:
        for k, history in enumerate(histories.values()):
            epochs = np.arange(1, len(history.train_loss) + 1)
            best = history.best_epoch
            ax.plot(epochs, history.train_loss, color=f"C{k}", linestyle="--")
            ax.plot(epochs, history.validation_loss, color=f"C{k}", linestyle="-")
            ax.plot(best, history.validation_loss[best - 1], "o", color=f"C{k}")
        ink = ax.xaxis.label.get_color()
        key = [Line2D([], [], color=f"C{k}", label=name) for k, name in enumerate(histories)]
        key = key if len(key) > 1 else []
        key += [
            Line2D([], [], color=ink, linestyle="--", label="training"),
            Line2D([], [], color=ink, linestyle="-", label="validation"),
            Line2D([], [], color=ink, linestyle="none", marker="o", label="weights kept"),
        ]
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.xaxis.minorticks_off()
        ax.legend(handles=key)

    return figure(draw, alt=alt, caption=caption)


def scaling(
    x: Sequence[float],
    curves: Mapping[str, Sequence[Estimate]],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    caption: str,
) -> Figure:
    """Figures of merit with their intervals against a size, on a logarithmic axis.

    Parameters
    ----------
    x
        Sizes, positive.
    curves
        Name → one estimate per size.
    xlabel, ylabel
        With their units.
    alt, caption
        As in `figure`.

    Returns
    -------
    Figure
        One curve per name.

    Raises
    ------
    ValueError
        If a curve has not one estimate per size, or there are more than six.
    """
    check_count(curves, "curves")
    for name, estimates in curves.items():
        if len(estimates) != len(x):
            raise ValueError(f"{name!r} has {len(estimates)} estimates for {len(x)} sizes")

    def draw(ax: Axes) -> None:
        for k, (name, estimates) in enumerate(curves.items()):
            value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
            # Side by side, so that bars do not hide each other.
            beside = np.asarray(x, float) * 1.04 ** (k - (len(curves) - 1) / 2)
            ax.errorbar(
                beside,
                value,
                [value - low, high - value],
                label=name,
                marker=_MARKERS[k],
                capsize=3,
            )
        ax.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
        ax.set_xticks(x, labels=[f"{size:,.10g}" for size in x])
        ax.xaxis.minorticks_off()
        ax.legend()

    return figure(draw, alt=alt, caption=caption)
