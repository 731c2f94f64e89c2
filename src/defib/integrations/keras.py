"""Connects a watch with Keras on torch: its optimisers, its losses, its evaluations.

Keras's layers are modules of torch and its backward pass is torch's: those are seen
already. Patched are classes of Keras, for the time of the watch; no model is touched.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.creation import watch_creation
from defib.discovery.evaluation import mean_and_accuracy
from defib.discovery.losses import announce_loss
from defib.discovery.sites import calling_path, calling_site, site_at
from defib.integrations.keras_layers import Keras, LayerNames, parameter_groups, plain_value
from defib.integrations.keras_losses import FindSites, LossCall, call_of
from defib.monitor.evaluation import CallPath
from defib.monitor.hooks import Hooks, is_observable
from defib.monitor.tracked import Framework
from defib.monitor.watching import Watching
from defib.records.site import Site

# Objects of Keras, which may be missing.
Optimizer = Any
Loss = Any
Model = Any

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
        kind = _definer(keras.optimizers.Optimizer, "apply")
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


@final
class _LossScope:
    """The call of a model's `compute_loss` that is running, and the losses called in it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.calls: list[LossCall] = []


@final
class LossEvents:
    """Reports the losses that Keras computes: in training by the graph, else as evaluations."""

    def __init__(self, hooks: Hooks, keras: Keras) -> None:
        self._hooks = hooks
        self._keras = keras
        self._creations = hooks.monitor.creations
        self._scopes: list[_LossScope] = []
        self._compiled: weakref.WeakKeyDictionary[Model, Site] = weakref.WeakKeyDictionary()
        self._note = hooks.guard("creation", self._creations.note)
        self._note_compile = hooks.guard("keras compile", self._take_compile)
        self._report_call = hooks.reporting("keras loss", self._take_call)
        self._report_evaluation = hooks.reporting("keras evaluation", self._take_evaluation)
        patches = hooks.patches
        patches.replace(keras.losses.Loss, "__init__", self._wrap_creation)
        patches.replace(keras.losses.Loss, "__call__", self._wrap_call)
        for name, wrap in (
            ("compile", self._wrap_compile),
            ("compute_loss", self._wrap_compute_loss),
            ("compute_metrics", self._wrap_compute_metrics),
        ):
            patches.replace(_definer(keras.Model, name), name, wrap)

    # -- wrappers ------------------------------------------------------------------------------

    def _wrap_creation(self, original: Function) -> Function:
        def __init__(loss: Loss, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
            # Keras makes the losses that were given by name only when it first needs them.
            if not self._scopes:
                self._note(loss)
            original(loss, *arguments, **keywords)

        return __init__

    def _wrap_compile(self, original: Function) -> Function:
        def compile(model: Model, *arguments: Any, **keywords: Any) -> Any:
            self._note_compile(model)
            return original(model, *arguments, **keywords)

        return compile

    def _wrap_compute_loss(self, original: Function) -> Function:
        def compute_loss(model: Model, *arguments: Any, **keywords: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(model, *arguments, **keywords)
            scope = _LossScope(model)
            self._scopes.append(scope)
            try:
                total = original(model, *arguments, **keywords)
            finally:
                self._scopes.pop()
            if scope.calls:
                self._report_evaluation(total, scope.calls)
            return total

        return compute_loss

    def _wrap_call(self, original: Function) -> Function:
        def __call__(  # noqa: N807
            loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> Any:
            if torch.compiler.is_compiling():
                return original(loss, y_true, y_pred, sample_weight)
            # Keras may call loss functions of torch, which would count once more.
            self._hooks.pause()
            try:
                result = original(loss, y_true, y_pred, sample_weight)
            finally:
                self._hooks.resume()
            self._report_call(loss, y_true, y_pred, result)
            return result

        return __call__

    def _wrap_compute_metrics(self, original: Function) -> Function:
        def compute_metrics(model: Model, *arguments: Any, **keywords: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(model, *arguments, **keywords)
            # A metric may be a loss function, but is not the loss.
            self._hooks.pause()
            try:
                return original(model, *arguments, **keywords)
            finally:
                self._hooks.resume()

        return compute_metrics

    # -- what they report ------------------------------------------------------------------------

    def _take_compile(self, model: Model) -> None:
        site = calling_site()
        if site is not None:
            self._compiled[model] = site

    def _take_call(self, loss: Loss, targets: Any, predictions: Any, result: Any) -> None:
        tensors = (predictions, result)
        if not all(isinstance(each, Tensor) and is_observable(each) for each in tensors):
            return
        mask = getattr(predictions, "_keras_mask", None)
        call = call_of(loss, targets, predictions.detach(), mask, self._sites(loss))
        if torch.is_grad_enabled():
            announce_loss(result, predictions, call.refine)
        elif self._scopes:
            self._scopes[-1].calls.append(call)
        else:
            self._take_evaluation(result, [call])

    def _take_evaluation(self, result: Any, calls: list[LossCall]) -> None:
        call = calls[0]
        name, predictions, targets = call.scored()
        reduction = call.reduction or "mean"
        with torch.no_grad():
            loss, accuracy, examples = mean_and_accuracy(
                name, predictions, targets, result, reduction
            )
        # Of a model with several outputs only the total loss is one number.
        accuracy = accuracy if len(calls) == 1 else None
        self._hooks.monitor.evaluated(calling_path(), loss, accuracy, examples)

    def _sites(self, loss: Loss) -> FindSites:
        if not self._scopes:
            return partial(_sites_in_loop, calling_path(limit=1))
        # Weak: the graph will hold this, and the model may hold the graph.
        model = weakref.ref(self._scopes[-1].model)
        return partial(self._sites_in_model, weakref.ref(loss), model)

    def _sites_in_model(
        self, loss_reference: weakref.ref[Loss], model_reference: weakref.ref[Model]
    ) -> tuple[Site | None, Site | None]:
        loss, model = loss_reference(), model_reference()
        if loss is None or model is None:
            return None, None
        site = self._creations.site(loss) or self._compiled.get(model)
        return site, self._softmax_site(model) or site

    def _softmax_site(self, model: Model) -> Site | None:
        """The user's line of the last layer that applies a softmax."""
        for layer in reversed(model.layers):
            activation = getattr(layer, "activation", None)
            name = getattr(activation, "__name__", type(layer).__name__)
            if name.lower() == "softmax":
                return self._creations.site(layer)
        return None


def _sites_in_loop(path: CallPath) -> tuple[Site | None, Site | None]:
    return (site_at(*path[0]) if path else None), None


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


def _definer(kind: type, name: str) -> type:
    """The class from which `kind` has the attribute `name`."""
    return next(each for each in kind.__mro__ if name in vars(each))
