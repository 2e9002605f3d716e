"""Energy-flow polynomials against closed forms, a sum by brute force, and their symmetries."""

from __future__ import annotations

import itertools
from string import ascii_lowercase

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import energyflow, kinematics, substructure

EDGE = ((0, 1),)
DOUBLE = ((0, 1), (0, 1))
TRIANGLE = ((0, 1), (0, 2), (1, 2))
ENERGYFLOW = [
    0.398887710,
    0.264955397,
    0.178004198,
    0.180012297,
    0.120734097,
    0.064136378,
    0.087732135,
    0.075572737,
    0.125340476,
    0.083898560,
    0.082217665,
    0.044644502,
    0.060566158,
    0.052641976,
    0.050836250,
    0.030739615,
    0.038029331,
    0.046758915,
    0.035853129,
    0.032849110,
    0.089526998,
    0.059792468,
    0.057367708,
    0.031861038,
    0.030795887,
    0.042850744,
    0.037613788,
    0.035010333,
    0.041956007,
    0.035582149,
    0.021845694,
    0.025899737,
    0.034146563,
    0.021160419,
    0.020708660,
    0.012449217,
    0.032736673,
    0.025527032,
    0.022606138,
    0.024610654,
    0.016193013,
    0.014202632,
    0.012764194,
    0.017521477,
    0.014183620,
    0.022182556,
    0.023952748,
    0.026422854,
    0.018642868,
    0.016456621,
    0.014897129,
    0.014113778,
    0.015862577,
]
COLUMN = {pieces: k for k, pieces in enumerate(energyflow.basis())}


def cloud(seed, counts=(3, 12, 7), spread=0.3):
    """Massless jets around η = 1, φ = π: the border of φ runs through them."""
    rng = np.random.default_rng(seed)
    size = sum(counts)
    columns = {
        "pt": rng.exponential(20, size) + 0.1,
        "eta": rng.normal(1, spread, size),
        "phi": kinematics.wrap_phi(rng.normal(np.pi, spread, size)),
        "mass": np.zeros(size),
    }
    return ak.zip({name: ak.unflatten(x, list(counts)) for name, x in columns.items()})


def changed(jets, **columns):
    return ak.zip({name: columns.get(name, jets[name]) for name in ("pt", "eta", "phi", "mass")})


def vertices(graph):
    return 1 + max(b for _, b in graph)


def brute_force(graph, z, theta):
    """The definition: one index for each vertex, all sums at once."""
    letters = ascii_lowercase[: vertices(graph)]
    terms = [*letters, *(letters[a] + letters[b] for a, b in graph)]
    return np.einsum(",".join(terms) + "->", *[z] * len(letters), *[theta] * len(graph))


def test_numbers_of_graphs_are_those_of_the_paper():
    """1712.07124: connected multigraphs by degree, and all of them; 102 with up to five edges."""
    degrees = list(map(len, energyflow.connected_graphs()))
    assert [degrees.count(d) for d in range(1, 6)] == [1, 2, 5, 12, 33]
    total = [sum(map(len, pieces)) for pieces in energyflow.basis()]
    assert [total.count(d) for d in range(6)] == [1, 1, 3, 8, 23, 66]


def test_no_two_graphs_are_the_same():
    def first_name(graph):
        orders = itertools.permutations(range(vertices(graph)))
        return min(
            tuple(sorted(tuple(sorted((order[a], order[b]))) for a, b in graph)) for order in orders
        )

    graphs = energyflow.connected_graphs()
    assert len({first_name(graph) for graph in graphs}) == len(graphs)


def test_every_graph_agrees_with_the_definition():
    rng = np.random.default_rng(1)
    z = rng.dirichlet(np.ones(4), 2)
    z[1, -1] = 0  # padding
    theta = np.triu(rng.random((2, 4, 4)), 1)
    theta += theta.mT
    graphs = energyflow.connected_graphs()
    expected = [[brute_force(graph, z[n], theta[n]) for graph in graphs] for n in range(2)]
    np.testing.assert_allclose(energyflow.evaluate(z, theta, graphs), expected, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_two_equal_particles(beta):
    """Neighbours must be different particles: two colourings for a graph without odd cycle."""
    jet = ak.zip({"pt": [[50.0, 50.0]], "eta": [[0.0, 0.3]], "phi": [[3.0, 3.0]], "mass": [[0, 0]]})
    values = energyflow.polynomials(jet, beta=beta)[0]
    for graph in energyflow.connected_graphs():
        colourings = [
            colours
            for colours in itertools.product((0, 1), repeat=vertices(graph))
            if all(colours[a] != colours[b] for a, b in graph)
        ]
        expected = len(colourings) * 0.5 ** vertices(graph) * 0.3 ** (beta * len(graph))
        assert values[COLUMN[graph,]] == pytest.approx(expected, rel=1e-12)


def test_known_observables_are_polynomials():
    jets = cloud(2)
    values = energyflow.polynomials(jets)
    e2, e3 = substructure.energy_correlators(jets)
    np.testing.assert_allclose(values[:, COLUMN[EDGE,]], 2 * e2, rtol=1e-12)
    np.testing.assert_allclose(values[:, COLUMN[TRIANGLE,]], 6 * e3, rtol=1e-10)
    narrow = cloud(2, spread=0.002)
    mass = kinematics.total(narrow).mass.to_numpy() / ak.to_numpy(ak.sum(narrow.pt, axis=1))
    values = energyflow.polynomials(narrow)
    np.testing.assert_allclose(values[:, COLUMN[DOUBLE,]], 2 * mass**2, rtol=1e-4)


def test_two_pieces_are_a_product_and_the_empty_graph_is_one():
    values = energyflow.polynomials(cloud(3))
    both = values[:, COLUMN[(EDGE, TRIANGLE)]]
    assert both == pytest.approx(values[:, COLUMN[EDGE,]] * values[:, COLUMN[TRIANGLE,]])
    assert (values[:, COLUMN[()]] == 1).all()


@given(st.integers(0, 1000), st.floats(0.001, 0.999), st.sampled_from([0.5, 1.0, 2.0]))
def test_collinear_splitting_changes_nothing(seed, part, beta):
    jets = cloud(seed)
    hard = jets[:, :1]
    split = ak.concatenate(
        [changed(hard, pt=part * hard.pt), changed(hard, pt=(1 - part) * hard.pt), jets[:, 1:]],
        axis=1,
    )
    before, after = (energyflow.polynomials(x, 4, beta) for x in (jets, split))
    np.testing.assert_allclose(after, before, rtol=1e-9)


@given(st.integers(0, 1000), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8))
def test_a_soft_particle_matters_as_little_as_it_is_soft(seed, eta, phi):
    jets = cloud(seed)

    def difference(softness):
        one = jets[:, :1]
        soft = changed(one, pt=softness * one.pt, eta=one.eta + eta, phi=one.phi + phi)
        added = ak.concatenate([jets, soft], axis=1)
        return np.abs(energyflow.polynomials(added, 4) - energyflow.polynomials(jets, 4)).max()

    assert difference(1e-9) < 1e-7
    assert difference(1e-6) < 1e-4


@given(st.integers(0, 1000), st.floats(-2, 2), st.floats(-3, 3), st.floats(0.1, 10))
def test_boost_turn_order_and_unit_change_nothing(seed, boost, turn, unit):
    jets = cloud(seed)
    moved = changed(
        jets,
        pt=unit * jets.pt,
        eta=jets.eta + boost,
        phi=(jets.phi + turn + np.pi) % (2 * np.pi) - np.pi,
    )[:, ::-1]
    before, after = (energyflow.polynomials(x, 3) for x in (jets, moved))
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_degree_counts_the_angles():
    """All distances times λ: each polynomial grows with λ to the power β times its edges."""
    jets = cloud(4, spread=0.1)
    wider = changed(jets, eta=1 + 1.5 * (jets.eta - 1), phi=1.5 * kinematics_phi(jets.phi))
    wider = changed(wider, phi=wider.phi - 2)
    narrow = changed(jets, phi=kinematics_phi(jets.phi) - 2)
    degree = np.array([sum(map(len, pieces)) for pieces in energyflow.basis()])
    ratio = energyflow.polynomials(wider, beta=0.5) / energyflow.polynomials(narrow, beta=0.5)
    np.testing.assert_allclose(ratio, np.tile(1.5 ** (degree / 2), (len(jets), 1)), rtol=1e-9)


def kinematics_phi(phi):
    """Azimuth from π, so that it can be stretched."""
    return (phi + 2 * np.pi) % (2 * np.pi) - np.pi


def test_jets_do_not_see_each_other():
    counts = [0, 1, 40, 3, 100, 2, 17] * 12
    jets = cloud(5, counts)
    together = energyflow.polynomials(jets, 3)
    alone = np.concatenate([energyflow.polynomials(jets[k : k + 1], 3) for k in range(20)])
    np.testing.assert_allclose(together[:20], alone, rtol=1e-12)
    assert together[0].tolist() == [1.0] + [0.0] * 12  # an empty jet


def test_nonsense_is_refused():
    jets = cloud(6)
    with pytest.raises(ValueError, match="degree is 6; it must be 1 to 5"):
        energyflow.polynomials(jets, 6)
    with pytest.raises(ValueError, match="beta is 0"):
        energyflow.polynomials(jets, beta=0)
    for name, value in {"eta": np.nan, "mass": np.inf, "pt": 0.0}.items():
        bad = changed(jets, **{name: ak.where(jets.pt == jets.pt[1, 4], value, jets[name])})
        with pytest.raises(
            ValueError, match=f"jet 1 of 3: {name} of a constituent is {value:g}.* \\(1 such"
        ):
            energyflow.polynomials(bad)
    complete = tuple(itertools.combinations(range(4), 2))
    with pytest.raises(ValueError, match="two neighbours"):
        energyflow.evaluate(np.ones((1, 3)), np.ones((1, 3, 3)), [complete])


def test_agrees_with_the_authors_package():
    """Numbers of energyflow 1.4.0, measure "hadr", β = ½, normed, on this jet.

    That package needs an older NumPy than this one; its values, graph by graph, are kept here.
    """
    jet = {
        "pt": [[300.0, 150.0, 80.0, 20.0, 5.0]],
        "eta": [[0.1, -0.2, 0.3, -0.1, 0.5]],
        "phi": [[0.2, 0.4, -0.1, -0.3, 0.1]],
        "mass": [[0.0] * 5],
    }
    values = energyflow.polynomials(ak.zip(jet), beta=0.5)[0]
    ours = [values[COLUMN[graph,]] for graph in energyflow.connected_graphs()]
    np.testing.assert_allclose(ours, ENERGYFLOW, rtol=1e-7)
