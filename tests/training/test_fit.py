"""The loop finds known answers, repeats itself exactly, and says what is wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hepml_lib.nets import MLP, PFN
from hepml_lib.training import Data, History, fit, predict, seeded, train


def shifted_gaussians(events: int, seed: int = 1) -> Data:
    """Two densities N(+1, 1) and N(-1, 1) in one dimension: the exact logit is 2x."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, events)
    return Data.from_numpy(rng.normal(2.0 * label - 1, 1)[:, None], target=label)


def network(seed: int = 1, **options) -> MLP:
    with seeded(seed):
        return MLP(1, **{"hidden": (8,), **options})


def state(model: nn.Module) -> torch.Tensor:
    return torch.cat([x.double().flatten() for x in model.state_dict().values()])


quiet = partial(fit, progress=False)


@pytest.fixture(scope="module")
def data() -> tuple[Data, Data]:
    return shifted_gaussians(2000, 1), shifted_gaussians(500, 2)


def test_default_loss_finds_the_likelihood_ratio():
    train = shifted_gaussians(20_000)
    model = network(hidden=())
    quiet(model, train, train, epochs=5, lr=0.1, batch_size=1000)
    slope, offset = model.output.weight.item(), model.output.bias.item()
    # The information per event on the slope is about 0.12: one standard error here is 0.02.
    assert slope == pytest.approx(2, abs=0.1)
    assert offset == pytest.approx(0, abs=0.1)


def test_cross_entropy_of_three_classes_finds_the_posterior():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 3, 6000)
    x = rng.normal(np.array([-2.0, 0.0, 2.0])[label], 1)
    data = Data.from_numpy(x[:, None], target=label)
    model = network(outputs=3, hidden=())
    loss = partial(nn.functional.cross_entropy, reduction="none")
    quiet(model, data, data, epochs=6, lr=0.2, weight_decay=0.0, loss=loss)
    logits = predict(model, torch.tensor([[1.0]]))[0]
    # log p(x|2) - log p(x|1) = 2x - 2 = 0 at x = 1, and log p(x|1) - log p(x|0) = 2x + 2 = 4.
    assert np.diff(logits) == pytest.approx([4, 0], abs=0.2)


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", None])
def test_same_seed_same_weights_bit_by_bit(data, schedule):
    train, validation = data
    options = {"epochs": 2, "schedule": schedule}
    first, second, third = (network(dropout=0.2) for _ in range(3))
    quiet(first, train, validation, seed=5, **options)
    quiet(second, train, validation, seed=5, **options)
    quiet(third, train, validation, seed=6, **options)
    assert torch.equal(state(first), state(second))
    assert not torch.equal(state(first), state(third))


def test_global_generator_is_left_alone(data):
    before = torch.random.get_rng_state()
    quiet(network(dropout=0.5), *data, epochs=1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_weights_count_as_repetition():
    train = shifted_gaussians(300)
    times = torch.arange(300) % 3 + 1
    weighted = Data(train.inputs, train.target, times.float())
    repeated = train.slice(torch.repeat_interleave(torch.arange(300), times))
    models = network().double(), network().double(), network().double()
    for model, sample in zip(models, (weighted, repeated, train), strict=True):
        sample = Data((sample.inputs[0].double(),), sample.target, sample.weight)
        quiet(model, sample, sample, epochs=40, batch_size=1000, lr=0.01)
    torch.testing.assert_close(state(models[0]), state(models[1]), rtol=1e-9, atol=1e-9)
    assert not torch.allclose(state(models[0]), state(models[2]), atol=1e-3)


def test_reported_losses_are_weighted_means(data):
    train, validation = data
    weight = torch.rand(len(validation)) + 0.5
    model = network()
    history = quiet(
        model, train, Data(validation.inputs, validation.target, weight), epochs=3, patience=3
    )
    logits = torch.from_numpy(predict(model, validation))
    loss = nn.functional.binary_cross_entropy_with_logits(
        logits, validation.target.float(), weight=weight, reduction="sum"
    )
    best = history.validation_loss[history.best_epoch - 1]
    assert best == pytest.approx(float(loss / weight.sum()), rel=1e-5)
    assert len(history.train_loss) == len(history.seconds) == 3
    assert history.total_seconds == pytest.approx(sum(history.seconds))


def test_negative_weights_subtract_a_background():
    """Signal plus background with weight 1 and background with weight -1 is the signal."""
    rng = np.random.default_rng(4)
    signal, background, other = (rng.normal(centre, 1, 8000) for centre in (1, 0, -1))
    x = np.concatenate([signal, background, background, other])
    y = np.repeat([1, 1, 1, 0], 8000)
    w = np.repeat([1.0, 1.0, -1.0, 1.0], 8000)
    sample = Data.from_numpy(x[:, None], target=y, weight=w)
    model = network(hidden=())
    quiet(model, sample, sample, epochs=5, lr=0.05, batch_size=1000)
    assert model.output.weight.item() == pytest.approx(2, abs=0.2)


class Doubled(nn.Module):
    """Two inputs that must not be mixed up, one of them with a name of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(2))

    def forward(self, near, far):
        return near * self.slope[0] - far * self.slope[1]


@pytest.mark.parametrize("order", [("near", "far"), ("far", "near")])
def test_named_inputs_reach_their_arguments_in_any_order(order) -> None:
    near, far = torch.linspace(-2, 2, 300), torch.linspace(3, -1, 300)
    inputs = {name: {"near": near, "far": far}[name] for name in order}
    named = Data(inputs, (near > 0).long(), torch.rand(300) + 0.5)
    by_place = Data((near, far), named.target, named.weight)
    models = Doubled(), Doubled()
    for model, data in zip(models, (named, by_place), strict=True):
        quiet(model, data, data, epochs=2, seed=3)
    assert torch.equal(state(models[0]), state(models[1]))
    expected = predict(models[1], (near, far))
    for given in (named, named.inputs, named.to(torch.device("cpu")).inputs):
        assert (predict(models[0], given, batch_size=70) == expected).all()
    few = named.slice(torch.tensor([5, 7]))
    assert few.inputs["far"].tolist() == far[[5, 7]].tolist()
    assert len(few) == len(few.weight) == 2


def test_named_inputs_of_different_length_are_refused() -> None:
    inputs = {"near": torch.zeros(3), "far": torch.zeros(4)}
    with pytest.raises(ValueError, match="differ in length"):
        Data(inputs, torch.zeros(3))
    with pytest.raises(ValueError, match="differ in length"):
        predict(Doubled(), inputs)


def test_a_named_nan_says_which_input() -> None:
    x = torch.zeros(100)
    data = Data({"near": x, "far": torch.full((100,), torch.nan)}, x)
    with pytest.raises(RuntimeError, match="input far of that batch holds NaN"):
        quiet(Doubled(), data, data)


@pytest.mark.parametrize("labels", [(0, 1, 2), (-1, 1, 1), (0.0, 0.5, 1.0)])
def test_the_default_loss_refuses_what_is_no_label(labels) -> None:
    """It would take a class 2 for a probability of 2, and train without a word."""
    good = Data((torch.zeros(3, 1),), torch.tensor([0, 1, 1]))
    bad = Data(good.inputs, torch.tensor(labels))
    for splits in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match="labels 0 and 1.*holds .*pass a loss"):
            quiet(network(), *splits)
    assert quiet(network(outputs=3), bad, bad, epochs=1, loss=lambda a, b: a[:, 0] - b)


def test_labels_may_be_true_and_false(data) -> None:
    as_truth = Data(data[0].inputs, data[0].target == 1)
    models = network(), network()
    for model, sample in zip(models, (data[0], as_truth), strict=True):
        quiet(model, sample, sample, epochs=1)
    assert torch.equal(state(models[0]), state(models[1]))


def test_one_call_is_seed_standardisation_and_fit(data) -> None:
    far = [Data((1000 * part.inputs[0] + 5,), part.target) for part in data]
    options = {"epochs": 2, "lr": 0.01, "progress": False}
    model, history = train(lambda: MLP(1, hidden=(8,)), *far, seed=4, **options)
    by_hand = network(seed=4).standardise(far[0].inputs[0])
    assert fit(by_hand, *far, seed=4, **options).train_loss == history.train_loss
    assert torch.equal(state(model), state(by_hand))
    assert not model.training


def test_a_wrapped_network_is_what_comes_back(data) -> None:
    class Twice(nn.Module):
        def __init__(self, network) -> None:
            super().__init__()
            self.network = network

        def forward(self, x):
            return 2 * self.network(x)

    model, _ = train(
        lambda: MLP(1, hidden=()), *data, seed=1, wrap=Twice, epochs=5, lr=0.05, progress=False
    )
    assert isinstance(model, MLP)
    assert not model.training
    # Half the logit 2x.
    assert model.output.weight.item() / model.width.item() == pytest.approx(1, abs=0.1)


def test_best_weights_come_back_and_patience_ends_the_training():
    train, validation = shifted_gaussians(64, 1), shifted_gaussians(2000, 2)
    model = network(hidden=(64, 64))
    history = quiet(
        model, train, validation, epochs=200, lr=0.02, schedule=None, weight_decay=0.0, patience=5
    )
    assert len(history.train_loss) == history.best_epoch + 5 < 200
    logits = torch.from_numpy(predict(model, validation))
    loss = nn.functional.binary_cross_entropy_with_logits(logits, validation.target.float())
    assert float(loss) == pytest.approx(min(history.validation_loss), rel=1e-5)
    assert not model.training


def test_history_of_nothing_is_empty():
    assert History().best_epoch == 0
    assert History().total_seconds == 0


def test_gradient_clip_bounds_the_first_step(data):
    train, validation = data
    huge = partial(lambda output, target: 1e6 * (output - target) ** 2)
    model, before = network(), state(network())
    quiet(model, train, validation, loss=huge, epochs=1, lr=1e-3, weight_decay=0.0)
    assert torch.isfinite(state(model)).all()
    assert (state(model) - before).abs().max() < 1e-3 * 2 * len(train) / 256


def test_progress_bar_counts_the_steps(data, capsys):
    fit(network(), *data, epochs=1, progress=True)
    assert "/8" in capsys.readouterr().err


def test_predict_gives_the_same_in_any_batches(data):
    model = network(dropout=0.5)
    first, second = predict(model, data[0], 64), predict(model, data[0].inputs, 999)
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
    assert first.shape == (2000,)
    assert model.training


def test_nan_says_where_and_which_input(data):
    x = data[0].inputs[0].clone()
    x[777] = float("nan")
    with pytest.raises(
        RuntimeError, match=r"loss is nan in epoch 1, step \d; input 0 of that batch"
    ):
        quiet(network(), Data((x,), data[0].target), data[1])


def test_diverging_loss_names_the_learning_rate(data):
    def loss(output, target):
        return torch.log(output - 100)

    with pytest.raises(RuntimeError, match=r"logarithms.*learning rate \(0.001\)"):
        quiet(network(), *data, loss=loss)


def test_infinite_gradient_is_caught_before_the_step(data):
    def loss(output, target):
        return torch.sqrt((output - output.detach()).abs())

    model = network()
    before = state(model)
    with pytest.raises(RuntimeError, match="gradient is"):
        quiet(model, *data, loss=loss)
    assert torch.equal(state(model), before)


def test_loss_must_return_one_number_per_event(data):
    with pytest.raises(ValueError, match=r"one number per event, shape \(250,\)"):
        quiet(network(), *data, loss=lambda output, target: (output - target).mean())


def test_useless_data_is_refused():
    x = torch.zeros(3, 1)
    with pytest.raises(ValueError, match=r"no data.*\[0, 0\]"):
        Data((x[:0],), x[:0, 0])
    with pytest.raises(ValueError, match="differ in length"):
        Data((x,), torch.zeros(4))
    with pytest.raises(ValueError, match=r"weight has shape \(3, 1\), not \(3,\)"):
        Data((x,), torch.zeros(3), x)
    data = Data((x,), torch.zeros(3), -torch.ones(3))
    with pytest.raises(ValueError, match="mean weight of the training events is -1"):
        quiet(network(), data, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linear"}, "'cosine', 'one-cycle' or None"),
        ({"epochs": 0}, "epochs is 0"),
        ({"lr": -1.0}, "lr is -1.0"),
        ({"devices": 0}, "0 processes cannot share"),
    ],
)
def test_useless_options_are_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        quiet(network(), *data, **options)


def test_from_numpy_reads_any_byte_order():
    data = Data.from_numpy(np.ones((2, 3), ">f8"), np.ones((2, 3), bool), target=np.zeros(2, ">i2"))
    assert [x.dtype for x in (*data.inputs, data.target)] == [
        torch.float32,
        torch.bool,
        torch.int64,
    ]


def test_network_with_several_inputs_trains():
    """Whether any element lies beyond 1 is a property of the set."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(1000, 4, 2)).astype(np.float32)
    mask = np.ones((1000, 4), bool)
    y = (x[..., 0].max(axis=1) > 1).astype(int)
    data = Data({"features": torch.from_numpy(x), "mask": torch.from_numpy(mask)}, torch.tensor(y))
    model, _ = train(
        lambda: PFN(2, phi=(32, 32), rho=(32,)),
        data, data, seed=1, epochs=25, lr=1e-2, progress=False,
    )  # fmt: skip
    assert ((predict(model, data) > 0) == y).mean() > 0.9
