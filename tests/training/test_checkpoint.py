"""A training that was stopped, killed or shared ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from hepml_lib.nets import store
from hepml_lib.training import Data, fit, seeded
from hepml_lib.training.loop import _binary_cross_entropy


class Small(nn.Module):
    """Dropout and batch normalisation, so that random state and buffers matter too."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


class Smooth(nn.Module):
    """What two processes can share exactly: no random units, no statistics of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).double()

    def forward(self, x):
        return self.layers(x.double()).squeeze(-1)


def events(n: int = 600, seed: int = 1) -> Data:
    with seeded(seed):
        x = torch.randn(n, 2)
        weight = torch.rand(n) + 0.5
    return Data({"x": x}, (x[:, 0] * x[:, 1] > 0).long(), weight)


def model(kind: type[nn.Module] = Small) -> nn.Module:
    with seeded(3):
        return kind()


def state(network: nn.Module) -> torch.Tensor:
    return torch.cat([x.double().flatten() for x in network.state_dict().values()])


class Interrupting:
    """The default loss, which does something to its own process at one call."""

    def __init__(self, call: int, action) -> None:
        self.left, self.action = call, action

    def __call__(self, output, target):
        self.left -= 1
        if self.left == 0:
            self.action()
        return _binary_cross_entropy(output, target)


def crash() -> None:
    raise OSError("power cut")


# 600 events in batches of 100: 6 training and 2 validation calls of the loss per epoch.
options = {"epochs": 4, "batch_size": 100, "seed": 7, "lr": 1e-2, "progress": False}
run = partial(fit, **options)


@pytest.fixture(scope="module")
def uninterrupted():
    network = model()
    history = run(network, events(), events(seed=2))
    return state(network), history


def same_course(history, reference) -> bool:
    return (history.train_loss, history.validation_loss) == (
        reference.train_loss,
        reference.validation_loss,
    )


@pytest.mark.parametrize("call", [1, 4, 6, 7, 8, 9, 21])
def test_a_crash_at_any_step_resumes_exactly(tmp_path, uninterrupted, call):
    file = tmp_path / "run.safetensors"
    with pytest.raises(OSError, match="power cut"):
        run(
            model(),
            events(),
            events(seed=2),
            checkpoint=file,
            checkpoint_seconds=0,
            loss=Interrupting(call, crash),
        )
    network = model()
    with torch.no_grad():
        network.layers[0].weight.zero_()  # the checkpoint, not the caller's model, must count
    if call == 1:
        network = model()
        assert not file.exists()
    history = run(network, events(), events(seed=2), checkpoint=file)
    assert torch.equal(state(network), uninterrupted[0])
    assert same_course(history, uninterrupted[1])


def test_interrupt_ends_the_step_leaves_the_checkpoint_and_resumes(tmp_path, uninterrupted):
    file = tmp_path / "run.safetensors"
    press = partial(signal.raise_signal, signal.SIGINT)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"epoch 2 after 3 of its steps.*resume from"):
        run(
            model(),
            events(),
            events(seed=2),
            checkpoint=file,
            loss=Interrupting(6 + 2 + 3, press),
        )
    assert signal.getsignal(signal.SIGINT) is handler
    network = model()
    history = run(network, events(), events(seed=2), checkpoint=file)
    assert torch.equal(state(network), uninterrupted[0])
    assert same_course(history, uninterrupted[1])


def test_interrupt_in_the_last_moment_stops_what_follows(tmp_path, uninterrupted):
    network = model()
    press = partial(signal.raise_signal, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(network, events(), events(seed=2), loss=Interrupting(4 * 8, press))
    assert torch.equal(state(network), uninterrupted[0])


def test_finished_training_returns_at_once(tmp_path, uninterrupted):
    file = tmp_path / "run.safetensors"
    run(model(), events(), events(seed=2), checkpoint=file)
    network = model()
    history = run(network, events(), events(seed=2), checkpoint=file, loss=Interrupting(1, crash))
    assert torch.equal(state(network), uninterrupted[0])
    assert same_course(history, uninterrupted[1])


def test_killed_process_resumes_exactly(tmp_path, uninterrupted):
    file = tmp_path / "run.safetensors"
    code = f"""
import os, signal
from pathlib import Path
from test_checkpoint import Interrupting, events, model, run
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
run(model(), events(), events(seed=2), checkpoint=Path({str(file)!r}), checkpoint_seconds=0,
    loss=Interrupting(13, kill))
"""
    here = Path(__file__).parent
    places = os.pathsep.join([str(here), str(here.parents[1])])
    child = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": places}, check=False
    )
    assert child.returncode == -signal.SIGKILL
    network = model()
    run(network, events(), events(seed=2), checkpoint=file)
    assert torch.equal(state(network), uninterrupted[0])


def test_checkpoint_holds_arrays_and_json_only(tmp_path):
    file = tmp_path / "run.safetensors"
    run(model(), events(), events(seed=2), checkpoint=file)
    tensors, record = store.read_tensors(file)
    assert {key.split("/")[0] for key in tensors} == {"best", "model", "optimiser"}
    assert record["plan"]["seed"] == 7
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert b"torch" not in file.read_bytes()


def test_foreign_checkpoint_is_refused(tmp_path):
    file = tmp_path / "run.safetensors"
    run(model(), events(), events(seed=2), checkpoint=file)
    with pytest.raises(ValueError, match=r"another training .*lr 0.01 then, 0.1 now"):
        run(model(), events(), events(seed=2), checkpoint=file, lr=0.1)
    with pytest.raises(ValueError, match=r"another training .*data"):
        run(model(), events(seed=5), events(seed=2), checkpoint=file)
    with pytest.raises(ValueError, match="another network"):
        run(model(Smooth), events(), events(seed=2), checkpoint=file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"run.safetensors is damaged"):
        run(model(), events(), events(seed=2), checkpoint=file)


def test_two_processes_agree_with_one(tmp_path):
    """Uneven batches (601 events in 7) and weights, so that a wrong average would show."""
    one, two = model(Smooth), model(Smooth)
    train, validation = events(601), events(333, seed=2)
    first = run(one, train, validation)
    second = run(two, train, validation, devices=2, checkpoint=tmp_path / "run.safetensors")
    torch.testing.assert_close(state(one), state(two), rtol=0, atol=1e-5)
    assert second.validation_loss == pytest.approx(first.validation_loss, abs=1e-5)
    assert second.train_loss == pytest.approx(first.train_loss, abs=1e-5)
    assert not torch.equal(state(one), state(model(Smooth)))
    assert (tmp_path / "run.safetensors").exists()
