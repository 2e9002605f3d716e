"""Whole events: masses against closed forms and endpoints, sums, and the inputs of H → ττ."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from scipy import optimize

from hepml_lib import formats, samples
from hepml_lib.tagging import events as te

W_MASS = 80.4


def w_pair(pairs, seed=1, recoil=0.0):
    """Transverse momenta (2, pairs) of two leptons and of the sum of the neutrinos.

    W bosons with opposite transverse momenta, and a common one along x of size `recoil` [GeV].
    """
    rng = np.random.default_rng(seed)
    kick = rng.exponential(40, pairs)
    leptons, missing = [], 0
    for sign in (1, -1):
        z, phi = rng.uniform(-1, 1, pairs), rng.uniform(-np.pi, np.pi, pairs)
        p = W_MASS / 2 * np.sqrt(1 - z**2) * np.array([np.cos(phi), np.sin(phi)])
        momentum = sign * kick + recoil / 2
        gamma = np.sqrt(1 + (momentum / W_MASS) ** 2)
        lepton, neutrino = p.copy(), -p
        for one in (lepton, neutrino):
            one[0] = gamma * one[0] + momentum / 2
        leptons.append(lepton)
        missing = missing + neutrino
    return *leptons, missing


def polar(p, mass=0.0):
    return {"pt": np.hypot(*p), "phi": np.arctan2(p[1], p[0]), "mass": np.full(p.shape[1], mass)}


def mt2(first, second, missing):
    total = polar(missing)
    return te.stransverse_mass(polar(first), polar(second), total["pt"], total["phi"])


def test_transverse_mass_of_a_w_ends_at_its_mass():
    """Also when the W has transverse momentum: the boost along x does not move the endpoint."""
    rng = np.random.default_rng(1)
    z, phi = rng.uniform(-1, 1, 20_000), rng.uniform(-np.pi, np.pi, 20_000)
    p = W_MASS / 2 * np.sqrt(1 - z**2) * np.array([np.cos(phi), np.sin(phi)])
    kick = rng.exponential(60, 20_000)
    sides = []
    for sign in (1, -1):
        along = np.sqrt(1 + (kick / W_MASS) ** 2) * sign * p[0] + kick / 2
        sides.append(polar(np.array([along, sign * p[1]])))
    lepton, neutrino = sides
    mass = te.transverse_mass(lepton["pt"], lepton["phi"], neutrino["pt"], neutrino["phi"])
    assert 0.999 * W_MASS < mass.max() < W_MASS + 1e-6
    assert te.transverse_mass(30.0, 0.3, 20.0, 0.3) == 0


def test_mt2_against_the_closed_form_without_recoil():
    """M_T2² = 2 (p₁p₂ + p₁·p₂) for massless particles that recoil against nothing."""
    first, second, missing = w_pair(3000)
    expected = np.sqrt(2 * (np.hypot(*first) * np.hypot(*second) + (first * second).sum(axis=0)))
    assert mt2(first, second, -first - second) == pytest.approx(expected, abs=0.01)
    assert missing == pytest.approx(-first - second, abs=1e-9)


@pytest.mark.parametrize("recoil", [0.0, 150.0])
def test_mt2_ends_at_the_mass_of_the_parents(recoil):
    values = mt2(*w_pair(5000, recoil=recoil))
    assert 0.97 * W_MASS < values.max() < W_MASS + 0.01


def test_mt2_against_its_definition():
    first, second, missing = w_pair(25, seed=3, recoil=80.0)
    found = mt2(first, second, missing)
    for k in range(25):
        a, b, met = first[:, k], second[:, k], missing[:, k]

        def larger(q, a=a, b=b, met=met):
            pairs = ((a, q), (b, met - q))
            return max(np.hypot(*u) * np.hypot(*v) - u @ v for u, v in pairs)

        starts = (met / 2, met, 0 * met, a, met - b)
        best = min(optimize.minimize(larger, s, method="Nelder-Mead", tol=1e-9).fun for s in starts)
        assert found[k] == pytest.approx(np.sqrt(2 * max(best, 0)), abs=0.05)


def test_mt2_of_parallel_leptons_and_of_no_missing_momentum():
    lepton = {"pt": [40.2], "phi": [0.0], "mass": [0.0]}
    assert te.stransverse_mass(lepton, lepton, [80.4], [np.pi])[0] == pytest.approx(80.4, abs=0.01)
    other = {"pt": [30.0], "phi": [1.0], "mass": [0.0]}
    assert te.stransverse_mass(lepton, other, [0.0], [0.0])[0] == pytest.approx(0, abs=0.1)


def test_hadronic_sums():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 6, 200)
    jets = ak.unflatten(
        ak.zip({"pt": rng.uniform(30, 90, counts.sum()), "phi": rng.uniform(-3, 3, counts.sum())}),
        counts,
    )
    total, missing, phi = te.hadronic_sums(jets)
    assert (missing <= total + 1e-9).all()
    assert (total[counts == 0] == 0).all()
    one = counts == 1
    assert missing[one] == pytest.approx(total[one])
    turn = np.cos(phi[one] - np.asarray(jets[one].phi[:, 0]))
    assert turn == pytest.approx(-1)


@pytest.fixture(scope="module")
def ditau():
    return samples.load("htautau", split="validation", events=400)


def turned(events, angle):
    """Events as an observer sees them who is turned about the beam."""
    for name in ("tau", "lep", "met", "jet_leading", "jet_subleading"):
        field = "PRI_met_phi" if name == "met" else f"PRI_{name}_phi"
        events = ak.with_field(events, events[field] + angle, field)
    return ak.with_field(events, events.jets.phi + angle, ("jets", "phi"))


@pytest.mark.parametrize("inputs", [te.ditau_momenta, te.ditau_observables])
def test_inputs_do_not_depend_on_the_direction_of_x(ditau, inputs):
    before, after = inputs(ditau), inputs(turned(ditau, 1.7))
    # Where M_T2 vanishes the bisection leaves some MeV.
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=0.02)


def test_columns_and_what_is_not_defined(ditau):
    low, high = te.ditau_momenta(ditau), te.ditau_observables(ditau)
    assert low.shape == (400, len(te.DITAU_MOMENTA))
    assert high.shape == (400, len(te.DITAU_OBSERVABLES))
    assert type(low) is type(high) is np.ndarray
    number = np.asarray(ditau.PRI_jet_num)
    at = {name: low[:, te.DITAU_MOMENTA.index(name)] for name in te.DITAU_MOMENTA}
    assert np.array_equal(np.isnan(at["jet1_pt"]), number < 1)
    assert np.array_equal(np.isnan(at["jet2_cos"]), number < 2)
    assert np.expm1(at["tau_pt"]) == pytest.approx(np.asarray(ditau.PRI_tau_pt), rel=1e-5)
    assert at["lep_cos"] ** 2 + at["lep_sin"] ** 2 == pytest.approx(1, abs=1e-5)
    at = {name: high[:, te.DITAU_OBSERVABLES.index(name)] for name in te.DITAU_OBSERVABLES}
    assert np.array_equal(np.isnan(at["DER_mass_jet_jet"]), number < 2)
    assert np.isfinite(at["MT2"]).all()
    # With one tau each side M_T2 cannot exceed what the two visible and the missing sum carry.
    both = np.asarray(ditau.PRI_tau_pt) + np.asarray(ditau.PRI_lep_pt) + np.asarray(ditau.PRI_met)
    assert (np.expm1(at["MT2"]) <= both).all()


def test_the_challenges_file_gives_the_same_inputs(ditau, tmp_path):
    columns = {"EventId": np.asarray(ditau.event)}
    for name in ditau.fields:
        if name.startswith(("PRI_", "DER_")):
            columns[name] = ak.to_numpy(ak.fill_none(ditau[name], -999.0), allow_missing=False)
    columns |= {"Weight": np.ones(len(ditau)), "Label": np.where(ditau.label == 1, "s", "b")}
    rows = (",".join(map(str, row)) for row in zip(*columns.values(), strict=True))
    file = tmp_path / "challenge.csv"
    file.write_text("\n".join([",".join(columns), *rows]) + "\n")
    public = formats.read(file)
    for inputs in (te.ditau_momenta, te.ditau_observables):
        np.testing.assert_allclose(inputs(public), inputs(ditau), rtol=1e-5, atol=1e-5)
