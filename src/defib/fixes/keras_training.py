"""What a script trains with Keras, open for changes from outside: `fit`, its losses, its steps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from defib.discovery.keras_layers import READ_AS
from defib.discovery.patches import Patches, definer
from defib.fixes.keras_optimizer import KerasOptimizer

# Objects of Keras, which may be missing.
Model = Any
Loss = Any
Function = Callable[..., Any]

KerasChange = Callable[[Any], None]
"""Changes the package `keras` for the time of the training."""
FitChange = Callable[[Model, dict[str, Any]], str]
"""Changes a model and the arguments, by name, with which its `fit` is about to be called."""

ACCUMULATES = "the optimiser of Keras adds up gradients itself, and steps where no fix sees it"


@final
@dataclass(frozen=True)
class LossCall:
    """A loss of Keras that is to be computed: one number for each example.

    `function` is the name of Keras' own loss function, empty for the user's; `arguments` are
    what it gets besides targets and predictions, such as `from_logits`.
    """

    function: str
    arguments: Mapping[str, Any]
    targets: Tensor
    predictions: Tensor
    compute: Callable[..., Tensor]
    """The loss itself, of `(targets, predictions, **arguments)`."""
    read_as: Callable[[str, bool], None]
    """Say which function of Keras stands for it from now on, and whether that takes scores."""


LossChange = Callable[[LossCall], Tensor | None]
"""What stands for a loss; `None` where it stays."""


@final
@dataclass(frozen=True)
class Steps:
    """What is to be done around each step of an optimiser, if anything is."""

    before: Callable[[KerasOptimizer], None]
    after: Callable[[KerasOptimizer], None]
    is_wanted: Callable[[], bool]


@final
class KerasTraining:
    """Where fixes attach to Keras. Nothing of it is called before the script imports `keras`.

    What a change raises goes to `failures` and never reaches the script.
    """

    def __init__(self, patches: Patches, did: Callable[[str], None]) -> None:
        self.failures: list[str] = []
        self.missing = ""
        """Why a fix that found nothing to change cannot do so in Keras, or need not."""
        self._patches = patches
        self._did = did
        self._changes: list[KerasChange] = []
        self._fit_changes: list[FitChange] = []
        self._loss_changes: list[LossChange] = []
        self._optimizers: dict[int, KerasOptimizer] = {}

    def on_import(self, change: KerasChange) -> None:
        """Call `change` with the package `keras`, should the script import it."""
        self._changes.append(change)

    def on_fit(self, change: FitChange) -> None:
        """Call `change` before each `fit`."""
        self._fit_changes.append(change)

    def on_loss(self, change: LossChange) -> None:
        """Ask `change` for each loss that an object of Keras computes, those of `compile` among
        them."""
        self._loss_changes.append(change)

    def connect(self, keras: Any) -> None:
        """The script has imported `keras`."""
        if self._fit_changes:
            self._patches.replace(definer(keras.Model, "fit"), "fit", self._wrap_fit)
        if self._loss_changes:
            # The class of all losses that are functions, which Keras does not export.
            kind = definer(keras.losses.MeanSquaredError, "call")
            self._patches.replace(kind, "call", self._wrap_loss)
        for change in self._changes:
            change(keras)

    def step(self, keras: Any, steps: Steps, original: Function, *arguments: Any) -> Any:
        """`original` is `apply` of an optimiser, called with `arguments`."""
        optimizer, gradients, *rest = arguments
        variables = list((rest[0] if rest else None) or optimizer._trainable_variables)
        if not steps.is_wanted():
            return original(*arguments)
        if optimizer.gradient_accumulation_steps:
            if ACCUMULATES not in self.failures:
                self.failures.append(ACCUMULATES)
            return original(*arguments)
        known = self._optimizers
        seen = known.setdefault(id(optimizer), KerasOptimizer(keras, optimizer))
        try:
            seen.begin(list(gradients), variables)
            steps.before(seen)
            seen.write_settings()
        except Exception as error:
            self._fail(error)
            return original(*arguments)
        result = seen.step(original, variables)
        steps.after(seen)
        seen.end(variables)
        return result

    # -- wrappers ------------------------------------------------------------------------------

    def _wrap_fit(self, original: Function) -> Function:
        signature = inspect.signature(original)

        def fit(model: Model, *arguments: Any, **keywords: Any) -> Any:
            bound = signature.bind(model, *arguments, **keywords)
            bound.apply_defaults()
            named = dict(list(bound.arguments.items())[1:])
            for change in self._fit_changes:
                try:
                    what = change(model, named)
                except Exception as error:
                    self._fail(error)
                    continue
                if what:
                    self._did(what)
            return original(model, **named)

        return fit

    def _wrap_loss(self, original: Function) -> Function:
        def call(loss: Loss, y_true: Any, y_pred: Any) -> Any:
            tensors = isinstance(y_true, Tensor) and isinstance(y_pred, Tensor)
            if not tensors or y_pred.is_meta or torch.compiler.is_compiling():
                return original(loss, y_true, y_pred)
            announced = _call_of(loss, y_true, y_pred, original)
            for change in self._loss_changes:
                try:
                    found = change(announced)
                except Exception as error:
                    self._fail(error)
                    continue
                if found is not None:
                    return found
            return original(loss, y_true, y_pred)

        return call

    def _fail(self, error: Exception) -> None:
        self.failures.append(f"{type(error).__name__}: {error}"[:500])


def is_array(data: Any) -> bool:
    """Whether `fit` cuts batches from `data`: an array or a tensor, or several."""
    if isinstance(data, list | tuple):
        return bool(data) and all(map(is_array, data))
    if isinstance(data, dict):
        return bool(data) and all(map(is_array, data.values()))
    # Tables of pandas have no class in common with arrays.
    return hasattr(data, "__array__")


def _call_of(loss: Loss, targets: Tensor, predictions: Tensor, original: Function) -> LossCall:
    is_own = (getattr(loss.fn, "__module__", None) or "").startswith("keras.")
    arguments = dict(loss._fn_kwargs)

    def compute(targets: Tensor, predictions: Tensor, **changed: Any) -> Tensor:
        before = loss._fn_kwargs
        loss._fn_kwargs = arguments | changed
        try:
            return original(loss, targets, predictions)
        finally:
            loss._fn_kwargs = before

    def read_as(function: str, takes_scores: bool) -> None:
        setattr(loss, READ_AS, (function, {"from_logits": takes_scores}))

    name = getattr(loss.fn, "__name__", "") if is_own else ""
    return LossCall(name, arguments, targets, predictions, compute, read_as)
