"""The table of optimiser states against torch's own optimisers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim

from defib.analysis.example import Inputs
from defib.analysis.memory.network_memory import memory_of
from defib.analysis.memory.optimizer_states import OPTIMIZER_STATES, optimizer_states

Make = Callable[[Any], optim.Optimizer]

MAKERS: dict[str, Make] = {
    "SGD": lambda given: optim.SGD(given, lr=0.1),
    "SGD with momentum": lambda given: optim.SGD(given, lr=0.1, momentum=0.9),
    "Adam": optim.Adam,
    "Adam with AMSGrad": lambda given: optim.Adam(given, amsgrad=True),
    "AdamW": optim.AdamW,
    "AdamW with AMSGrad": lambda given: optim.AdamW(given, amsgrad=True),
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "Adamax": optim.Adamax,
    "RMSprop": optim.RMSprop,
    "RMSprop with momentum": lambda given: optim.RMSprop(given, momentum=0.9),
    "RMSprop centred": lambda given: optim.RMSprop(given, centered=True),
    "RMSprop centred with momentum": lambda given: optim.RMSprop(
        given, momentum=0.9, centered=True
    ),
    "Adagrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
    "Rprop": optim.Rprop,
    "ASGD": optim.ASGD,
}


def measured(make: Make, parameters: list[Tensor]) -> int:
    """Bytes of the tensors in the state of an optimiser after a step."""
    for each in parameters:
        each.grad = torch.ones_like(each) if each.requires_grad else None
    optimizer = make(parameters)
    optimizer.step()
    return sum(
        tensor.untyped_storage().nbytes()
        for state in optimizer.state.values()
        for tensor in state.values()
        if isinstance(tensor, Tensor)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZER_STATES)
def test_equals_what_the_optimizer_of_torch_keeps(name: str, dtype: torch.dtype):
    parameters: list[Tensor] = [
        nn.Parameter(torch.ones(size, dtype=dtype)) for size in ((3, 5), (7,), ())
    ]
    parameters.append(nn.Parameter(torch.ones(11, dtype=dtype), requires_grad=False))
    assert optimizer_states(parameters)[name] == measured(MAKERS[name], parameters)


def test_weights_gradients_and_states_of_a_partly_frozen_network_with_tied_weights():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    network[0].requires_grad_(False)
    network[2].weight = network[1].weight
    memory = memory_of(network, Inputs((torch.randn(2, 4),), {})).memory
    assert memory.weights == 4 * (2 * 16 + 3 * 4)
    assert memory.gradients == 4 * (16 + 2 * 4)
    assert memory.optimizer_states["SGD with momentum"] == memory.gradients
    assert memory.optimizer_states["Adam"] == 2 * memory.gradients + 3 * 4


def test_lazy_parameters_have_their_size_after_the_first_call():
    memory = memory_of(nn.LazyLinear(3), Inputs((torch.randn(2, 5),), {})).memory
    assert memory.weights == 4 * (3 * 5 + 3)
    assert memory.saved.value == 4 * 2 * 5
    assert memory.forward_peak.value == 4 * 2 * (5 + 3)
