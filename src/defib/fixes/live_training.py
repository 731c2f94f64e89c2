"""A training that runs in an unmodified script, open for changes from outside.

A fix says at which moments it wants to change something; here these moments are found, with
the hooks that torch offers for all modules and optimisers. Nothing is attached to the user's
script, and every change is written down: a fix that found nothing to change was not tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, final

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import DataLoader

from defib.discovery.keras_layers import is_placeholder, modules_of
from defib.discovery.patches import Patches, definer
from defib.discovery.random_state import randomness_restored
from defib.fixes.keras_optimizer import KerasOptimizer
from defib.fixes.keras_training import KerasTraining, Steps

ModelChange = Callable[[nn.Module, tuple[torch.Tensor, ...]], str]
"""Changes a network that is called to train for the first time, with what it is called with."""
OptimizerChange = Callable[[Any], None]
"""Gets an optimiser of torch, or what looks like one: a `KerasOptimizer`."""
LoaderChange = Callable[[dict[str, Any]], str]
"""Changes the arguments, by name, with which a loader is about to be made."""

_LOADER_PARAMETERS = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler")


class Watch(Protocol):
    """The connection of a monitor."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@final
class LiveTraining:
    """Where fixes attach. `connect` starts, `disconnect` ends.

    The functions that a fix passes return what they did, in a few words, or nothing where
    there was nothing to do. What they raise is kept in `failures` and never reaches the script;
    what they draw at random for a network or a loader changes nothing in the script's randomness.
    """

    def __init__(self, planned_steps: int | None = None) -> None:
        self.planned_steps = planned_steps
        """After which the training will be stopped from outside; `None` if it will not be."""
        self.patches = Patches()
        self.activity: dict[str, int] = {}
        """What was done, in words, and how often."""
        self.keras = KerasTraining(self.patches, self.did)
        self.failures = self.keras.failures
        self.missing = ""
        """What the fix needs and did not find, for a trial in which it did nothing."""
        self.found = math.nan
        """A number that the fix has measured, for trials that follow."""
        self.watch: Watch | None = None
        """What watches the training; `None` where nothing does."""
        self.steps = 0
        """Steps of the optimiser that stepped most often."""
        self._model_changes: list[ModelChange] = []
        self._before_step: list[OptimizerChange] = []
        self._after_step: list[OptimizerChange] = []
        self._loader_changes: list[LoaderChange] = []
        self._before_any_step: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        self._kept: list[nn.Module] = []
        self._joining: list[tuple[set[int], list[torch.Tensor]]] = []
        self._has_joined = False
        self._optimizer_steps: dict[int, int] = {}
        self._depth = 0

    # -- for fixes -----------------------------------------------------------------------------

    def on_model(self, change: ModelChange) -> None:
        """Call `change` on each network before it is called to train for the first time."""
        self._model_changes.append(change)

    def before_step(self, change: OptimizerChange) -> None:
        """Call `change` before each step of each optimiser; gradients are there."""
        self._before_step.append(change)

    def after_step(self, change: OptimizerChange) -> None:
        """Call `change` after each step of each optimiser."""
        self._after_step.append(change)

    def before_any_step(self, action: Callable[[], None]) -> None:
        """Call `action` before each step of an optimiser of torch or Keras; what it raises passes,
        so that it can end the script."""
        self._before_any_step.append(action)

    def on_loader(self, change: LoaderChange) -> None:
        """Call `change` on the arguments of each data loader before it is made."""
        self._loader_changes.append(change)

    def replace_function(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Have `make(original)` stand for `owner.name` while the script runs."""
        self.patches.replace(owner, name, make)

    def join(self, model: nn.Module, parameters: Iterable[torch.Tensor]) -> None:
        """Have the optimiser of `model` train `parameters` too, from its next step on."""
        self._joining.append(({id(each) for each in model.parameters()}, list(parameters)))

    def pause_watch(self) -> None:
        """Have nothing recorded of what follows."""
        if self.watch is not None:
            self.watch.pause()

    def resume_watch(self) -> None:
        """Undo `pause_watch`."""
        if self.watch is not None:
            self.watch.resume()

    def did(self, what: str) -> None:
        """Write down that something was changed."""
        self.activity[what] = self.activity.get(what, 0) + 1

    # -- for who runs the script ---------------------------------------------------------------

    def connect(self) -> None:
        """Attach to torch, where something is to be changed."""
        undo = self.patches.add_undo
        if self._model_changes:
            # torch's annotation leaves out that a hook may return other arguments.
            undo(register_module_forward_pre_hook(self._called).remove)  # pyright: ignore
        undo(register_optimizer_step_pre_hook(self._stepping).remove)
        undo(register_optimizer_step_post_hook(self._stepped).remove)
        if self._loader_changes:
            self.patches.replace(DataLoader, "__init__", self._wrap_loader)

    def connect_keras(self, keras: Any) -> None:
        """The script has imported `keras`: its optimisers' steps count too."""
        self._guarded(self._connect_keras, keras)

    def _connect_keras(self, keras: Any) -> None:
        kind = definer(keras.optimizers.Optimizer, "apply")
        self.patches.replace(kind, "apply", partial(self._wrap_apply, keras))
        self.keras.connect(keras)
        self.missing = self.keras.missing or self.missing

    def disconnect(self) -> None:
        """Detach from torch; the changes to models and optimisers stay."""
        self.patches.undo()

    # -- moments -------------------------------------------------------------------------------

    def _called(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if id(module) in self._seen or not module.training or not torch.is_grad_enabled():
            return None
        if is_placeholder(arguments):
            return None  # Keras finds out shapes.
        self._seen |= {id(each) for each in modules_of(module)}
        self._kept.append(module)  # An identity must not be given to another module.
        if not any(True for _ in module.parameters()):
            return None
        inputs = tuple(each for each in arguments if isinstance(each, torch.Tensor))
        known = set(module._forward_pre_hooks)
        for change in self._model_changes:
            with randomness_restored():
                self._guarded(change, module, inputs)
        self._seen |= {id(each) for each in modules_of(module)}
        # This call has collected its hooks already: the new ones would miss it.
        for key, hook in list(module._forward_pre_hooks.items()):
            if key not in known and key not in module._forward_pre_hooks_with_kwargs:
                arguments = hook(module, arguments) or arguments  # pyright: ignore
        return arguments

    def _stepping(self, optimizer: Optimizer, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        if self._depth:
            return
        for action in self._before_any_step:
            action()
        self._let_join(optimizer)
        self._run(self._before_step, optimizer)

    def _stepped(self, optimizer: Optimizer, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        if self._depth:
            return
        self._run(self._after_step, optimizer)
        self._count(optimizer)

    def _wrap_apply(self, keras: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        steps = Steps(self._keras_stepping, self._keras_stepped, self._is_stepping_watched)

        def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
            if torch.compiler.is_compiling():
                return original(optimizer, grads, trainable_variables)
            for action in self._before_any_step:
                action()
            before = int(optimizer.iterations)
            result = self.keras.step(keras, steps, original, optimizer, grads, trainable_variables)
            if int(optimizer.iterations) > before:  # otherwise gradients were only added up
                self._count(optimizer)
            return result

        return apply

    def _is_stepping_watched(self) -> bool:
        return bool(self._before_step or self._after_step or self._joining or self._has_joined)

    def _keras_stepping(self, optimizer: KerasOptimizer) -> None:
        self._let_join(optimizer)
        self._run(self._before_step, optimizer)

    def _keras_stepped(self, optimizer: KerasOptimizer) -> None:
        self._run(self._after_step, optimizer)

    def _count(self, optimizer: Any) -> None:
        count = self._optimizer_steps[id(optimizer)] = (
            self._optimizer_steps.get(id(optimizer), 0) + 1
        )
        if count > self.steps:
            self.steps = count

    def _run(self, changes: Iterable[OptimizerChange], optimizer: Any) -> None:
        # A change may step an optimiser of its own.
        self._depth += 1
        try:
            for change in changes:
                self._guarded(change, optimizer)
        finally:
            self._depth -= 1

    def _let_join(self, optimizer: Optimizer | KerasOptimizer) -> None:
        held = {id(each) for group in optimizer.param_groups for each in group["params"]}
        waiting = [each for each in self._joining if each[0] & held]
        for entry in waiting:
            self._joining.remove(entry)
            is_torch = isinstance(optimizer, Optimizer)
            if is_torch and optimizer.state and self._optimizer_steps.get(id(optimizer), 0) == 0:
                kind = type(optimizer).__name__
                self.failures.append(f"{kind} takes no further parameters after it was made")
                continue
            # No group of their own: schedulers count the groups they were made with.
            new = [each for each in entry[1] if id(each) not in held]
            optimizer.param_groups[0]["params"].extend(new)
            self._has_joined = True

    def _wrap_loader(self, original: Callable[..., None]) -> Callable[..., None]:
        def __init__(loader: Any, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
            named = dict(zip(_LOADER_PARAMETERS, arguments, strict=False)) | keywords
            rest = arguments[len(_LOADER_PARAMETERS) :]
            if rest:
                original(loader, *arguments, **keywords)
                return
            for change in self._loader_changes:
                with randomness_restored():
                    self._guarded(change, named)
            original(loader, **named)

        return __init__

    def _guarded(self, change: Callable[..., str | None], *arguments: Any) -> None:
        try:
            what = change(*arguments)
        except Exception as error:
            # Shown with the trial, which is void: the script itself goes on.
            self.failures.append(f"{type(error).__name__}: {error}"[:500])
            return
        if what:
            self.did(what)
