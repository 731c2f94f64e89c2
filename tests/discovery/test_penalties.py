from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.discovery.graph import read_graph
from defib.discovery.penalties import penalised_only

DATA = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))

Term = Callable[[Tensor, Tensor], Tensor]
"""A loss of the error of a network, and of a parameter beside it."""


def is_penalised_only(term: Term) -> bool:
    network, beside = nn.Linear(3, 2), nn.Parameter(torch.ones(2))
    loss = term(network(DATA).pow(2).mean(), beside) + 0.1 * sum(
        each.pow(2).sum() for each in network.parameters()
    )
    found = penalised_only(read_graph(loss.grad_fn, {}).nodes)
    assert not found & {id(each) for each in network.parameters()}
    return id(beside) in found


@pytest.mark.parametrize(
    "term",
    [
        lambda error, beside: error + 0.01 * beside.pow(2).sum(),
        lambda error, beside: error + (beside * beside).sum() / 2,
        lambda error, beside: error + beside.norm(),
        lambda error, beside: error + beside.abs().mean() + beside.square().sum().sqrt(),
        lambda error, beside: torch.stack([beside.abs().sum(), beside.norm()]).sum() + error,
    ],
)
def test_a_size_that_is_added_is_a_penalty(term: Term):
    assert is_penalised_only(term)


@pytest.mark.parametrize(
    "term",
    [
        lambda error, beside: error * (-beside).exp().sum() + 0.5 * beside.sum(),
        lambda error, beside: error * beside.sum(),
        lambda error, beside: error + F.softplus(beside).sum(),
        lambda error, beside: (error + beside).sum(),
        lambda error, beside: error + (DATA[:2, 0] @ beside),
    ],
)
def test_what_does_something_else_is_none(term: Term):
    assert not is_penalised_only(term)
