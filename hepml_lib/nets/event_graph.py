"""Networks on the graph of an event: every object is a node, every pair of objects an edge.

One step of a graph network (Battaglia et al., arXiv:1806.01261) renews the edges from their two
ends, then the nodes from the edges that reach them, then the features of the event from both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepml_lib.nets.dense import MLP, dense_layers
from hepml_lib.nets.graphs import check_constituents
from hepml_lib.nets.network import Network, centre_and_width

__all__ = ["EventGraph", "GraphStep"]


class GraphStep(nn.Module):
    """Edge, node and global block, one after the other.

    Edges: φᵉ(xᵢ, xⱼ, eᵢⱼ, u). Nodes: φᵛ(xᵢ, mean over j of e'ᵢⱼ, u). Event: φᵘ(u, mean over i of
    x'ᵢ, mean over ij of e'ᵢⱼ). The first layer of φᵉ is computed once per node and per edge, and
    not once per edge for all of its inputs.

    Parameters
    ----------
    nodes, edges, event
        Features of each before the step.
    width
        Features of each after it.
    """

    def __init__(self, nodes: int, edges: int, event: int, width: int) -> None:
        super().__init__()
        self.from_nodes = nn.Linear(nodes, 2 * width)
        self.from_edges = nn.Linear(edges, width, bias=False)
        self.from_event = nn.Linear(event, width, bias=False)
        self.edge = nn.Linear(width, width)
        self.node = dense_layers((nodes + width + event, width, width))
        self.event = dense_layers((event + 2 * width, width, width))

    def forward(
        self, nodes: Tensor, edges: Tensor, event: Tensor, ends: Tensor, owner: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Renewed nodes, edges and event.

        Parameters
        ----------
        nodes
            All nodes of all events, (N, features).
        edges
            All edges, (E, features).
        event
            (n, features).
        ends
            Rows of the receiving and of the sending node of each edge, (2, E).
        owner
            Row of the event of each node, (N,).

        Returns
        -------
        nodes, edges, event
            Shape (N, width), (E, width) and (n, width).
        """
        receive, send = ends
        to, out = self.from_nodes(nodes).chunk(2, dim=1)
        whole = self.from_event(event)[owner]
        # `index_select` has a faster backward than indexing by a tensor.
        first = (to + whole).index_select(0, receive) + out.index_select(0, send)
        first = functional.relu_(first + self.from_edges(edges))
        edges = functional.relu_(self.edge(first))
        message = _mean(edges, receive, len(nodes))
        nodes = self.node(torch.cat([nodes, message, event[owner]], dim=1))
        number = len(event)
        pooled = [_mean(nodes, owner, number), _mean(message, owner, number)]
        return nodes, edges, self.event(torch.cat([event, *pooled], dim=1))


def _mean(values: Tensor, group: Tensor, number: int) -> Tensor:
    """Mean of the rows of each group; zero for an empty one."""
    total = values.new_zeros(number, values.shape[1]).index_add(0, group, values)
    count = values.new_zeros(number).index_add(0, group, values.new_ones(len(values)))
    return total / count.clamp(min=1)[:, None]


class EventGraph(Network):
    """Graph network on a fully connected event.

    Only real nodes and pairs of two different real nodes are computed, in one list for all events
    of the batch: what padding holds cannot reach the output. Centre and width of every input are
    buffers, set by `standardise`.

    Parameters
    ----------
    nodes, edges, event
        Numbers per node, per edge and per event.
    outputs
        Logits per event; with 1 the output has shape (n,), else (n, outputs).
    width
        Features inside.
    steps
        Edge, node and global blocks, one after the other.

    References
    ----------
    Battaglia et al., arXiv:1806.01261.

    Examples
    --------
    >>> network = EventGraph(nodes=3, edges=2, event=1)
    >>> mask = torch.tensor([[True, True, False]])
    >>> network(torch.rand(1, 3, 3), torch.rand(1, 3, 3, 2), torch.rand(1, 1), mask).shape
    torch.Size([1])
    """

    def __init__(
        self,
        nodes: int,
        edges: int,
        event: int,
        outputs: int = 1,
        width: int = 32,
        steps: int = 2,
    ) -> None:
        super().__init__()
        for name, size in (("node", nodes), ("edge", edges), ("event", event)):
            self.register_buffer(f"{name}_centre", torch.zeros(size))
            self.register_buffer(f"{name}_width", torch.ones(size))
        sizes = [(nodes, edges, event)] + [(width,) * 3] * (steps - 1)
        self.steps = nn.ModuleList(GraphStep(*size, width) for size in sizes)
        self.head = MLP(width, outputs, (width,))

    def standardise(self, nodes: Tensor, edges: Tensor, event: Tensor, mask: Tensor) -> EventGraph:
        """Set centre and width of all inputs from training events.

        Parameters
        ----------
        nodes, edges, event, mask
            As in `forward`; two real nodes and two pairs of them, or more.

        Returns
        -------
        EventGraph
            The network itself.

        Raises
        ------
        ValueError
            If the mask does not fit, or a real node is NaN or infinite.
        """
        check_constituents(mask, nodes=nodes, edges=edges)
        real = {"node": nodes[mask], "edge": edges[_pairs(mask)], "event": event}
        for name, values in real.items():
            centre, width = centre_and_width(values)
            self.get_buffer(f"{name}_centre").copy_(centre)
            self.get_buffer(f"{name}_width").copy_(width)
        return self

    def forward(self, nodes: Tensor, edges: Tensor, event: Tensor, mask: Tensor) -> Tensor:
        """Logits of events, shape (n,) or (n, outputs).

        Parameters
        ----------
        nodes
            Shape (n, P, nodes).
        edges
            Shape (n, P, P, edges): of node j as seen from node i at [:, i, j].
        event
            Shape (n, event).
        mask
            True for real nodes, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If shapes do not fit, or a real input is NaN or infinite.
        """
        if not torch.isfinite(event).all():
            raise ValueError("the event's features hold NaN or infinity: clean them first")
        check_constituents(mask, nodes=nodes)
        pairs = _pairs(mask)
        real = edges[pairs]
        if not torch.isfinite(real).all():
            raise ValueError("the edges of real nodes hold NaN or infinity: clean them first")
        number = (mask.flatten().cumsum(0) - 1).reshape(mask.shape)
        which, i, j = pairs.nonzero(as_tuple=True)
        ends = torch.stack([number[which, i], number[which, j]])
        owner = mask.nonzero()[:, 0]
        x = (nodes[mask] - self.get_buffer("node_centre")) / self.get_buffer("node_width")
        e = (real - self.get_buffer("edge_centre")) / self.get_buffer("edge_width")
        u = (event - self.get_buffer("event_centre")) / self.get_buffer("event_width")
        for step in self.steps:
            x, e, u = step(x, e, u, ends, owner)
        return self.head(u)


def _pairs(mask: Tensor) -> Tensor:
    """True for pairs of two different real nodes, (n, P, P)."""
    other = ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    return mask[:, :, None] & mask[:, None] & other
