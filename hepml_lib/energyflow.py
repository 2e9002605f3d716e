"""Energy-flow polynomials: every infrared- and collinear-safe observable is a linear sum of them.

A multigraph says which polynomial is meant: each vertex is a sum over the particles of the jet with
their momentum fractions zᵢ, each edge a distance θᵢⱼ between two of them. A graph in two pieces is
the product of its pieces, so that only the connected graphs need to be computed.

References
----------
Komiske, Metodiev and Thaler, arXiv:1712.07124.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.batch import JetBatch
from hepml_lib.kinematics import wrap_phi

__all__ = ["MAX_DEGREE", "Graph", "basis", "connected_graphs", "evaluate", "polynomials"]

Graph = tuple[tuple[int, int], ...]
"""Edges of a multigraph, sorted, as pairs of vertices a < b; a repeated pair is a double edge."""

MAX_DEGREE = 5
"""Largest number of edges: the complete graph of four vertices, with six, needs another method."""

_BATCH = 32  # jets at a time: their matrices of distances then fit into the processor's cache
_Array = NDArray[np.floating]


@lru_cache
def connected_graphs(max_degree: int = MAX_DEGREE) -> tuple[Graph, ...]:
    """All connected multigraphs with 1 to `max_degree` edges, no two alike, by number of edges.

    There are 1, 2, 5, 12, 33 with 1 to 5 edges, together 53.

    Parameters
    ----------
    max_degree
        Largest number of edges, 1 to `MAX_DEGREE`.

    Returns
    -------
    tuple of Graph
        Sorted by number of edges, then of vertices.

    Raises
    ------
    ValueError
        If `max_degree` is out of range.

    Examples
    --------
    One edge; then a double edge and a chain:

    >>> connected_graphs(2)
    (((0, 1),), ((0, 1), (0, 1)), ((0, 1), (0, 2)))
    >>> len(connected_graphs(5))
    53
    """
    if not 1 <= max_degree <= MAX_DEGREE:
        raise ValueError(f"the degree is {max_degree}; it must be 1 to {MAX_DEGREE}")
    latest: tuple[Graph, ...] = (((0, 1),),)
    found = list(latest)
    for _ in range(max_degree - 1):
        # Each graph has an edge that can go and leaves the rest connected: so all are reached.
        grown = {_canonical((*graph, edge)) for graph in latest for edge in _new_edges(graph)}
        latest = tuple(sorted(grown, key=lambda graph: (_vertices(graph), graph)))
        found += latest
    return tuple(found)


@lru_cache
def basis(max_degree: int = MAX_DEGREE) -> tuple[tuple[Graph, ...], ...]:
    """All multigraphs with up to `max_degree` edges, each as the tuple of its connected pieces.

    The empty product, whose polynomial is 1, comes first. With it there are 2, 5, 13, 36, 102 up to
    degree 1 to 5. A linear model needs the products too: they are no linear combinations.

    Parameters
    ----------
    max_degree
        Largest number of edges, 1 to `MAX_DEGREE`.

    Returns
    -------
    tuple of tuple of Graph
        The columns of `polynomials`, by number of edges.

    Raises
    ------
    ValueError
        If `max_degree` is out of range.

    Examples
    --------
    >>> [len(basis(degree)) for degree in (1, 2, 3, 4, 5)]
    [2, 5, 13, 36, 102]
    >>> basis(2)[-1]
    (((0, 1),), ((0, 1),))
    """
    graphs = connected_graphs(max_degree)
    products = [
        pieces
        for count in range(max_degree + 1)
        for pieces in itertools.combinations_with_replacement(graphs, count)
        if sum(map(len, pieces)) <= max_degree
    ]
    return tuple(sorted(products, key=lambda pieces: sum(map(len, pieces))))


def polynomials(
    constituents: ak.Array, max_degree: int = MAX_DEGREE, beta: float = 1.0
) -> NDArray[np.float64]:
    """Energy-flow polynomials of each jet, shape (n, len(basis(max_degree))).

    EFP = Σ z_a z_b … Π θ_ab over all particles for each vertex and all edges, with z = pT/Σ pT and
    θ = ΔR^β in rapidity and azimuth. An empty jet gives 1 for the empty product and 0 elsewhere.

    Parameters
    ----------
    constituents
        Jagged array with ``pt, mass`` [GeV], ``eta, phi`` [rad], one list per jet. The polynomials
        are infrared and collinear safe in all constituents, not in a list cut at the hardest.
    max_degree
        Number of edges, up to `MAX_DEGREE`.
    beta
        Power of the distance, above 0.

    Raises
    ------
    ValueError
        If `max_degree` or `beta` is out of range, or a constituent holds NaN or infinity, or a pT
        that is not above zero.

    References
    ----------
    Komiske, Metodiev and Thaler, arXiv:1712.07124, the "hadronic" measure.

    Examples
    --------
    The double edge with β = 1 is 2 m²/pT² for particles close to each other: here 2·2·¼·0.2².

    >>> pair = {"pt": [[50.0, 50.0]], "eta": [[0.1, -0.1]], "phi": [[0.0, 0.0]]}
    >>> values = polynomials(ak.zip({**pair, "mass": [[0.0, 0.0]]}), 2)
    >>> dict(zip(basis(2), values[0].round(4).tolist()))[((0, 1), (0, 1)),]
    0.02
    """
    graphs, products = connected_graphs(max_degree), basis(max_degree)
    if not beta > 0:
        raise ValueError(f"beta is {beta}; the distance enters with a power above 0")
    connected = np.zeros((len(constituents), len(graphs)))
    for jets, z, theta in _padded(constituents, beta):
        connected[jets] = evaluate(z, theta, graphs)
    place = {graph: k for k, graph in enumerate(graphs)}
    values = np.ones((len(connected), len(products)))
    for column, pieces in zip(values.T, products, strict=True):
        for piece in pieces:
            column *= connected[:, place[piece]]
    return values


def evaluate(z: _Array, theta: _Array, graphs: Sequence[Graph]) -> NDArray[np.float64]:
    """Polynomials of connected `graphs`, shape (n, graphs).

    Vertices are summed out one after another. With at most two neighbours left to the vertex that
    goes, which graphs of up to five edges always allow, no sum runs over more than three particles.
    What two graphs have in common is computed once.

    Parameters
    ----------
    z
        Momentum fractions, shape (n, M), zero for padding.
    theta
        Distances, shape (n, M, M), symmetric.
    graphs
        Connected multigraphs, of `connected_graphs`.

    Raises
    ------
    ValueError
        If every vertex of a graph has three or more neighbours.

    Examples
    --------
    >>> z, theta = np.array([[0.5, 0.5]]), np.array([[[0.0, 0.4], [0.4, 0.0]]])
    >>> evaluate(z, theta, [((0, 1),)]).round(6)
    array([[0.2]])
    """
    terms = _Terms(z, theta)
    return np.stack([terms.total(_sum_out(graph)) for graph in graphs], axis=1)


class _Terms:
    """Arrays of one batch of jets by what they stand for; nothing is computed twice.

    A matrix is ``("edge", power)``, ``("path", matrix, vector, matrix)``, summed over the middle
    particle, or ``("times", (matrices))``, element by element. A vector is a sorted tuple of sums
    ``(matrix, vector)``, to be multiplied; the empty tuple is 1.
    """

    def __init__(self, z: _Array, theta: _Array) -> None:
        self.z, self.theta = z, theta
        self._known: dict[Any, _Array] = {(): np.ones_like(z)}

    def total(self, vector: Any) -> _Array:
        """Σ z_a v_a."""
        return np.einsum("na,na->n", self.z, self._vector(vector))

    def _vector(self, key: Any) -> _Array:
        if key not in self._known:
            *rest, (matrix, inner) = key
            value = self._known.get((matrix, inner))
            if value is None:
                weight = self.z * self._vector(inner)
                value = (self._matrix(matrix) @ weight[:, :, None])[:, :, 0]
                self._known[matrix, inner] = value
            self._known[key] = value * self._vector(tuple(rest)) if rest else value
        return self._known[key]

    def _matrix(self, key: Any) -> _Array:
        if key not in self._known:
            turned = self._known.get(_transposed(key))
            self._known[key] = self._new_matrix(key) if turned is None else turned.mT
        return self._known[key]

    def _new_matrix(self, key: Any) -> _Array:
        kind, *parts = key
        if kind == "edge":
            (power,) = parts
            return self.theta if power == 1 else self._matrix(("edge", power - 1)) * self.theta
        if kind == "times":
            first, *others = (self._matrix(part) for part in parts[0])
            for other in others:
                first = first * other
            return first
        left, vector, right = parts
        return (self._matrix(left) * (self.z * self._vector(vector))[:, None]) @ self._matrix(right)


@lru_cache(maxsize=1024)
def _sum_out(graph: Graph) -> Any:
    """Vector, in the language of `_Terms`, that is left when all but one vertex are summed out."""
    vectors: dict[int, tuple] = {vertex: () for edge in graph for vertex in edge}
    # links[a][b] is the matrix between two neighbours, links[b][a] the same transposed.
    links: dict[int, dict[int, Any]] = {vertex: {} for vertex in vectors}
    for (a, b), power in Counter(graph).items():
        links[a][b] = links[b][a] = ("edge", power)
    while len(vectors) > 1:
        vertex = min(vectors, key=lambda v: (len(links[v]), v))
        vector, neighbours = vectors.pop(vertex), links.pop(vertex)
        to_vertex = {a: links[a].pop(vertex) for a in neighbours}
        if len(neighbours) == 1:
            (a,) = neighbours
            vectors[a] = _sorted(*vectors[a], (to_vertex[a], vector))
        elif len(neighbours) == 2:
            a, b = neighbours
            path: tuple[Any, ...] = ("path", to_vertex[a], vector, neighbours[b])
            if b in links[a]:
                path = ("times", _sorted(links[a][b], path))
            links[a][b], links[b][a] = path, _transposed(path)
        else:
            raise ValueError(f"graph {graph} cannot be summed with two neighbours at a time")
    (vector,) = vectors.values()
    return vector


def _sorted(*keys: Any) -> tuple[Any, ...]:
    """Keys in one order, so that equal products have equal names."""
    return tuple(sorted(keys, key=repr))


def _transposed(key: Any) -> Any:
    kind, *parts = key
    if kind == "edge":
        return key
    if kind == "times":
        return kind, _sorted(*map(_transposed, parts[0]))
    left, vector, right = parts
    return kind, _transposed(right), vector, _transposed(left)


def _padded(
    constituents: ak.Array, beta: float
) -> Iterator[tuple[NDArray[np.int64], _Array, _Array]]:
    """Batches of jets of similar multiplicity: which jets, their fractions, their distances."""
    batch = JetBatch.of(constituents)
    # Written so that two massless particles with one η have one rapidity to the last digit: the
    # root of an angle would turn a difference of 1e-16 into one of 1e-8.
    rapidity = np.arcsinh(np.sinh(batch.eta) / np.hypot(1, batch.mass / batch.pt))
    order = batch.by_multiplicity
    for start in range(0, len(order), _BATCH):
        jets = order[start : start + _BATCH]
        rows, held = batch.rows(jets)
        weight = np.where(held, batch.pt[rows], 0.0)
        y, phi = rapidity[rows], batch.phi[rows]
        squared = (y[:, :, None] - y[:, None]) ** 2 + wrap_phi(phi[:, :, None] - phi[:, None]) ** 2
        yield jets, weight / weight.sum(axis=1, keepdims=True), squared ** (beta / 2)


def _vertices(graph: Graph) -> int:
    return 1 + max(b for _, b in graph)


def _new_edges(graph: Graph) -> Iterator[tuple[int, int]]:
    """Edges between two vertices of the graph, or from one of them to a new one."""
    size = _vertices(graph)
    yield from itertools.combinations(range(size), 2)
    yield from ((vertex, size) for vertex in range(size))


def _canonical(graph: Graph) -> Graph:
    """The same graph with the names of its vertices chosen in a way that depends on shape alone."""
    edges = Counter(graph)
    around: dict[int, list[int]] = {v: [] for v in range(_vertices(graph))}
    for (a, b), multiplicity in edges.items():
        around[a].append(multiplicity)
        around[b].append(multiplicity)
    # Only vertices that look alike may change places: fewer orders to try than all.
    look = {v: (-sum(edges), sorted(edges)) for v, edges in around.items()}.__getitem__
    alike = [tuple(group) for _, group in itertools.groupby(sorted(around, key=look), look)]
    candidates: list[Graph] = []
    for orders in itertools.product(*map(itertools.permutations, alike)):
        name = {v: k for k, v in enumerate(itertools.chain(*orders))}
        pairs = ((name[a], name[b]) for a, b in graph)
        candidates.append(tuple(sorted((min(pair), max(pair)) for pair in pairs)))
    return min(candidates)
