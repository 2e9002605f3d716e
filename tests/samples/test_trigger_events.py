"""Crossings for the trigger: objects, truth, signals, and rates put together without a seam."""

from __future__ import annotations

from itertools import pairwise

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics, samples, settings
from hepml_lib.samples import pythia, rates
from hepml_lib.samples.detector.level1 import SCALES
from hepml_lib.samples.recipes.trigger_events import PROCESSES, RECIPE, make

ZERO_BIAS, QCD, W, Z, TTBAR, A, LEPTOQUARK, H, H_PLUS = range(9)


@pytest.fixture(scope="module")
def events():
    """The committed file, or a small chunk where it has not been made."""
    if (settings.data_dir() / "samples" / f"{RECIPE.name}.root").exists():
        return samples.load(RECIPE.name)
    return RECIPE.decode(make(RECIPE.part("train", 0), 340))


@pytest.fixture(scope="module")
def process(events):
    return events.process.to_numpy()


@pytest.fixture(scope="module")
def crossing(events):
    """Number of the chunk of each event: chunks share no pileup."""
    return np.unique(events.event.to_numpy() // 10**6, return_inverse=True)[1]


def leading(objects):
    """Largest pT of each event [GeV], 0 where there is no object."""
    return SCALES["pt"] * ak.fill_none(ak.max(objects.pt, axis=1), 0).to_numpy()


def rate(weights, chosen, crossing):
    """Rate [kHz] and its error from chunk to chunk, or from the weights of a single chunk."""
    chunks = crossing.max() + 1
    value = weights[chosen].sum()
    counted = np.sqrt((weights[chosen] ** 2).sum())
    if chunks == 1:
        # Pileup is drawn again and again from the same pool.
        return value, 4 * counted
    part = np.bincount(crossing[chosen], weights[chosen], chunks)
    return value, max(np.sqrt(chunks * part.var(ddof=1)), counted)


def test_shares_splits_and_names(events, process):
    numbers = np.bincount(process, minlength=9)
    shares = np.array([row[2] for row in PROCESSES.values()])
    assert np.array_equal(numbers * shares.sum(), shares * len(process))
    event = events.event.to_numpy()
    assert len(np.unique(event)) == len(event)
    assert (event // 10**13 == 3).all()
    assert (event // 10**12 % 10 == events.split.to_numpy()).all()
    # Mixed: of any 85 events in a row, about 40 are zero bias.
    runs = (process == ZERO_BIAS).reshape(-1, 85).sum(axis=1)
    assert runs.min() > 40 - 5.5 * np.sqrt(85) / 2
    assert runs.max() < 40 + 5.5 * np.sqrt(85) / 2


def test_number_of_collisions_is_poisson(events, process):
    number = events.interactions.to_numpy().astype(float) - (process != ZERO_BIAS)
    n = len(number)
    assert number.mean() == pytest.approx(50, abs=4 * np.sqrt(50 / n))
    assert number.var() == pytest.approx(50, abs=4 * 50 * np.sqrt(2 / n))


def test_level1_objects_fill_the_words_of_the_hardware(events):
    limits = {
        "jets": (10, 2047, 116, 144),
        "egammas": (4, 511, 58, 144),
        "muons": (4, 511, 222, 576),
    }
    for group, (places, most, edge, around) in limits.items():
        objects = events[group]
        assert ak.max(ak.num(objects)) == places or group == "muons"
        assert ak.all(objects.pt[:, :-1] >= objects.pt[:, 1:])
        assert ak.min(objects.pt) > 0
        assert ak.max(objects.pt) <= most
        assert ak.max(np.abs(objects.eta)) <= edge
        assert ak.min(objects.phi) >= 0
        assert ak.max(objects.phi) < around
    assert set(ak.flatten(events.muons.quality).to_numpy()) <= {4, 8, 12}
    assert events.met_phi.to_numpy().max() < 144


@pytest.mark.parametrize("card", ["w", "z"])
def test_cross_sections_are_those_of_the_cards(card):
    generator = pythia.start(f"trigger_events_{card}", 11)
    generator.nextBatch(100)
    info = generator.infoPython()
    stored = next(row[3] for row in PROCESSES.values() if row[1] == card)
    assert 1e9 * info.sigmaGen() == pytest.approx(stored, abs=4e9 * info.sigmaErr())


def test_w_and_z_have_the_measured_ratio():
    """10.3 +- 0.2 between 66 and 116 GeV in the fiducial volume (arXiv:1603.09222)."""
    assert 9.3 < PROCESSES[W][3] / PROCESSES[Z][3] < 11.3


@pytest.mark.parametrize(
    ("card", "code", "mass", "number", "daughters"),
    [
        ("a", 25, 50, 1, {23}),
        ("lq", 42, 80, 2, {5, 15}),
        ("h", 25, 60, 1, {15}),
        ("hplus", 37, 60, 1, {15, 16}),
    ],
)
def test_signals_decay_as_stated(card, code, mass, number, daughters):
    size = 20
    batch = next(pythia.batches(f"trigger_events_{card}", 5, size))
    table = pythia.records(batch.prt)
    kind, mother = np.abs(table["id"]), table["first"] + table["mother1"]
    last = (kind == code) & (np.abs(table["id"][table["first"] + table["daughter1"]]) != code)
    square = table["e"] ** 2 - table["px"] ** 2 - table["py"] ** 2 - table["pz"] ** 2
    assert last.sum() == number * size
    assert np.median(np.sqrt(square[last])) == pytest.approx(mass, abs=0.5)
    assert set(kind[last[mother] & (table["status"] != 0) & (mother > 0)]) == daughters
    if card == "a":
        lepton = np.isin(kind, (11, 13, 15)) & (kind[mother] == 23)
        assert lepton.sum() == 4 * size


def pair_mass(objects, eta, phi):
    """Mass of the hardest two objects of each event [GeV]."""
    one, two = objects[:, 0], objects[:, 1]
    cosh = np.cosh(eta * (one.eta - two.eta).to_numpy().astype(float))
    cosine = np.cos(phi * (one.phi - two.phi).to_numpy().astype(float))
    product = one.pt.to_numpy().astype(float) * two.pt.to_numpy()
    return SCALES["pt"] * np.sqrt(2 * product * (cosh - cosine))


@pytest.mark.parametrize(
    ("group", "generated", "scale"), [("egammas", "electron", ""), ("muons", "muon", "muon_")]
)
def test_level1_pairs_peak_at_the_mass_of_the_z(events, process, group, generated, scale):
    chosen = events[(process == Z) & (events[f"generated_{generated}_pt"].to_numpy() > 30)]
    objects = chosen[group][ak.num(chosen[group]) > 1]
    objects = objects[objects.pt[:, 1] > 30]
    mass = pair_mass(objects, SCALES[f"{scale}eta"], SCALES[f"{scale}phi"])
    near = mass[(mass > 50) & (mass < 140)]
    if len(near) < 8:
        pytest.skip("the committed file has hundreds of pairs, a small chunk too few")
    error = 1.25 * near.std() / np.sqrt(len(near))
    assert np.median(near) == pytest.approx(90, abs=5 + 4 * error)


def matched(events, group, offline, radius, scale=""):
    """Whether a Level-1 object above `least` lies near the offline one: its pT [GeV], else 0."""
    objects = events[group]
    # The centre of a bin of the hardware.
    eta, phi = (SCALES[f"{scale}{name}"] * (objects[name] + 0.5) for name in ("eta", "phi"))
    eta_offline, phi_offline = events[f"{offline}_eta"], events[f"{offline}_phi"]
    delta_phi = (phi - phi_offline + np.pi) % (2 * np.pi) - np.pi
    near = (eta - eta_offline) ** 2 + delta_phi**2 < radius**2
    return leading(objects[near])


@pytest.mark.parametrize(
    ("group", "offline", "threshold", "radius", "plateau", "chosen"),
    [
        ("jets", "offline_jet", 40, 0.4, 0.95, (QCD,)),
        ("egammas", "offline_electron", 15, 0.2, 0.85, (W, Z)),
        ("muons", "offline_muon", 15, 0.2, 0.85, (W, Z)),
    ],
)
def test_efficiency_turns_on_at_the_threshold(
    events, process, group, offline, threshold, radius, plateau, chosen
):
    part = events[np.isin(process, chosen)]
    pt = part[f"{offline}_pt"].to_numpy()
    passed = matched(part, group, offline, radius, "muon_" * (group == "muons")) >= threshold
    high, low = pt > 2 * threshold, (pt > 0) & (pt < 0.5 * threshold)
    error = np.sqrt(plateau * (1 - plateau) / max(high.sum(), 1))
    assert passed[high].mean() > plateau - 4 * error
    assert passed[low].mean() < 0.1 + 4 * np.sqrt(0.09 / low.sum()) if low.any() else True


def test_missing_momentum_follows_the_offline_one(events, process):
    seen, offline = SCALES["pt"] * events.met_pt.to_numpy(), events.offline_met.to_numpy()
    high, low = offline > 150, offline < 40
    assert (seen[high] > 50).mean() > 0.9
    assert (seen[low] > 80).mean() < 0.05
    # Neutrinos of the W make it larger than that of pileup.
    neutrino = (process == W) & (events.generated_met.to_numpy() > 40)
    assert offline[neutrino].mean() > offline[process == ZERO_BIAS].mean()


def test_zero_bias_has_no_hard_collision(events, process):
    empty = process == ZERO_BIAS
    for name in ("jet_pt", "electron_pt", "muon_pt", "met", "ht"):
        assert not events[f"generated_{name}"].to_numpy()[empty].any()
    assert not events.pthat.to_numpy()[empty].any()
    assert events.pthat.to_numpy()[process == QCD].min() > 19.9


def test_rates_of_zero_bias_and_dijets_add_up_to_all_crossings(events, process, crossing):
    weights = rates.crossing_weights(events)
    total, error = rate(weights, process < W, crossing)
    assert total == pytest.approx(rates.CROSSINGS, abs=4 * error)
    assert error < 0.15 * total or crossing.max() == 0


def test_spectra_of_jets_have_no_seam(events, process, crossing):
    """Where zero bias has jets enough it is the truth; and where samples meet does not matter."""
    jet = leading(events.jets)
    known = process < W
    together = rates.crossing_weights(events)
    later = rates.crossing_weights(events, 30.0)
    alone = np.where(process == ZERO_BIAS, rates.CROSSINGS / (process == ZERO_BIAS).sum(), 0)
    for low, high in ((25, 35), (35, 50), (50, 80)):
        inside = known & (jet >= low) & (jet < high)
        value, error = rate(together, inside, crossing)
        for other in (later, alone):
            expected, spread = rate(other, inside, crossing)
            assert abs(value - expected) < 4 * np.hypot(error, spread)
    # Beyond, where there is QCD alone, the spectrum falls as a power without steps.
    edges = np.array([30, 45, 67.5, 100, 150, 225])
    values, errors = np.array(
        [rate(together, known & (jet >= a) & (jet < b), crossing) for a, b in pairwise(edges)]
    ).T
    slopes = np.diff(np.log(values)) / np.log(1.5)
    assert (slopes < -2).all()
    assert (slopes > -9 - 4 * np.hypot(errors[1:] / values[1:], errors[:-1] / values[:-1])).all()


def test_rates_are_of_the_size_of_a_real_menu(events, process, crossing):
    """Jets above 180 GeV: some kHz at 2e34; all accepted events of CMS: 100 (arXiv:2006.10165)."""
    weights, jet = rates.crossing_weights(events), leading(events.jets)
    single, error = rate(weights, (process < A) & (jet >= 180), crossing)
    assert 0.8 - 4 * error < single < 12 + 4 * error
    bosons = weights[process == W].sum(), weights[process == Z].sum()
    # 48 nb at 1.9e34 per cm² and second.
    assert bosons == pytest.approx((0.918, 0.0913), rel=0.01)


def test_stitching_keeps_each_crossing_once():
    generator = np.random.default_rng(3)
    scales = generator.pareto(3, (2000, 2)) * 15
    one = {"process": generator.integers(0, 5, 2000), "pthat": scales[:, 0]}
    events = ak.Array(one | {"pthat_max": scales[:, 1]})
    kept, process = rates.stitched(events), one["process"]
    assert kept[process > QCD].all()
    assert (scales[kept & (process == ZERO_BIAS), 1] <= rates.STITCH).all()
    dijets = kept & (process == QCD)
    assert (scales[dijets, 0] > scales[dijets, 1]).all()
    assert (scales[dijets, 0] >= rates.STITCH).all()


def test_rates_need_their_fields(events):
    with pytest.raises(ValueError, match="cross_section"):
        rates.crossing_weights(events[["process", "weight", "pthat", "pthat_max"]])


def test_crossings_of_a_small_chunk(small_chunk):
    columns = small_chunk("trigger_events")
    zero_bias = columns["process"].to_numpy() == ZERO_BIAS
    assert {ZERO_BIAS, QCD} < set(columns["process"].to_list())
    for name in ("pthat", "generated_jet_pt", "generated_met"):
        assert not columns[name].to_numpy()[zero_bias].any()
    assert (columns["weight"].to_numpy()[zero_bias] == 1).all()
    qcd = columns["process"].to_numpy() == QCD
    assert (columns["pthat"].to_numpy()[qcd] >= 20).all()


def test_angles_of_level1_are_those_of_the_offline_jets(events, process):
    part = events[(process == QCD) & (events.offline_jet_pt.to_numpy() > 100)]
    first = part.jets[:, 0]
    phi = SCALES["phi"] * (first.phi.to_numpy() + 0.5)
    away = kinematics.wrap_phi(phi - part.offline_jet_phi.to_numpy())
    # The hardest jet may be another one, then mostly the one back to back.
    assert np.median(np.abs(away)) < 0.06
