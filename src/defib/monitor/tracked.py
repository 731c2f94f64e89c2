"""What the monitor knows of the optimisers and of the parameters that they update."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import Creations
from defib.discovery.models import NamedParameter, name_parameters

# Any object that holds torch-like `param_groups`.
Optimizer = Any

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
    steps: int = 0

    def parameters(self) -> list[Tensor]:
        """The trainable parameters of all groups."""
        optimizer = self.reference()
        if optimizer is None:
            return []
        return [
            parameter
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.requires_grad
        ]

    def settings(self) -> dict[str, float]:
        """Learning rate and the like of the first group, by metric name."""
        optimizer = self.reference()
        if optimizer is None or not optimizer.param_groups:
            return {}
        group = optimizer.param_groups[0]
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

    def add(self, optimizers: Iterable[Optimizer]) -> bool:
        """Track optimisers and name all parameters anew; false if there was nothing new."""
        new = [optimizer for optimizer in optimizers if self.of(optimizer) is None]
        for optimizer in new:
            kind = type(optimizer).__name__
            same = sum(known.kind == kind for known in self._optimizers.values())
            name = kind if same == 0 else f"{kind} {same + 1}"
            self._optimizers[id(optimizer)] = TrackedOptimizer(name, kind, weakref.ref(optimizer))
        if new:
            self._name_parameters()
        return bool(new)

    def add_living(self) -> bool:
        """Track every optimiser that was made since the watch began."""
        return self.add(self._creations.living(torch.optim.Optimizer))

    def _name_parameters(self) -> None:
        self.optimizer_of_parameter = {
            id(parameter): known.name
            for known in self._optimizers.values()
            for parameter in known.parameters()
        }
        trained = [p for known in self._optimizers.values() for p in known.parameters()]
        named = name_parameters(trained, self._creations)
        self.parameters = {id(parameter.tensor): parameter for parameter in named}
        self.layer_of_parameter = {
            key: parameter.layer or parameter.name for key, parameter in self.parameters.items()
        }


def hyperparameters(optimizer: Optimizer) -> dict[str, float]:
    """The numbers of an optimiser's first group, by torch's names."""
    found: dict[str, float] = {}
    group = optimizer.param_groups[0] if optimizer.param_groups else {}
    for key in _FACT_HYPERPARAMETERS:
        value = group.get(key)
        if isinstance(value, int | float | Tensor) and not isinstance(value, bool):
            found[key] = float(value)
        elif isinstance(value, tuple):
            found |= {f"{key}[{i}]": float(each) for i, each in enumerate(value)}
    return found
