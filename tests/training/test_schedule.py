"""The learning rate of every step: the formula, torch's own schedulers, and what the steps get."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from hepml_lib.training import Data, fit
from hepml_lib.training import step as step_module

PEAK, EPOCHS, BATCHES = 0.02, 4, 5
STEPS = EPOCHS * BATCHES


@pytest.fixture
def rates(monkeypatch):
    """Learning rates with which the optimiser steps, for a schedule."""
    used: list[float] = []

    class Watched(torch.optim.AdamW):
        def step(self, *args, **kwargs):
            used.append(self.param_groups[0]["lr"])
            return super().step(*args, **kwargs)

    monkeypatch.setattr(step_module.torch.optim, "AdamW", Watched)

    def of(schedule: str | None, **options) -> np.ndarray:
        used.clear()
        data = Data((torch.linspace(-1, 1, 50)[:, None],), torch.arange(50) % 2)
        fit(
            nn.Sequential(nn.Linear(1, 1), nn.Flatten(0)),
            data, data, schedule=schedule, lr=PEAK, epochs=EPOCHS, batch_size=10, seed=1,
            progress=False, **options,
        )  # fmt: skip
        return np.array(used)

    return of


def by_torch(scheduler: type, steps: int = STEPS, **options) -> np.ndarray:
    """Learning rates of a scheduler of torch, one per step."""
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], PEAK)
    course = scheduler(optimiser, **options)
    rates = []
    for _ in range(steps):
        rates.append(course.get_last_lr()[0])
        optimiser.step()
        course.step()
    return np.array(rates)


def test_cosine_falls_to_zero_as_the_formula_says(rates) -> None:
    done = np.arange(STEPS) / STEPS
    assert rates("cosine") == pytest.approx(PEAK * (1 + np.cos(np.pi * done)) / 2)


def test_cosine_is_that_of_torch(rates) -> None:
    expected = by_torch(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=STEPS)
    assert rates("cosine") == pytest.approx(expected)


def test_one_cycle_rises_and_falls_as_the_formula_says(rates) -> None:
    """From a 25th of the peak up during 30 % of the steps, then down to zero, by half cosines."""
    found = rates("one-cycle")
    first, rest = np.arange(6) / 6, np.arange(14) / 14
    low = PEAK / 25
    rise = low + (PEAK - low) * (1 - np.cos(np.pi * first)) / 2
    fall = PEAK * (1 + np.cos(np.pi * rest)) / 2
    assert found == pytest.approx(np.concatenate([rise, fall]))
    assert found[0] == pytest.approx(low)
    assert found.argmax() == 6
    assert found.max() == pytest.approx(PEAK)


def test_one_cycle_is_that_of_torch(rates) -> None:
    """Torch's course ends at its last step; ours would reach zero at the step after the last."""
    expected = by_torch(
        torch.optim.lr_scheduler.OneCycleLR,
        max_lr=PEAK, total_steps=STEPS + 1, pct_start=(0.3 * STEPS + 1) / (STEPS + 1),
        div_factor=25, final_div_factor=math.inf, cycle_momentum=False,
    )  # fmt: skip
    assert rates("one-cycle") == pytest.approx(expected)


def test_without_a_schedule_it_stays(rates) -> None:
    assert (rates(None) == PEAK).all()


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_it_changes_with_every_step_not_every_epoch(rates, schedule) -> None:
    found = rates(schedule)
    assert len(found) == STEPS
    assert len(np.unique(found.round(12))) > EPOCHS
    assert np.abs(np.diff(found)).min() > 0


def test_a_resumed_training_goes_on_where_the_course_was(rates, tmp_path) -> None:
    whole = rates("one-cycle")
    stopped = tmp_path / "run.safetensors"

    class Stop:
        left = BATCHES + 2 + 4  # an epoch, its validation in two parts, the fourth step after it

        def __call__(self, output, target):
            self.left -= 1
            if not self.left:
                raise OSError("power cut")
            return nn.functional.binary_cross_entropy_with_logits(
                output, target.to(output.dtype), reduction="none"
            )

    with pytest.raises(OSError, match="power cut"):
        rates("one-cycle", checkpoint=stopped, checkpoint_seconds=0, loss=Stop())
    done = BATCHES + 3
    assert rates("one-cycle", checkpoint=stopped) == pytest.approx(whole[done:])
