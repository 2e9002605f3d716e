"""Curves are drawn where they are known, with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib import metrics, plots
from hepml_lib.metrics import Estimate
from hepml_lib.plots import drawing
from hepml_lib.training import History

Labels = list[tuple[str, str, list[str]]]


class TestPerformance:
    @pytest.fixture
    def band(self) -> metrics.Band:
        y = np.arange(2000) % 2
        return metrics.roc_band(np.random.default_rng(1).normal(2.0 * y), y, replicas=20)

    def test_roc_with_a_cut(
        self, words: dict[str, str], band: metrics.Band, labels: Labels
    ) -> None:
        cut = (metrics.efficiency(70, 100), metrics.efficiency(20, 100))
        plots.roc({"network": band, "cut": cut}, **words)
        assert labels[0] == ("Signal efficiency", "Background rejection", ["network", "cut"])

    def test_roc_draws_only_what_is_known(self, words: dict[str, str], band: metrics.Band) -> None:
        lines = []

        def savefig(canvas: drawing.Canvas, *_: object, **__: object) -> None:
            lines.append(next(x for x in canvas.axes[0].lines if x.get_label() == "network"))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drawing.Canvas, "savefig", savefig)
            plots.roc({"network": band}, **words)
        x, rejection = lines[0].get_data()
        assert len(x) == (band.survivors >= 50).sum() < len(band.efficiency)
        assert np.max(rejection) <= 1000 / 50

    def test_a_curve_without_interval_is_refused(self, words: dict[str, str]) -> None:
        curve = metrics.roc([0.9, 0.1], [1, 0])
        with pytest.raises(
            TypeError, match="is a Roc, which has no interval: give metrics.roc_band"
        ):
            plots.roc({"network": curve}, **words)  # type: ignore[dict-item]
        with pytest.raises(ValueError, match="lets no background event pass"):
            plots.roc({"cut": (metrics.efficiency(1, 2), metrics.efficiency(0, 5))}, **words)

    def test_training(self, words: dict[str, str], labels: Labels) -> None:
        history = History([0.5, 0.4], [0.5, 0.45], [1, 1])
        plots.training({"EFN": history, "PFN": history}, **words)
        styles = ["training", "validation", "weights kept"]
        assert labels[0] == ("Epoch", "Loss", ["EFN", "PFN", *styles])
        plots.training({"network": history}, **words)
        assert labels[-1][2] == styles

    def test_a_training_that_did_not_start(self, words: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="'EFN' has not finished an epoch"):
            plots.training({"EFN": History()}, **words)

    def test_scaling(self, words: dict[str, str], labels: Labels) -> None:
        points = [Estimate(v, v - 0.01, v + 0.02, "bootstrap") for v in (0.90, 0.95)]
        plots.scaling([500, 5000], {"PFN": points}, xlabel="Training jets", ylabel="AUC", **words)
        assert labels[0] == ("Training jets", "AUC", ["PFN"])
        with pytest.raises(ValueError, match="2 estimates for 1 sizes"):
            plots.scaling([500], {"PFN": points}, xlabel="n", ylabel="AUC", **words)
