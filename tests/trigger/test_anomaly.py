"""Anomaly scores: the order of the inputs, Gaussian answers, and the committed network."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch
from scipy import stats

from hepml_lib import samples
from hepml_lib.nets import store
from hepml_lib.nets.autoencoders import (
    Autoencoder,
    FixedPointAutoencoder,
    VariationalAutoencoder,
)
from hepml_lib.nets.quantised import QuantisedLinear, Quantiser
from hepml_lib.samples.rates import crossing_weights
from hepml_lib.trigger import anomaly, menu, rates
from hepml_lib.trigger.models import KNOWN, MODELS, background, stand_in_efficiency


@pytest.fixture(scope="module")
def events() -> ak.Array:
    return samples.load("trigger_events", split="validation")


def test_every_input_has_a_name_and_a_shift(events: ak.Array) -> None:
    assert len(anomaly.INPUTS) == len(set(anomaly.INPUTS)) == len(anomaly.SHIFTS) == 57
    assert anomaly.hardware_inputs(events).shape == (len(events), 57)


def test_objects_are_where_their_names_say(events: ak.Array) -> None:
    x = anomaly.hardware_inputs(events)
    column = {name: x[:, k] for k, name in enumerate(anomaly.INPUTS)}
    hardest = ak.fill_none(ak.firsts(events.jets.pt), 0)
    assert (column["jet 1 pT"] == ak.to_numpy(hardest)).all()
    assert (column["MET φ"] == ak.to_numpy(events.met_phi)).all()
    assert (column["MET η"] == 0).all()
    second = ak.fill_none(ak.firsts(events.muons.phi[:, 1:]), 0)
    assert (column["muon 2 φ"] == ak.to_numpy(second)).all()
    for kind, places in {"e/γ": 4, "muon": 4, "jet": 10}.items():
        pts = np.stack([column[f"{kind} {k + 1} pT"] for k in range(places)])
        assert (np.diff(pts, axis=0) <= 0).all()


def test_inputs_are_of_order_one_and_saturate(events: ak.Array) -> None:
    x = anomaly.inputs(events)[ak.to_numpy(events.process) == 0]
    assert np.abs(x).max() <= anomaly.LIMIT
    assert x.std(axis=0).max() < 4


def test_mahalanobis_of_gaussians_is_chi_squared() -> None:
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(5, 5))
    known, other = (rng.normal(size=(20_000, 5)) @ mix + 3 for _ in range(2))
    distance = anomaly.mahalanobis(other, known)
    assert stats.kstest(distance, stats.chi2(5).cdf).pvalue > 1e-3


def test_mahalanobis_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(2)
    known = rng.normal(size=(500, 3))
    units = np.array([1e-3, 1.0, 1e3])
    assert anomaly.mahalanobis(known * units, known * units) == pytest.approx(
        anomaly.mahalanobis(known, known), rel=1e-6
    )


def test_scores_of_a_variational_network_add_up() -> None:
    torch.manual_seed(1)
    network, x = VariationalAutoencoder(57), np.random.default_rng(3).normal(size=(50, 57))
    found = anomaly.scores(network, x)
    assert (found["divergence"] >= 0.5 * found["Σμ²"] - 1e-9).all()
    again = anomaly.scores(network, x)
    assert all((found[name] == again[name]).all() for name in found)


def test_what_is_not_finite_raises() -> None:
    with pytest.raises(ValueError, match="NaN"):
        anomaly.scores(Autoencoder(57), np.full((2, 57), np.nan))


def counted_events(events: ak.Array) -> np.ndarray:
    """Background events that the stitching keeps."""
    return (crossing_weights(events) > 0) & (ak.to_numpy(events.process) < KNOWN)


def test_no_choice_depends_on_a_hidden_signal(events: ak.Array) -> None:
    """Whatever the hidden signals score, the figure by which one chooses stays the same."""
    score = menu.Menu(
        menu.leading_objects(events)[counted_events(events)],
        crossing_weights(events)[counted_events(events)],
    ).score(menu.leading_objects(events))
    hidden = ak.to_numpy(events.process) >= KNOWN
    changed = np.where(hidden, score.max() + 1, score)
    assert stand_in_efficiency(score, events) == stand_in_efficiency(changed, events)
    assert 0.5 < stand_in_efficiency(score, events) < 1


def test_a_score_without_information_keeps_the_share_of_the_rate(events: ak.Array) -> None:
    rate = crossing_weights(events)[ak.to_numpy(events.process) < 2].sum()
    found = stand_in_efficiency(np.zeros(len(events)), events)
    assert found == pytest.approx(3500 / 3 / rate)


def test_background_holds_no_hidden_signal(events: ak.Array) -> None:
    assert len(background(events)) == counted_events(events).sum()
    weight = background(events, mixture=1.0).weight
    assert weight is not None
    assert np.allclose(weight, crossing_weights(events)[counted_events(events)], rtol=1e-6)


def test_a_training_is_repeatable(events: ak.Array) -> None:
    data = background(events)
    entry = MODELS["trigger.anomaly"]
    first, second = (entry.train(data, data, seed=5, epochs=1)[0] for _ in range(2))
    x = anomaly.inputs(events)[:20]
    assert (anomaly.scores(first, x)["Σμ²"] == anomaly.scores(second, x)["Σμ²"]).all()


def test_the_committed_network_finds_what_it_never_saw(events: ak.Array) -> None:
    """Each hidden signal is kept at least ten times as often as background at 500 kHz."""
    network, _ = store.load("trigger.anomaly")
    assert isinstance(network, VariationalAutoencoder)
    score = anomaly.scores(network, anomaly.inputs(events))["Σμ²"]
    process, weight = ak.to_numpy(events.process), crossing_weights(events)
    known = process < KNOWN
    cut = rates.threshold(score[known], weight[known], 500.0)
    share = 500.0 / weight[known].sum()
    for signal, least in {5: 20, 6: 20, 7: 8, 8: 3}.items():
        assert (score[process == signal] > cut).mean() > least * share


@pytest.fixture(scope="module")
def chip() -> FixedPointAutoencoder:
    """The committed network in fixed point."""
    network, _ = store.load("trigger.anomaly_fixed")
    assert isinstance(network, FixedPointAutoencoder)
    return network


def _in_units_of_the_last_bit(network: FixedPointAutoencoder, x: np.ndarray) -> np.ndarray:
    assert isinstance(network.mean, QuantisedLinear)
    return anomaly.scores(network, x)["Σμ²"] / network.mean.output.lsb**2


def test_whole_numbers_agree_with_torch_on_every_committed_event(
    chip: FixedPointAutoencoder,
) -> None:
    everything = samples.load("trigger_events")
    whole = anomaly.integer_scores(chip, anomaly.hardware_inputs(everything))
    assert (whole == _in_units_of_the_last_bit(chip, anomaly.inputs(everything))).all()


@pytest.mark.parametrize("bits", [(2, 4), (4, 6), (6, 8)])
def test_whole_numbers_agree_for_random_networks(events: ak.Array, bits: tuple[int, int]) -> None:
    torch.manual_seed(sum(bits))
    x = torch.tensor(anomaly.inputs(events))
    network = FixedPointAutoencoder.from_float(
        VariationalAutoencoder(57), x, weight_bits=bits[0], activation_bits=bits[1]
    ).eval()
    whole = anomaly.integer_scores(network, anomaly.hardware_inputs(events))
    assert (whole == _in_units_of_the_last_bit(network, x.numpy())).all()
    assert len(np.unique(whole)) > 10


def test_the_circuit_agrees_and_fits(events: ak.Array, chip: FixedPointAutoencoder) -> None:
    pytest.importorskip("da4ml")
    circuit, hardware = anomaly.circuit(chip), anomaly.hardware_inputs(events)
    on_grid = anomaly.integer_inputs(chip.entry, hardware) * chip.entry.lsb
    assert isinstance(chip.mean, QuantisedLinear)
    found = circuit.predict(on_grid).ravel() / chip.mean.output.lsb**2
    assert (found == anomaly.integer_scores(chip, hardware)).all()
    assert circuit.luts < 10_000
    assert circuit.latency_cycles(4) <= 10


def test_integer_inputs_are_the_inputs_on_their_grid(events: ak.Array) -> None:
    entry = Quantiser(4, 2)
    whole = anomaly.integer_inputs(entry, anomaly.hardware_inputs(events))
    assert (whole * entry.lsb == entry(torch.tensor(anomaly.inputs(events))).numpy()).all()
