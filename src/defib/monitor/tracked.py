"""What the monitor knows of the optimisers and of the parameters that they update."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import Creations
from defib.discovery.graph import Graph
from defib.discovery.models import NamedParameter, name_parameters

# Torch's optimisers, and those of the frameworks that were added.
Optimizer = Any

Groups = Sequence[Mapping[str, Any]]
"""Parameter groups as torch has them: `params`, `lr`, `momentum`, `betas`, ..."""


@final
@dataclass(frozen=True)
class Framework:
    """How to read the optimisers and parameters of a framework that trains on torch.

    `groups` gives the parameter groups of an optimiser of class `optimizer`, none as long as
    it does not know what it trains; `name_parameters` names those of the tensors that the
    framework's models own, and all others of these models. Names must not change.
    """

    optimizer: type
    groups: Callable[[Optimizer], Groups]
    name_parameters: Callable[[Sequence[Tensor]], Iterable[NamedParameter]]


_HYPERPARAMETERS: Mapping[str, str] = {
    "lr": "learning_rate",
    "momentum": "momentum",
    "weight_decay": "weight_decay",
}
_FACT_HYPERPARAMETERS = (*_HYPERPARAMETERS, "eps", "alpha", "dampening", "betas", "rho")


@final
@dataclass
class TrackedOptimizer:
    """An optimiser by its name in the record. `steps` counts its own steps."""

    name: str
    kind: str
    reference: weakref.ref[Any]
    read_groups: Callable[[Optimizer], Groups]
    steps: int = 0

    def groups(self) -> Groups:
        """The parameter groups; none of an optimiser that is gone."""
        optimizer = self.reference()
        return () if optimizer is None else self.read_groups(optimizer)

    def parameters(self) -> list[Tensor]:
        """The trainable parameters of all groups."""
        return [
            parameter
            for group in self.groups()
            for parameter in group["params"]
            if parameter.requires_grad
        ]

    def settings(self) -> dict[str, float]:
        """Learning rate and the like of the first group, by metric name."""
        group = next(iter(self.groups()), {})
        return {
            metric: float(group[key])
            for key, metric in _HYPERPARAMETERS.items()
            if isinstance(group.get(key), int | float | Tensor)
        }


@final
class Tracked:
    """All optimisers and parameters known so far."""

    def __init__(self, creations: Creations) -> None:
        self._creations = creations
        self._optimizers: dict[int, TrackedOptimizer] = {}
        self._frameworks: list[Framework] = []
        self._reached: dict[int, Tensor] = {}
        self.parameters: dict[int, NamedParameter] = {}
        self.layer_of_parameter: dict[int, str] = {}
        self.optimizer_of_parameter: dict[int, str] = {}

    @property
    def optimizers(self) -> Iterable[TrackedOptimizer]:
        return self._optimizers.values()

    def of(self, optimizer: Optimizer) -> TrackedOptimizer | None:
        """The tracked form of an optimiser, if it is known."""
        known = self._optimizers.get(id(optimizer))
        return known if known is not None and known.reference() is optimizer else None

    def stepped(self) -> list[Optimizer]:
        """The optimisers that have stepped and still live."""
        known = (each.reference() for each in self._optimizers.values() if each.steps)
        return [each for each in known if each is not None]

    def add_framework(self, framework: Framework) -> None:
        """Know optimisers and models that are not torch's own."""
        self._frameworks.append(framework)

    def add(self, optimizers: Iterable[Optimizer]) -> bool:
        """Track optimisers and name all parameters anew; false if there was nothing new."""
        new = [each for each in optimizers if self.of(each) is None and self._reader(each)(each)]
        for optimizer in new:
            kind = type(optimizer).__name__
            same = sum(known.kind == kind for known in self._optimizers.values())
            name = kind if same == 0 else f"{kind} {same + 1}"
            known = TrackedOptimizer(name, kind, weakref.ref(optimizer), self._reader(optimizer))
            self._optimizers[id(optimizer)] = known
        if new:
            self._name_parameters()
        return bool(new)

    def add_living(self) -> bool:
        """Track every optimiser that was made since the watch began."""
        return self.add(self._creations.living(torch.optim.Optimizer))

    def add_reached(self, graph: Graph) -> bool:
        """Name parameters that a loss reaches and no known optimiser has; false if all are named.

        They were forgotten (layers in a plain list), or belong to an optimiser of a framework
        that learns what it trains at its first step, after the backward. An optimiser may have
        been given some of them since (`add_param_group`).
        """
        forgotten = graph.reached - self.optimizer_of_parameter.keys()
        is_given = bool(forgotten) and not forgotten.isdisjoint(map(id, self._trained()))
        new = self._unknown_leaves(graph, forgotten)
        self._reached |= new
        if is_given or new:
            self._name_parameters()
        return is_given or bool(new)

    def _unknown_leaves(self, graph: Graph, forgotten: Set[int]) -> dict[int, Tensor]:
        unknown = forgotten - self.parameters.keys() - self._reached.keys()
        if not unknown:
            return {}
        leaves = [node.variable for node in graph.nodes if node.name().endswith("AccumulateGrad")]
        # Other leaves are inputs that require a gradient.
        parameters = [leaf for leaf in leaves if isinstance(leaf, torch.nn.Parameter)]
        return {id(leaf): leaf for leaf in parameters if id(leaf) in unknown}

    def _reader(self, optimizer: Optimizer) -> Callable[[Optimizer], Groups]:
        for framework in self._frameworks:
            if isinstance(optimizer, framework.optimizer):
                return framework.groups
        return _torch_groups

    def _trained(self) -> list[Tensor]:
        return [each for known in self._optimizers.values() for each in known.parameters()]

    def _name_parameters(self) -> None:
        self.optimizer_of_parameter = {
            id(parameter): known.name
            for known in self._optimizers.values()
            for parameter in known.parameters()
        }
        for key in self.optimizer_of_parameter:
            self._reached.pop(key, None)
        wanted = [*self._trained(), *self._reached.values()]
        named = [
            parameter
            for framework in self._frameworks
            for parameter in framework.name_parameters(wanted)
        ]
        self.parameters = {id(parameter.tensor): parameter for parameter in named}
        rest = [tensor for tensor in wanted if id(tensor) not in self.parameters]
        for parameter in name_parameters(rest, self._creations):
            self.parameters.setdefault(id(parameter.tensor), parameter)
        self.layer_of_parameter = {
            key: parameter.layer or parameter.name for key, parameter in self.parameters.items()
        }


def _torch_groups(optimizer: Optimizer) -> Groups:
    return optimizer.param_groups


def hyperparameters(known: TrackedOptimizer) -> dict[str, float]:
    """The numbers of an optimiser's first group, by torch's names."""
    found: dict[str, float] = {}
    group = next(iter(known.groups()), {})
    for key in _FACT_HYPERPARAMETERS:
        value = group.get(key)
        if isinstance(value, int | float | Tensor) and not isinstance(value, bool):
            found[key] = float(value)
        elif isinstance(value, tuple):
            # Adafactor leaves one of its two epsilons open.
            numbers = {i: each for i, each in enumerate(value) if each is not None}
            found |= {f"{key}[{i}]": float(each) for i, each in numbers.items()}
    return found
