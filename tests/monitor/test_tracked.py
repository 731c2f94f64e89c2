from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from defib.discovery.creation import Creations
from defib.discovery.graph import Graph, read_graph
from defib.discovery.models import NamedParameter
from defib.monitor.tracked import Framework, Tracked, hyperparameters


class Descent:
    """An optimiser that learns what it trains at its first step."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []


def groups(optimizer: Descent) -> list[dict[str, object]]:
    return [{"params": optimizer.tensors, "lr": 0.5}] if optimizer.tensors else []


class Framed:
    """A framework whose models own exactly `parameters`."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = parameters

    def name_parameters(self, tensors: Sequence[Tensor]) -> Iterator[NamedParameter]:
        wanted = {id(tensor) for tensor in tensors}
        if wanted & {id(parameter) for parameter in self.parameters}:
            for number, parameter in enumerate(self.parameters):
                yield NamedParameter(f"layer.{number}", "layer", parameter, None)


def tracked_with(parameters: Sequence[nn.Parameter]) -> Tracked:
    tracked = Tracked(Creations())
    tracked.add_framework(Framework(Descent, groups, Framed(parameters).name_parameters))
    return tracked


def graph_of(loss: Tensor) -> Graph:
    return read_graph(loss.grad_fn, {})


def test_optimizer_of_a_framework_is_read_by_it():
    weight = nn.Parameter(torch.ones(2))
    tracked, optimizer = tracked_with([weight]), Descent()
    assert not tracked.add([optimizer])
    optimizer.tensors.append(weight)
    assert tracked.add([optimizer])
    known = tracked.of(optimizer)
    assert known is not None
    assert (known.kind, known.settings()) == ("Descent", {"learning_rate": 0.5})
    assert hyperparameters(known) == {"lr": 0.5}
    assert tracked.optimizer_of_parameter[id(weight)] == "Descent"


def test_parameters_that_a_graph_reaches_first_are_named_by_their_framework():
    weight, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    tracked = tracked_with([weight, other])
    assert tracked.add_reached(graph_of(weight.sum()))
    assert [each.name for each in tracked.parameters.values()] == ["layer.0", "layer.1"]
    assert not tracked.add_reached(graph_of(weight.sum()))


def test_inputs_that_require_a_gradient_are_no_parameters():
    tracked = tracked_with([nn.Parameter(torch.ones(2))])
    assert not tracked.add_reached(graph_of(torch.ones(2, requires_grad=True).sum()))


def test_parameters_that_an_optimizer_gets_later_are_its_own():
    body, head = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    tracked = Tracked(Creations())
    tracked.add([optimizer])
    graph = graph_of(head(body(torch.ones(1, 2))).sum())
    assert tracked.add_reached(graph)
    assert id(body.weight) not in tracked.optimizer_of_parameter
    assert not tracked.add_reached(graph)
    name = tracked.parameters[id(body.weight)].name
    optimizer.add_param_group({"params": list(body.parameters())})
    assert tracked.add_reached(graph)
    assert tracked.optimizer_of_parameter[id(body.weight)] == "SGD"
    assert tracked.parameters[id(body.weight)].name == name
    assert not tracked.add_reached(graph)
