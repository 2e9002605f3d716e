"""Substructure against closed forms, invariances and FastJet."""

from __future__ import annotations

import warnings

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib import kinematics, substructure

OBSERVABLES = {
    "multiplicity": substructure.multiplicity,
    "momentum_dispersion": substructure.momentum_dispersion,
    "width": substructure.width,
    "tau1": lambda c: substructure.nsubjettiness(c, 1),
    "tau3": lambda c: substructure.nsubjettiness(c, 3),
    "softdrop_mass": substructure.softdrop_mass,
    "z_g": lambda c: substructure.softdrop(c).z_g,
    "r_g": lambda c: substructure.softdrop(c).r_g,
    "e2": lambda c: substructure.energy_correlators(c)[0],
    "e3": lambda c: substructure.energy_correlators(c)[1],
}


def jets(*constituents):
    """Jets from lists of (pt, eta, phi), massless."""
    columns = [
        ak.Array([[float(particle[k]) for particle in jet] for jet in constituents])
        for k in range(3)
    ]
    pt = ak.values_astype(columns[0], np.float64)
    return ak.zip({"pt": pt, "eta": columns[1], "phi": columns[2], "mass": 0 * pt})


def clouds(seed, count=30, most=40):
    rng = np.random.default_rng(seed)
    counts = rng.integers(4, most, count)
    size = counts.sum()
    return ak.zip(
        {
            "pt": ak.unflatten(rng.exponential(20, size), counts),
            "eta": ak.unflatten(rng.normal(0.3, 0.25, size), counts),
            "phi": ak.unflatten(rng.normal(0, 0.25, size), counts),
            "mass": ak.unflatten(rng.choice([0.0, 0.13957], size), counts),
        }
    )


@pytest.mark.parametrize("z", [0.5, 0.3, 0.05])
@pytest.mark.parametrize("distance", [0.1, 0.6])
def test_two_prongs_have_closed_forms(z, distance):
    jet = jets([(1000 * (1 - z), 0.0, 0.0), (1000 * z, distance, 0.0)])
    mass = np.sqrt(2 * z * (1 - z) * (np.cosh(distance) - 1)) * 1000
    assert kinematics.total(jet).mass.to_numpy() == pytest.approx(mass)
    assert substructure.nsubjettiness(jet, 2) == pytest.approx(0)
    e2, e3 = substructure.energy_correlators(jet)
    assert e2 == pytest.approx(z * (1 - z) * distance)
    assert e3 == pytest.approx(0)
    assert substructure.momentum_dispersion(jet) == pytest.approx(np.hypot(z, 1 - z))
    groomed = substructure.softdrop_mass(jet)
    assert groomed == pytest.approx(mass if z > 0.1 else 0)


def test_nsubjettiness_of_two_prongs_and_a_soft_third():
    """To first order in the soft particle τ₁ is 2 z (1 − z) d / R, for its axis is the sum."""
    jet = jets([(500.0, 0.2, 0.0), (500.0, -0.2, 0.0), (1e-9, 0.0, 0.0)])
    assert substructure.nsubjettiness(jet, 1, radius=0.8) == pytest.approx(0.2 / 0.8)
    assert substructure.nsubjettiness(jet, 2) == pytest.approx(0, abs=1e-9)


def test_soft_drop_removes_a_soft_wide_particle_and_keeps_a_hard_one():
    core = [(300.0, 0.0, 0.0), (200.0, 0.3, 0.0)]
    soft = jets([*core, (20.0, -0.5, 0.3)])
    hard = jets([*core, (200.0, -0.5, 0.3)])
    assert substructure.softdrop_mass(soft) == pytest.approx(
        kinematics.total(jets(core)).mass.to_numpy()
    )
    assert substructure.softdrop_mass(hard) == pytest.approx(kinematics.total(hard).mass.to_numpy())


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_soft_drop_agrees_with_fastjet(beta):
    cloud = clouds(1)
    flat = ak.flatten(cloud)
    sequence = substructure.cluster(
        *(flat[name].to_numpy() for name in ("pt", "eta", "phi", "mass")),
        ak.num(cloud).to_numpy(),
        "cambridge_algorithm",
        10.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        groomed = sequence.exclusive_jets_softdrop_grooming(
            njets=1, beta=beta, symmetry_cut=0.1, R0=0.8
        )
    expected = ak.flatten(groomed.msoftdrop, axis=None).to_numpy()
    assert np.allclose(substructure.softdrop_mass(cloud, beta=beta), expected, atol=1e-4)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_z_g_and_r_g_agree_with_fastjet(beta):
    cloud = clouds(6)
    flat = ak.flatten(cloud)
    sequence = substructure.cluster(
        *(flat[name].to_numpy() for name in ("pt", "eta", "phi", "mass")),
        ak.num(cloud).to_numpy(),
        "cambridge_algorithm",
        10.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        groomed = sequence.exclusive_jets_softdrop_grooming(
            njets=1, beta=beta, symmetry_cut=0.1, R0=0.8
        )
    found = substructure.softdrop(cloud, beta=beta)
    z_g, r_g = (
        ak.flatten(groomed[name], axis=None).to_numpy()
        for name in ("symmetrysoftdrop", "deltaRsoftdrop")
    )
    assert np.allclose(found.z_g, z_g, atol=1e-5)
    assert np.allclose(found.r_g, r_g, atol=1e-5)


@pytest.mark.parametrize("z", [0.4, 0.15, 0.05])
def test_soft_drop_gives_the_first_branching_that_passes(z):
    """A soft wide particle goes; then the two prongs pass or one of them is left alone."""
    jet = jets([(1000 * (1 - z), 0.0, 0.0), (1000 * z, 0.2, 0.0), (20.0, -0.5, 0.3)])
    groomed = substructure.softdrop(jet)
    assert groomed.z_g == pytest.approx(z if z > 0.1 else 0)
    assert groomed.r_g == pytest.approx(0.2 if z > 0.1 else 0)
    # Small angles: m² = z (1 − z) pT² R².
    expected = 1000 * np.sqrt(z * (1 - z)) * 0.2 if z > 0.1 else 0
    assert groomed.mass == pytest.approx(expected, rel=0.01)
    assert np.array_equal(groomed.mass, substructure.softdrop_mass(jet))


def test_energy_correlators_agree_with_fastjet():
    cloud = clouds(2)
    flat = ak.flatten(cloud)
    sequence = substructure.cluster(
        *(flat[name].to_numpy() for name in ("pt", "eta", "phi", "mass")),
        ak.num(cloud).to_numpy(),
        "cambridge_algorithm",
        10.0,
    )
    e2, e3 = substructure.energy_correlators(cloud)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for function, ours in (("c2", e3 / e2**2), ("d2", e3 / e2**3)):
            theirs = sequence.exclusive_jets_energy_correlator(njets=1, func=function, beta=1.0)
            assert np.allclose(ours, ak.flatten(theirs, axis=None).to_numpy())


@given(seed=st.integers(0, 1000), angle=st.floats(-6, 6), scale=st.floats(0.1, 10))
@settings(max_examples=15, deadline=None)
def test_rotation_about_the_beam_order_and_scale(seed, angle, scale):
    """Nothing depends on azimuth or on the order; a mass scales with pT, the others do not."""
    cloud = clouds(seed, count=5)
    moved = ak.copy(cloud)
    moved["phi"] = ak.unflatten(
        kinematics.wrap_phi(ak.flatten(cloud.phi).to_numpy() + angle), ak.num(cloud)
    )
    moved["pt"], moved["mass"] = scale * cloud.pt, scale * cloud.mass
    moved = moved[:, ::-1]
    for name, observable in OBSERVABLES.items():
        factor = scale if name == "softdrop_mass" else 1
        assert np.allclose(observable(moved), factor * observable(cloud), rtol=1e-5, atol=1e-7), (
            name
        )


@pytest.mark.parametrize(
    "name", ["width", "tau1", "tau3", "softdrop_mass", "z_g", "r_g", "e2", "e3"]
)
def test_infrared_and_collinear_safety(name):
    """A vanishing particle or a split along its direction changes nothing."""
    cloud = clouds(3, count=10)
    cloud["mass"] = 0 * cloud.mass
    soft = ak.concatenate([cloud, jets(*[[(1e-9, 0.5, 0.5)]] * 10)], axis=1)
    first = cloud[:, :1]
    half = ak.copy(first)
    half["pt"] = 0.5 * first.pt
    split = ak.concatenate([half, half, cloud[:, 1:]], axis=1)
    expected = OBSERVABLES[name](cloud)
    assert np.allclose(OBSERVABLES[name](soft), expected, rtol=1e-4)
    assert np.allclose(OBSERVABLES[name](split), expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["multiplicity", "momentum_dispersion"])
def test_counting_observables_are_not_collinear_safe(name):
    whole, split = jets([(100.0, 0, 0)]), jets([(50.0, 0, 0), (50.0, 0, 0)])
    assert OBSERVABLES[name](whole) != pytest.approx(OBSERVABLES[name](split))


@pytest.mark.parametrize("name", OBSERVABLES)
def test_empty_and_single_constituent_jets_are_defined(name):
    found = OBSERVABLES[name](jets([(50.0, 0.1, 0.2)], [], [(30.0, 0, 0), (20.0, 0.1, 0)]))
    assert np.isfinite(found).all()
    assert found[1] == 0
    expected = 1 if name in ("multiplicity", "momentum_dispersion") else 0
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_more_axes_never_raise_nsubjettiness():
    cloud = clouds(4)
    taus = [substructure.nsubjettiness(cloud, n) for n in (1, 2, 3, 4)]
    assert np.all(np.diff(np.mean(taus, axis=1)) < 0)
    assert substructure.nsubjettiness(cloud[:, :3], 3) == pytest.approx(0)


def test_nsubjettiness_needs_an_axis():
    with pytest.raises(ValueError, match="at least one axis"):
        substructure.nsubjettiness(clouds(5), 0)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_constituents_that_are_none_are_as_if_cut_away(name):
    cloud = clouds(7)
    hard = cloud.pt > 5
    expected = OBSERVABLES[name](cloud[hard])
    assert np.array_equal(OBSERVABLES[name](ak.mask(cloud, hard)), expected)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_jets_that_are_none_and_nan_are_named(name):
    cloud = clouds(8, count=5)
    with pytest.raises(ValueError, match="jet 3 of 5 is None"):
        OBSERVABLES[name](cloud.mask[np.arange(5) != 3])
    if name != "multiplicity":
        bad = ak.with_field(cloud, ak.where(cloud.eta == cloud.eta[2, 1], np.nan, cloud.eta), "eta")
        with pytest.raises(ValueError, match="jet 2 of 5: eta of a constituent is nan"):
            OBSERVABLES[name](bad)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_shapes_without_constituents(name):
    """No jets, only empty ones, and lists of one length: each gives one number per jet."""
    cloud = clouds(9, count=4)
    assert OBSERVABLES[name](cloud[:0]).shape == (0,)
    assert OBSERVABLES[name](cloud[:, :0]).tolist() == [0.0] * 4
    square = ak.to_regular(cloud[:, :4])
    assert np.array_equal(OBSERVABLES[name](square), OBSERVABLES[name](cloud[:, :4]))
