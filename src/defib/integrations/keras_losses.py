"""Reports the losses that Keras computes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.evaluation import mean_and_accuracy
from defib.discovery.losses import announce_loss
from defib.discovery.patches import definer
from defib.discovery.sites import calling_path, calling_site, site_at
from defib.integrations.keras_layers import Keras
from defib.integrations.keras_loss_call import FindSites, LossCall, call_of
from defib.monitor.evaluation import CallPath
from defib.monitor.hooks import Hooks
from defib.monitor.observable import is_observable
from defib.records.run import Event
from defib.records.site import Site

# Objects of Keras, which may be missing.
Loss = Any
Model = Any
Function = Callable[..., Any]


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
            patches.replace(definer(keras.Model, name), name, wrap)

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
            result = original(model, *arguments, **keywords)
            self._note_compile(model)
            return result

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
        # By default it is off with the torch backend, and "auto" until it is decided.
        if getattr(model, "jit_compile", False) is True:
            monitor = self._hooks.monitor
            monitor.observer.event(Event("compiled-training", monitor.steps, site=site))

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
