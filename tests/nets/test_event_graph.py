"""Graph networks on events: a step by hand, order, padding, and what bad input gives."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets.event_graph import EventGraph, GraphStep
from hepml_lib.training import seeded


def graphs(seed: int, events: int = 4, places: int = 6):
    """Random nodes, symmetric edges, events and a ragged mask, in float64."""
    with seeded(seed):
        mask = torch.arange(places) < torch.randint(2, places + 1, (events, 1))
        nodes = torch.randn(events, places, 3, dtype=torch.float64)
        edges = torch.randn(events, places, places, 2, dtype=torch.float64)
        event = torch.randn(events, 2, dtype=torch.float64)
    return nodes, edges + edges.transpose(1, 2), event, mask


@cache
def network(**arguments) -> EventGraph:
    with seeded(1):
        return EventGraph(3, 2, 2, **arguments).double().standardise(*graphs(5, 40)).eval()


def test_one_step_by_hand() -> None:
    """Edge by edge and node by node, from the definition, for an event of three nodes."""
    with seeded(2):
        step = GraphStep(3, 2, 2, width=4).double()
    nodes, edges, event, _ = (x[0] for x in graphs(3, 1, 3))
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    ends = torch.tensor(pairs).T
    along = torch.stack([edges[i, j] for i, j in pairs])
    found = step(nodes, along, event[None], ends, torch.zeros(3, dtype=torch.long))

    receive, send = step.from_nodes.weight.chunk(2)
    bias = step.from_nodes.bias.chunk(2)
    renewed = {}
    for i, j in pairs:
        first = nodes[i] @ receive.T + bias[0] + nodes[j] @ send.T + bias[1]
        first = first + step.from_edges(edges[i, j]) + step.from_event(event)
        renewed[i, j] = step.edge(first.relu()).relu()
    messages = [torch.stack([renewed[i, j] for j in range(3) if j != i]).mean(0) for i in range(3)]
    new = torch.stack([step.node(torch.cat([nodes[i], messages[i], event])) for i in range(3)])
    pooled = [new.mean(0), torch.stack(messages).mean(0)]
    torch.testing.assert_close(found[0], new)
    torch.testing.assert_close(found[1], torch.stack([renewed[pair] for pair in pairs]))
    torch.testing.assert_close(found[2][0], step.event(torch.cat([event, *pooled])))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_the_nodes_does_not_matter(seed) -> None:
    nodes, edges, event, mask = graphs(seed)
    with seeded(seed + 1):
        order = torch.randperm(nodes.shape[1])
    graph = network()
    with torch.no_grad():
        before = graph(nodes, edges, event, mask)
        after = graph(nodes[:, order], edges[:, order][:, :, order], event, mask[:, order])
    torch.testing.assert_close(after, before, rtol=1e-11, atol=1e-12)


def test_padding_cannot_be_seen() -> None:
    """Neither its content, even NaN, nor its length, nor the other events of the batch."""
    nodes, edges, event, mask = graphs(7)
    graph = network()
    pairs = mask[:, :, None] & mask[:, None]
    rubbish = nodes.masked_fill(~mask[..., None], torch.nan)
    wrong = edges.masked_fill(~pairs[..., None], torch.nan)
    with torch.no_grad():
        before = graph(nodes, edges, event, mask)
        torch.testing.assert_close(graph(rubbish, wrong, event, mask), before)
        for k, count in enumerate(mask.sum(dim=1).tolist()):
            one = slice(k, k + 1), slice(count)
            alone = graph(nodes[one], edges[(*one, slice(count))], event[k : k + 1], mask[one])
            torch.testing.assert_close(alone, before[k : k + 1])


def test_every_input_matters() -> None:
    nodes, edges, event, mask = graphs(9)
    graph = network()
    with torch.no_grad():
        before = graph(nodes, edges, event, mask)
        for changed in (
            (nodes + 1, edges, event, mask),
            (nodes, edges + 1, event, mask),
            (nodes, edges, event + 1, mask),
        ):
            assert ((graph(*changed) - before).abs() > 1e-6).all()


def test_one_node_and_none_give_finite_output() -> None:
    nodes, edges, event, mask = graphs(4)
    mask = torch.zeros_like(mask)
    mask[:2, 0] = True
    with torch.no_grad():
        assert torch.isfinite(network()(nodes, edges, event, mask)).all()


def test_standardised_inputs_do_not_know_their_units() -> None:
    inputs = graphs(11, 60)
    scaled = (1000 * inputs[0] + 5, inputs[1] / 50, inputs[2] - 8, inputs[3])
    outputs = []
    for one in (inputs, scaled):
        with seeded(1):
            graph = EventGraph(3, 2, 2).double().standardise(*one).eval()
        with torch.no_grad():
            outputs.append(graph(*one))
    # The centres are kept in the precision of the network.
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-9, atol=1e-9)


def test_shapes_and_arguments() -> None:
    graph = network(outputs=3, width=8, steps=1)
    assert graph(*graphs(1)).shape == (4, 3)
    again = EventGraph(**graph.arguments).double()
    again.load_state_dict(graph.state_dict())
    torch.testing.assert_close(again(*graphs(1)), graph(*graphs(1)))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_real_nan_raises(which) -> None:
    inputs = list(graphs(1))
    inputs[which][0, 0] = torch.nan
    if which == 1:
        inputs[1][0, 0, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        network()(*inputs)
