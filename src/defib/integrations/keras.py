"""Connects a watch with Keras on torch: its optimisers, its losses, its evaluations.

Keras's layers are modules of torch and its backward pass is torch's: those are seen
already. Patched are classes of Keras, for the time of the watch; no model is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from defib.integrations.keras_layers import Keras, LayerNames, parameter_groups
from defib.integrations.keras_losses import LossEvents
from defib.integrations.keras_steps import OptimizerEvents
from defib.monitor.hooks import Hooks
from defib.monitor.tracked import Framework
from defib.monitor.watching import Watching

Function = Callable[..., Any]


def connect_keras(watching: Watching, keras: Keras) -> None:
    """Watch what the imported package `keras` trains, if it does so on torch."""
    if keras.backend.backend() == "torch":
        watching.integrate("keras", keras.__version__, partial(_connect, keras))


def _connect(keras: Keras, hooks: Hooks) -> None:
    names = LayerNames(keras, hooks.monitor.creations)
    framework = Framework(keras.optimizers.Optimizer, parameter_groups, names.name_parameters)
    hooks.monitor.observer.tracked.add_framework(framework)
    OptimizerEvents(hooks, keras)
    LossEvents(hooks, keras)
    _pause_in_symbolic_scope(hooks, keras)


def _pause_in_symbolic_scope(hooks: Hooks, keras: Keras) -> None:
    """Keras finds out shapes by calling models and losses on tensors without a meaning."""

    def wrap_enter(original: Function) -> Function:
        def __enter__(scope: Any) -> Any:  # noqa: N807
            hooks.pause()
            return original(scope)

        return __enter__

    def wrap_exit(original: Function) -> Function:
        def __exit__(scope: Any, *arguments: Any) -> Any:  # noqa: N807
            hooks.resume()
            return original(scope, *arguments)

        return __exit__

    hooks.patches.replace(keras.SymbolicScope, "__enter__", wrap_enter)
    hooks.patches.replace(keras.SymbolicScope, "__exit__", wrap_exit)
