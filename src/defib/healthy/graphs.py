"""Healthy trainings of graph networks, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from defib.healthy.base import HealthyTraining, Live
from defib.healthy.loops import live, loader_of, share_wrong, steps
from defib.training.seeding import seed_everything

GROUPS, NODES = 4, 160


@final
@dataclass(frozen=True)
class Graph:
    """Nodes in groups: most edges are within a group, and features tell little of it."""

    features: Tensor
    edges: Tensor
    """(NODES, NODES), 1 where two nodes are joined."""
    groups: Tensor
    is_known: Tensor
    """Nodes whose group may be used for training."""


def graph() -> Graph:
    generator = torch.Generator().manual_seed(0)
    groups = torch.arange(NODES) % GROUPS
    chance = torch.where(groups[:, None] == groups, 0.12, 0.015)
    above = (torch.rand(NODES, NODES, generator=generator) < chance).float().triu(1)
    features = F.one_hot(groups, GROUPS) + 1.0 * torch.randn(NODES, GROUPS, generator=generator)
    features = torch.cat((features, torch.randn(NODES, 8, generator=generator)), dim=1)
    is_known = torch.rand(NODES, generator=generator) < 0.3
    return Graph(features, above + above.t(), groups, is_known)


class Convolutions(nn.Module):
    """Means over neighbours between linear layers (Kipf & Welling 2016)."""

    def __init__(self, edges: Tensor, *, dropout: float = 0.3) -> None:
        super().__init__()
        joined = edges + torch.eye(NODES)
        degree = joined.sum(dim=1)
        self.register_buffer("spread", joined / (degree[:, None] * degree).sqrt())
        self.first, self.second = nn.Linear(12, 24), nn.Linear(24, GROUPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        spread = self.get_buffer("spread")
        features = self.dropout(F.relu(spread @ self.first(features)))
        return spread @ self.second(features)


class Sampled(nn.Module):
    """A node's own features beside the mean of its neighbours' (Hamilton et al. 2017)."""

    def __init__(self, edges: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", edges / edges.sum(dim=1, keepdim=True).clamp_min(1))
        self.first, self.second = nn.Linear(24, 24), nn.Linear(48, GROUPS)

    def forward(self, features: Tensor) -> Tensor:
        mean = self.get_buffer("mean")
        features = F.relu(self.first(torch.cat((features, mean @ features), dim=1)))
        return self.second(torch.cat((features, mean @ features), dim=1))


class Attention(nn.Module):
    """Neighbours weighted by what they say (Veličković et al. 2017)."""

    def __init__(self, edges: Tensor) -> None:
        super().__init__()
        self.register_buffer("is_joined", (edges + torch.eye(NODES)) > 0)
        self.features, self.head = nn.Linear(12, 24), nn.Linear(24, GROUPS)
        self.source, self.goal = nn.Linear(24, 1), nn.Linear(24, 1)

    def forward(self, nodes: Tensor) -> Tensor:
        features = self.features(nodes)
        scores = F.leaky_relu(self.source(features) + self.goal(features).t(), 0.2)
        weights = scores.masked_fill(~self.get_buffer("is_joined"), -1e9).softmax(dim=1)
        return self.head(F.elu(weights @ features))


def node_groups(seed: int, kind: type[nn.Module], *, known: float = 1.0) -> Live:
    """All nodes at once, the loss on those whose group is known."""
    seed_everything(seed)
    given = graph()
    rows = given.is_known.nonzero()[:, 0]
    rows = rows[: int(known * len(rows))]
    model = kind(given.edges)
    optimizer = Adam(model.parameters(), lr=1e-2, weight_decay=5e-4)

    def loss_of() -> Tensor:
        return F.cross_entropy(model(given.features)[rows], given.groups[rows])

    return live(
        optimizer,
        steps(150),
        loss_of,
        lambda: share_wrong(model, given.features, given.groups),
        epochs=1,
    )


def links(seed: int) -> Live:
    """Which nodes are joined, from embeddings of nodes (a graph autoencoder)."""
    seed_everything(seed)
    given = graph()
    model = Convolutions(given.edges, dropout=0.0)
    weight = torch.tensor(float((1 - given.edges).sum() / given.edges.sum()))
    bias = nn.Parameter(torch.zeros(()))

    def loss_of() -> Tensor:
        codes = model(given.features)
        scores = codes @ codes.t() + bias
        return F.binary_cross_entropy_with_logits(scores, given.edges, pos_weight=weight)

    optimizer = Adam([*model.parameters(), bias], lr=1e-2)
    return live(optimizer, steps(200), loss_of, loss_of, epochs=1)


class OfWholeGraphs(nn.Module):
    """Two rounds of messages, then the sum over nodes (Xu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 24), nn.Linear(24, 24)
        self.head = nn.Linear(24, 2)

    def forward(self, edges: Tensor) -> Tensor:
        features = F.relu(self.first(edges.sum(dim=2, keepdim=True) / 4))
        features = F.relu(self.second(features + edges @ features))
        return self.head(features.mean(dim=1) / 4)


def whole_graphs(seed: int) -> Live:
    """Is a graph of twelve nodes a ring with chords, or as many edges at random?"""
    seed_everything(seed)
    generator = torch.Generator().manual_seed(0)
    ring = torch.eye(12).roll(1, 0) + torch.eye(12).roll(2, 0)
    found, labels = [], torch.arange(800) % 2
    for label in labels.tolist():
        order = torch.randperm(12, generator=generator)
        one_way = ring[order][:, order]
        if label:
            one_way = one_way.flatten()[torch.randperm(144, generator=generator)].view(12, 12)
        found.append(((one_way + one_way.t()) > 0).float())
    edges = torch.stack(found)
    model = OfWholeGraphs()
    return live(
        Adam(model.parameters(), lr=5e-3),
        loader_of(edges[:640], labels[:640], seed=seed),
        lambda some, wanted: F.cross_entropy(model(some), wanted),
        lambda: F.cross_entropy(model(edges[640:]), labels[640:]),
        epochs=15,
    )


TRAININGS: Mapping[str, HealthyTraining] = {
    "graph-convolutions": HealthyTraining(partial(node_groups, kind=Convolutions)),
    "graph-sampled": HealthyTraining(partial(node_groups, kind=Sampled)),
    "graph-attention": HealthyTraining(partial(node_groups, kind=Attention)),
    "graph-few-known": HealthyTraining(partial(node_groups, kind=Convolutions, known=0.5)),
    "graph-links": HealthyTraining(links),
    "whole-graphs": HealthyTraining(whole_graphs),
}
