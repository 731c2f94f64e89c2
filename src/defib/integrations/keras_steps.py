"""Reports the steps of Keras's optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import watch_creation
from defib.discovery.patches import definer
from defib.integrations.keras_layers import Keras, plain_value
from defib.monitor.hooks import Hooks

# Objects of Keras, which may be missing.
Optimizer = Any
Function = Callable[..., Any]


@final
class OptimizerEvents:
    """Reports the steps of Keras's optimisers as those of torch's."""

    def __init__(self, hooks: Hooks, keras: Keras) -> None:
        monitor = hooks.monitor
        self._monitor = monitor
        self._before_apply = hooks.reporting("before keras step", self._take_start)
        self._built = hooks.reporting("before keras step", self._take_parameters)
        self._after_apply = hooks.reporting("after keras step", self._take_end)
        self._scaled = hooks.guard("keras loss scale", self._take_scale)
        self._skipped_step = hooks.reporting("skipped keras step", monitor.skipped_step)
        self._stepping: Optimizer | None = None
        self._unbuilt: Optimizer | None = None
        self._gradient_factor: Tensor | None = None
        self._applied = 0
        kind = definer(keras.optimizers.Optimizer, "apply")
        watch_creation(hooks.patches, monitor.creations, hooks.guard, (kind,))
        hooks.patches.replace(kind, "build", self._wrap_build)
        hooks.patches.replace(kind, "apply", self._wrap_apply)
        scaling = keras.optimizers.LossScaleOptimizer
        hooks.patches.replace(scaling, "apply", self._wrap_scaling_apply)

    def _wrap_build(self, original: Function) -> Function:
        def build(optimizer: Optimizer, *arguments: Any, **keywords: Any) -> Any:
            result = original(optimizer, *arguments, **keywords)
            if self._unbuilt is optimizer:
                self._built(optimizer)
            return result

        return build

    def _wrap_apply(self, original: Function) -> Function:
        def apply(optimizer: Optimizer, *arguments: Any, **keywords: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(optimizer, *arguments, **keywords)
            self._before_apply(optimizer)
            result = original(optimizer, *arguments, **keywords)
            self._applied += 1
            self._after_apply(optimizer)
            return result

        return apply

    def _wrap_scaling_apply(self, original: Function) -> Function:
        def apply(scaling: Optimizer, *arguments: Any, **keywords: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(scaling, *arguments, **keywords)
            before = self._applied
            self._scaled(scaling)
            try:
                result = original(scaling, *arguments, **keywords)
            finally:
                self._gradient_factor = None
            if self._applied == before:
                self._skipped_step(getattr(scaling, "inner_optimizer", scaling))
            return result

        return apply

    # -- what they report ----------------------------------------------------------------------

    def _take_start(self, optimizer: Optimizer) -> None:
        self._stepping = self._unbuilt = None
        if not _is_update(optimizer):
            return
        self._stepping = optimizer
        if optimizer.built:
            self._take_parameters(optimizer)
        else:
            # It learns what it trains only now, in `build`.
            self._unbuilt = optimizer

    def _take_parameters(self, optimizer: Optimizer) -> None:
        self._unbuilt = None
        self._monitor.before_step(optimizer, gradient_factor=self._gradient_factor)

    def _take_end(self, optimizer: Optimizer) -> None:
        if self._stepping is not optimizer or self._unbuilt is optimizer:
            return
        self._stepping = None
        # Keras averages over the steps that it accumulates.
        steps, factor = optimizer.gradient_accumulation_steps, self._gradient_factor
        if steps:
            factor = 1 / steps if factor is None else factor / steps
        self._monitor.after_step(optimizer, loss_factor=factor)

    def _take_scale(self, scaling: Optimizer) -> None:
        scale = scaling.dynamic_scale if scaling.built else scaling.initial_scale
        self._gradient_factor = 1 / torch.as_tensor(plain_value(scale))


def _is_update(optimizer: Optimizer) -> bool:
    """Whether the coming `apply` changes the weights and not only the accumulated gradients."""
    steps = optimizer.gradient_accumulation_steps
    # The public `iterations` counts updates.
    return not steps or (int(optimizer._iterations) + 1) % steps == 0
