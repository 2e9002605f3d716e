"""The cascade Monte Carlo: cross sections against closed forms and tables, transport, showers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.stats import gamma, kstest

from hepml_lib.samples import cascade
from hepml_lib.samples.cascade import ARGON, LEAD, interactions, tables
from hepml_lib.samples.cascade.materials import MASS

# Particle Data Group, atomic and nuclear properties: X0 [g/cm²], critical energy of e- [MeV].
KNOWN = {"lead": (6.37, 7.43), "liquid argon": (19.55, 32.84)}

# Hubbell and Seltzer (NISTIR 5632): attenuation of photons in lead [cm²/g].
ATTENUATION = {1.0: 0.07102, 2.0: 0.04606, 5.0: 0.04272, 10.0: 0.04972, 20.0: 0.06206}


@pytest.fixture(scope="module")
def sampling():
    return pytest.importorskip("hepml_lib.samples.cascade.sampling")


def rng(seed=1):
    return np.random.default_rng(seed)


def mean(values):
    """Mean and its error."""
    values = np.asarray(values)
    return values.mean(), values.std() / np.sqrt(len(values))


def attenuation(material, energy):
    """Of photons, by all processes together [1/mm]."""
    processes = (interactions.compton, interactions.photoelectric, interactions.pair_production)
    return sum(np.ravel(process(material, energy))[0] for process in processes)


def longitudinal(profile, depth):
    """Depth of the maximum: of a gamma distribution fitted to the mean profile."""

    def shape(_, norm, a, b):
        return norm * np.diff(gamma.cdf(depth, a, scale=1 / b))

    (_, a, b), _ = curve_fit(shape, depth[1:], profile / profile.sum(), p0=(1, 5, 0.5))
    return (a - 1) / b


@pytest.mark.parametrize("material", [LEAD, ARGON], ids=lambda material: material.name)
def test_radiation_length_and_critical_energy_are_the_published_ones(material):
    length, critical = KNOWN[material.name]
    assert 10 * length / material.density == pytest.approx(material.radiation_length, rel=2e-3)
    medium = cascade.Mixture((material,), (1.0,))
    assert medium.critical_energy == pytest.approx(critical, rel=2e-3)
    assert medium.radiation_length == pytest.approx(material.radiation_length)


@pytest.mark.parametrize("material", [LEAD, ARGON], ids=lambda material: material.name)
def test_closed_forms_at_high_energy(material):
    length = material.radiation_length
    # Complete screening: 7/9 and 1, and terms of 1/(18 ln(183 / Z^(1/3))) that Tsai neglects.
    small = 1 / (18 * np.log(183 / material.charge ** (1 / 3)))
    assert interactions.pair_production(material, 1e7)[0] * length == pytest.approx(
        7 / 9 - small / 3, abs=2e-3
    )
    loss = interactions.radiative_loss(material, 1e7)[0] / 1e7
    assert loss * length == pytest.approx(1 + small, abs=2e-3)
    # Free electrons: Thomson's limit, and those of Klein-Nishina and Heitler at high energy.
    thomson = 8 * np.pi / 3 * 2.8179403e-12**2 * material.electrons
    assert interactions.compton(material, 1e-4) == pytest.approx(thomson, rel=1e-3)
    k = 1e5
    high = 3 / 8 * thomson / k * (np.log(2 * k) + 0.5)
    assert interactions.compton(material, k * MASS) == pytest.approx(high, rel=1e-3)
    high = 3 / 8 * thomson / k * (np.log(2 * k) - 1)
    assert interactions.annihilation(material, k * MASS) == pytest.approx(high, rel=1e-3)


def test_photons_in_lead_are_attenuated_as_tabulated():
    """The tables hold coherent scattering and pairs in the field of electrons too: 10 %."""
    for energy, known in ATTENUATION.items():
        assert 10 * attenuation(LEAD, energy) / LEAD.density == pytest.approx(known, rel=0.1)
    assert interactions.pair_production(LEAD, 2 * MASS)[0] == 0


def test_tables_are_the_cross_sections():
    made = tables.tabulate([LEAD, ARGON])
    index = np.searchsorted(tables.GRID, 30.0)
    energy = tables.GRID[index]
    assert made.pair[1, index] == interactions.pair_production(ARGON, energy)[0]
    total = made.loss[0, 0, index] + (
        interactions.radiative_loss(LEAD, energy) - interactions.radiative_loss(LEAD, energy, 0.1)
    )
    expected = LEAD.collision_loss(energy) + interactions.radiative_loss(LEAD, energy)
    assert total == pytest.approx(expected, rel=1e-6)
    # Hard and soft radiation together do not depend on where they are cut apart.
    many = [interactions.bremsstrahlung_above(LEAD, 100.0, cut)[0] for cut in (0.1, 1.0, 10.0)]
    photon = np.geomspace(0.1, 10.0, 2001)
    between = np.trapezoid(interactions.bremsstrahlung(LEAD, 100.0 + MASS, photon), np.log(photon))
    assert many[0] - many[2] == pytest.approx(between, rel=1e-3)


@pytest.mark.parametrize("energy", [1.0, 10.0, 1000.0])
def test_radiated_energy_is_that_of_the_cross_section(sampling, energy):
    made, source = tables.tabulate([LEAD]), rng()
    photons = [
        sampling.radiated(source, energy, made.screen[0], made.coulomb[0]) for _ in range(20_000)
    ]
    value, error = mean(photons)
    hard = interactions.radiative_loss(LEAD, energy) - interactions.radiative_loss(
        LEAD, energy, tables.PHOTON_CUT
    )
    expected = hard[0] / interactions.bremsstrahlung_above(LEAD, energy, tables.PHOTON_CUT)[0]
    assert abs(value - expected) < 4 * error
    assert tables.PHOTON_CUT <= min(photons) <= max(photons) <= energy


@pytest.mark.parametrize("energy", [3.0, 30.0, 3000.0])
def test_pairs_share_the_energy_as_the_cross_section_says(sampling, energy):
    made, source = tables.tabulate([LEAD]), rng()
    shares = [
        sampling.pair_share(source, energy, made.screen[0], made.coulomb[0]) for _ in range(5000)
    ]
    grid = np.linspace(MASS / energy, 1 - MASS / energy, 4001)
    steps = np.cumsum(interactions.pair_spectrum(LEAD, energy, grid))
    assert kstest(shares, lambda x: np.interp(x, grid, steps / steps[-1])).pvalue > 1e-3


@pytest.mark.parametrize("energy", [0.2, 2.0, 50.0])
def test_compton_photons_follow_klein_and_nishina(sampling, energy):
    source = rng()
    shares = [sampling.compton_scattered(source, energy)[0] / energy for _ in range(5000)]
    k = energy / MASS
    grid = np.linspace(1 / (1 + 2 * k), 1, 20_001)
    sine = 1 - (1 - (1 - grid) / (k * grid)) ** 2
    steps = np.cumsum(1 / grid + grid - sine)
    assert kstest(shares, lambda x: np.interp(x, grid, steps / steps[-1])).pvalue > 1e-3


@pytest.mark.parametrize("kinetic", [0.3, 5.0, 500.0])
def test_photons_of_annihilation_follow_heitler_and_keep_momentum(sampling, kinetic):
    source = rng()
    energy, cosine = np.array([sampling.annihilated(source, kinetic) for _ in range(5000)]).T
    gamma_, total = kinetic / MASS + 1, kinetic + 2 * MASS
    momentum = np.sqrt(kinetic * (kinetic + 2 * MASS))
    # The other photon has the rest of energy and momentum, and no mass.
    other = np.sqrt(momentum**2 + energy**2 - 2 * momentum * energy * cosine)
    assert other == pytest.approx(total - energy, rel=1e-6)
    half = 0.5 * np.sqrt((gamma_ - 1) / (gamma_ + 1))
    grid = np.geomspace(0.5 - half, 0.5 + half, 20_001)
    square = (gamma_ + 1) ** 2
    shape = 1 + 2 * gamma_ / square - grid - 1 / (grid * square)
    steps = np.cumsum(shape)
    found = energy / total
    assert kstest(found, lambda x: np.interp(x, grid, steps / steps[-1])).pvalue > 1e-3


def test_multiple_scattering_does_not_depend_on_the_step(sampling):
    source = rng()
    highland = 13.6 / 1000 * np.sqrt(0.1) * (1 + 0.038 * np.log(0.1))
    one = 1 - np.array([sampling.scattering(source, 1000.0, 0.1) for _ in range(20_000)])
    value, error = mean(one)
    assert abs(value - highland**2) < 4 * error
    parts = 1 - np.array([sampling.scattering(source, 1000.0, 0.01) for _ in range(20_000)])
    value, error = mean(parts)
    assert abs(value - highland**2 / 10) < 4 * error
    # A slow electron forgets its direction.
    value, error = mean([sampling.scattering(source, 0.3, 0.5) for _ in range(5000)])
    assert abs(value) < 0.01 + 4 * error


def test_rotation_keeps_lengths_and_angles(sampling):
    for direction in ((0.6, 0.0, 0.8), (0.0, 0.0, -1.0), (0.36, 0.48, -0.8)):
        turned = np.array(sampling.rotate(*direction, 0.3, 1.0))
        assert turned @ turned == pytest.approx(1)
        assert turned @ direction == pytest.approx(0.3)


def test_photons_survive_a_radiation_length_as_the_cross_section_says():
    pytest.importorskip("numba")
    stack = cascade.block(LEAD, 10, 0.1 * LEAD.radiation_length, 100.0)
    showers = cascade.simulate("photon", np.full(3000, 5.0), stack, rng())
    survived = showers.slices.sum(axis=1) == 0
    assert showers.leaked[survived, 2] == pytest.approx(5.0)
    length = 1 / attenuation(LEAD, 5000.0)
    expected = np.exp(-LEAD.radiation_length / length)
    error = np.sqrt(expected * (1 - expected) / len(survived))
    assert abs(survived.mean() - expected) < 4 * error
    assert length == pytest.approx(9 / 7 * LEAD.radiation_length, rel=0.03)


def test_an_electron_ionises_a_thin_plate_as_the_stopping_power_says():
    pytest.importorskip("numba")
    stack = cascade.block(ARGON, 10, 1.0, 100.0)
    showers = cascade.simulate("electron", np.full(1000, 1.0), stack, rng())
    # The median, because a few electrons radiate, and the photons make pairs. Photons below the
    # cut are absorbed on the spot.
    expected = ARGON.collision_loss(1000.0) + interactions.radiative_loss(
        ARGON, 1000.0, tables.PHOTON_CUT
    )
    found = 1000 * np.median(showers.slices.sum(axis=1)) / 10
    assert found == pytest.approx(float(expected[0]), rel=0.01)


@pytest.mark.parametrize("particle", cascade.PARTICLES)
def test_all_energy_is_accounted_for(particle):
    pytest.importorskip("numba")
    energies = np.array([0.01, 0.1, 1.0, 5.0])
    showers = cascade.simulate(particle, energies, cascade.calorimeter(), rng())
    found = showers.slices.sum(axis=1) + showers.leaked.sum(axis=1)
    # A positron brings along the energy of its annihilation.
    rest = 2 * MASS / 1000 if particle == "positron" else 0.0
    assert found == pytest.approx(energies + rest, rel=1e-12)
    assert showers.rings.sum(axis=1) == pytest.approx(showers.slices.sum(axis=1), rel=1e-12)
    read = cascade.calorimeter().layer >= 0
    assert showers.cells.sum(axis=1) == pytest.approx(showers.slices[:, read].sum(axis=1))
    assert showers.cells.min() >= 0


def test_showers_in_lead_have_the_textbook_depth_and_width():
    pytest.importorskip("numba")
    length = LEAD.radiation_length
    stack = cascade.block(LEAD, 60, 0.5 * length, 400.0)
    medium = cascade.Mixture((LEAD,), (1.0,))
    depth = {}
    for particle, energy, number in (("electron", 1, 300), ("electron", 8, 40), ("photon", 1, 300)):
        showers = cascade.simulate(particle, np.full(number, energy), stack, rng(), 40)
        depth[particle, energy] = longitudinal(showers.slices.sum(axis=0), stack.depth)
        # Grindhammer and Peters (GFlash, hep-ex/0001020): ln(E / E_c) - 0.858 for electrons; the
        # PDG review has -0.5. Photons shower a radiation length later.
        expected = np.log(1000 * energy / medium.critical_energy) - 0.858
        expected += 1.0 if particle == "photon" else 0.0
        assert depth[particle, energy] == pytest.approx(expected, abs=0.25)
        inside = showers.rings.sum(axis=0).cumsum() / showers.rings.sum()
        radius = np.interp(0.9, inside, 5.0 * np.arange(1, 41))
        assert radius == pytest.approx(medium.moliere_radius, rel=0.15)
    assert depth["electron", 8] - depth["electron", 1] == pytest.approx(np.log(8), abs=0.25)


def test_the_same_seed_gives_the_same_showers_and_another_gives_others():
    pytest.importorskip("numba")
    stack = cascade.calorimeter()
    one, same = (cascade.simulate("electron", [1.0, 3.0], stack, rng(5)) for _ in range(2))
    assert np.array_equal(one.cells, same.cells)
    assert np.array_equal(one.leaked, same.leaked)
    other = cascade.simulate("electron", [1.0, 3.0], stack, rng(6))
    assert not np.array_equal(one.cells, other.cells)


def test_lead_in_front_is_a_slice_more():
    plain, slab = cascade.calorimeter(), cascade.calorimeter(3.0)
    assert len(slab.material) == len(plain.material) + 1
    assert slab.depth[-1] - plain.depth[-1] == pytest.approx(3 / LEAD.radiation_length)
    assert np.array_equal(slab.layer[1:], plain.layer)
    assert slab.edges[1] == 0


def test_errors_are_for_people():
    with pytest.raises(ValueError, match="did you mean 'electron'"):
        cascade.simulate("electrons", [1.0], cascade.calorimeter(), rng())
    with pytest.raises(ValueError, match="from 0.001 to 200 GeV"):
        cascade.simulate("electron", [1000.0], cascade.calorimeter(), rng())
