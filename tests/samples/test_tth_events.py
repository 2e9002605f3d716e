"""A Higgs boson beside a top pair: the selection, displacement, truth, masses and yields."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.samples import weights
from hepml_lib.samples.recipes import tth_events

RECIPE = tth_events.RECIPE
TTBAR, TTH = 0, 1


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(RECIPE.make(RECIPE.part("train", 0), 500))


@pytest.fixture(scope="module")
def process(events):
    return events.process.to_numpy()


def flat(values):
    return ak.to_numpy(ak.flatten(values, axis=None)).astype(np.float64)


def agree(share, expected, number):
    """Within four standard deviations of a share of a number of objects."""
    return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / number)


def test_events_are_unique_and_of_their_sample_and_split(events, process):
    event, split = events.event.to_numpy(), events.split.to_numpy()
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 17).all()
    assert (event // 10**12 % 10 == split).all()
    assert (event % 10**6 // 100_000 == process).all()
    assert (process == TTH).mean() == 0.5
    assert np.array_equal(events.label.to_numpy(), process)


def test_selection(events):
    jets, lepton = events.jets, events.lepton
    assert ak.min(ak.num(jets)) >= 4
    assert ak.max(ak.num(jets)) <= 12
    assert ak.min(jets.pt) >= 25
    assert np.abs(flat(jets.eta)).max() <= 2.51
    assert ak.all(jets.pt[:, :-1] >= jets.pt[:, 1:])
    assert ak.min(lepton.pt) >= 25
    assert np.abs(flat(lepton.eta)).max() <= 2.51
    assert ak.all(jets.deltaR(lepton) > 0.39)


def test_b_jets_are_displaced_and_others_are_not(events):
    """Shares of jets with two displaced tracks, as in the data card."""
    jets = events.jets
    for flavour, expected in ((5, 0.637), (4, 0.159), (0, 0.022)):
        chosen = jets.flavour == flavour
        share = float(ak.mean(jets.displaced[chosen] >= 2))
        # The expectation comes from 16 000 events, of which these may be all.
        assert agree(share, expected, int(ak.sum(chosen)) / 4)
    assert ak.all(jets.impact_3 <= jets.impact_2)
    assert np.abs(flat(jets.impact_2)).max() <= 60
    assert ak.all(jets.displaced_mass[jets.displaced < 2] == 0)
    # Significances are stored in steps of an eighth.
    near = abs(jets.impact_2 - 3) < 0.07
    assert ak.all(((jets.displaced >= 2) == (jets.impact_2 > 3)) | near)


def test_every_higgs_jet_is_a_b_jet_and_none_is_in_a_top_pair_alone(events, process):
    jets = events.jets
    of_higgs = jets.origin == 25
    assert not ak.any(of_higgs[process == TTBAR])
    assert ak.max(ak.sum(of_higgs, axis=1)) == 2
    assert 0.95 < ak.mean(jets.flavour[of_higgs] == 5) <= 1
    assert ak.mean(jets.flavour[jets.origin == 6] == 5) > 0.93
    # Of a W boson that goes to quarks, half of the pairs hold a c quark.
    assert 0.2 < ak.mean(jets.flavour[jets.origin == 24] == 4) < 0.3


@pytest.mark.parametrize(("code", "expected"), [(25, 109.8), (24, 77.2)])
def test_jets_of_a_resonance_have_its_mass(events, process, code, expected):
    """Somewhat below 125 and 80.4 GeV: radiation and neutrinos leave the cones."""
    found = events.jets[(events.jets.origin == code) & (process == TTH)]
    pair = found[ak.num(found) == 2]
    mass = (pair[:, 0] + pair[:, 1]).mass.to_numpy()
    width = np.diff(np.quantile(mass, [0.16, 0.84]))[0] / 2
    assert abs(np.median(mass) - expected) < 4 * 1.25 * width / np.sqrt(len(mass)) + 0.5
    assert width < 0.16 * expected


def test_a_higgs_boson_brings_jets_and_b_jets(events, process):
    number, bottoms = ak.num(events.jets), ak.sum(events.jets.flavour == 5, axis=1)
    for code, mean, four_b in ((TTBAR, 4.701, 0.003), (TTH, 5.628, 0.353)):
        chosen = process == code
        error = np.std(number[chosen]) / np.sqrt(chosen.sum())
        assert abs(np.mean(number[chosen]) - mean) < 6 * error
        assert agree(np.mean(bottoms[chosen] >= 4), four_b, chosen.sum() / 4)


def test_weights_are_cross_sections_after_the_selection(events, process):
    weight = weights.event_weights(events)
    for code, expected in ((TTBAR, 80.5), (TTH, 0.0469)):
        assert weight[process == code].sum() == pytest.approx(expected, rel=2e-3)


def test_efficiencies_behind_the_cross_sections():
    """The numbers of the normalisation: 923 pb and 0.570 pb × 58.2 %, one lepton in 28.8 %."""
    one_lepton = 2 * (0.1071 + 0.1063) * 0.6741
    ttbar, tth = tth_events.CROSS_SECTIONS
    assert ttbar / (923 * one_lepton) == pytest.approx(0.303)
    assert tth / (0.570 * 0.582 * one_lepton) == pytest.approx(0.491)
