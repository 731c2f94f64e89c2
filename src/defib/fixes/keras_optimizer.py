"""An optimiser of Keras as fixes know those of torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

# Objects of Keras, which may be missing.
Optimizer = Any
Variable = Any

_ATTRIBUTES: Mapping[str, str] = {
    "momentum": "momentum",
    "eps": "epsilon",
    "rho": "rho",
    "weight_decay": "weight_decay",
    "clipnorm": "clipnorm",
    "global_clipnorm": "global_clipnorm",
}
"""Torch's name of a setting -> Keras' attribute; learning rate and betas are apart."""
_SLOTS: Mapping[str, str] = {"SGD": "momentums", "RMSprop": "_momentums"}
"""Where those that take momentum keep what they remember; empty if built without one."""


@final
class KerasOptimizer:
    """Has `param_groups`, `state` and `zero_grad`; what is changed in them takes effect.

    For each step: `begin`, then fixes change something, `write_settings`, `step` in place of
    Keras' own, then fixes look again, `end`.
    """

    def __init__(self, keras: Any, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.param_groups: list[dict[str, Any]] = [{}]
        self._keras = keras
        self._read: dict[str, Any] = {}
        self._own_gradients: list[Tensor | None] = []
        self._companion: Optimizer | None = None
        self._companions: list[Variable] = []

    @property
    def variables(self) -> Sequence[Variable]:
        """What it trains; empty before it is built."""
        return vars(self.optimizer).get("_trainable_variables", ())

    @property
    def state(self) -> dict[Tensor, dict[str, Tensor]]:
        """What it remembers of each parameter."""
        variables = self.variables
        found: dict[Tensor, dict[str, Tensor]] = {each.value: {} for each in variables}
        for name, value in vars(self.optimizer).items():
            if name == "_trainable_variables" or not isinstance(value, list):
                continue
            if len(value) != len(variables):
                continue
            for slot, variable in zip(value, variables, strict=True):
                if isinstance(slot, self._keras.Variable):
                    found[variable.value][name] = slot.value
        return found

    @property
    def tensors(self) -> list[Tensor]:
        """All that it keeps, the number of steps among it."""
        return [each.value for each in self.optimizer.variables]

    def zero_grad(self) -> None:
        """Clear the gradients of all that it trains."""
        for each in self.param_groups[0]["params"]:
            each.grad = None

    def begin(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        """Show the coming step: settings, parameters, and their gradients in `.grad`."""
        parameters = [each.value for each in variables]
        self._own_gradients = [each.grad for each in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = getattr(gradient, "value", gradient)
        joined = [each for each in self.param_groups[0].get("params", ()) if self._has_joined(each)]
        kept = {key: each for key, each in self.param_groups[0].items() if key == "initial_lr"}
        self.param_groups[0] = kept | self._settings() | {"params": parameters + joined}
        self._read = {k: v for k, v in self.param_groups[0].items() if k != "params"}

    def write_settings(self) -> None:
        """Give the optimiser what fixes have made of its settings, but for the learning rate."""
        new = {k: v for k, v in self.param_groups[0].items() if v != self._read.get(k, v)}
        for name, attribute in _ATTRIBUTES.items():
            if name in new:
                setattr(self.optimizer, attribute, new[name])
        if "momentum" in new:
            self._make_slots()
        if "betas" in new:
            self.optimizer.beta_1, self.optimizer.beta_2 = new["betas"]

    def step(self, original: Any, variables: Sequence[Variable]) -> None:
        """Step with what fixes have made of gradients and learning rate."""
        gradients = [each.value.grad for each in variables]
        own_rate = vars(self.optimizer)["_learning_rate"]
        rate = self.param_groups[0]["lr"]
        if rate != self._read["lr"]:
            # Past `__setattr__`: Keras would take the variable for one of the state.
            vars(self.optimizer)["_learning_rate"] = lambda: torch.tensor(rate)
        try:
            if any(each is not None for each in gradients):
                original(self.optimizer, gradients, variables)
            else:  # A fix steps in its place; Keras would complain.
                self.optimizer._iterations.assign_add(1)
            self._step_companion(original, variables)
        finally:
            vars(self.optimizer)["_learning_rate"] = own_rate

    def end(self, variables: Sequence[Variable]) -> None:
        """Put the script's gradients back; a learning rate that is to stay is kept."""
        rate = self.param_groups[0]["lr"]
        if rate != self._read["lr"]:
            self.optimizer.learning_rate = rate
        for variable, gradient in zip(variables, self._own_gradients, strict=True):
            variable.value.grad = gradient

    # -- settings ------------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        optimizer = self.optimizer
        rate = optimizer.learning_rate
        found: dict[str, Any] = {"lr": float(getattr(rate, "value", rate)), "weight_decay": 0.0}
        for name, attribute in _ATTRIBUTES.items():
            value = getattr(optimizer, attribute, None)
            if value is not None:
                found[name] = value
        if hasattr(optimizer, "beta_1"):
            found["betas"] = (optimizer.beta_1, optimizer.beta_2)
        return found

    def _make_slots(self) -> None:
        for kind, attribute in _SLOTS.items():
            is_kind = isinstance(self.optimizer, getattr(self._keras.optimizers, kind))
            if is_kind and self.optimizer.built and not getattr(self.optimizer, attribute):
                slots = self.optimizer.add_optimizer_variables(self.variables, "momentum")
                setattr(self.optimizer, attribute, slots)

    # -- what fixes have added -----------------------------------------------------------------

    def _has_joined(self, parameter: Tensor) -> bool:
        return any(each.value is parameter for each in self._companions)

    def _step_companion(self, original: Any, variables: Sequence[Variable]) -> None:
        """Train what was added, which Keras' optimiser cannot take once it is built, by another
        one of its kind with the same settings."""
        own = {id(each.value) for each in variables}
        added = [each for each in self.param_groups[0]["params"] if id(each) not in own]
        if not added:
            return
        optimizer = self.optimizer
        if self._companion is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of NumPy, about how Keras reads its variables.
                companion: Optimizer = type(optimizer).from_config(optimizer.get_config())
            self._companions = [self._keras.Variable(each) for each in added]
            companion.build(self._companions)
            self._companion = companion
        vars(self._companion)["_learning_rate"] = vars(optimizer)["_learning_rate"]
        trained = [each for each in self._companions if each.value.grad is not None]
        if trained:
            gradients = [each.value.grad for each in trained]
            original(self._companion, gradients, trained)
        for each in trained:
            each.value.grad = None
