"""Connects a monitor with torch, and takes everything away again.

Nothing is attached to the user's modules or tensors: the optimisers' global step hooks, a
wrapper of `torch.autograd.backward` and of a few functions are all there is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any, final
from weakref import WeakMethod

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim.optimizer import _global_optimizer_pre_hooks as _before_any_step
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from defib.discovery.creation import Creations, watch_creation
from defib.discovery.evaluation import class_tallies, mean_and_accuracy, watch_evaluation
from defib.discovery.operation_sites import OperationSites
from defib.discovery.patches import Patches
from defib.discovery.sites import calling_path
from defib.monitor.clipping import watch_clipping
from defib.monitor.data_wait import watch_loading
from defib.monitor.evaluation_mode import EvaluationMode
from defib.monitor.guard import Guard
from defib.monitor.loss_observation import accuracy_of_one_hot
from defib.monitor.monitor import Monitor
from defib.monitor.observable import is_observable
from defib.monitor.passing_inputs import watch_inputs
from defib.monitor.schedulers import watch_schedulers
from defib.monitor.transfer import loss_value


@final
class Hooks:
    """The connection. `Hooks(monitor, ...)` connects, `remove` disconnects.

    The hooks act in the thread that trains first and in the process that made them;
    elsewhere (data loader workers, forked children) they only pass on.
    """

    def __init__(
        self, monitor: Monitor, guard: Guard, patches: Patches, operation_sites: OperationSites
    ) -> None:
        self.monitor = monitor
        self.patches = patches
        self.guard = guard
        self._lane = monitor.lane
        self._is_active = True
        self._pauses = 0
        self._thread: int | None = None
        self._steps_seen = 0
        self._before_steps: RemovableHandle | None = None
        self._loss_factor: float | Tensor | None = None
        self._evaluation_mode = EvaluationMode(monitor)
        self._before_backward = guard("before backward", self._take_loss)
        self._before_step = guard("before step", monitor.before_step)
        self._after_step = guard("after step", monitor.after_step)
        self._skipped_step = guard("skipped step", monitor.skipped_step)
        self._evaluated = guard("evaluation", self._take_evaluation)
        guard("connection", self._connect)(operation_sites)

    def remove(self) -> None:
        """Disconnect. May be called twice."""
        self._is_active = False
        self.patches.undo()

    # -- for integrations --------------------------------------------------------------------

    def reporting(self, place: str, action: Callable[..., Any]) -> Callable[..., None]:
        """`action` for an integration to call: guarded, timed, only where the hooks act."""
        guarded = self.guard(place, action)

        def report(*arguments: Any, **keywords: Any) -> None:
            if self._acts_here():
                self._timed(guarded, *arguments, **keywords)

        return report

    def pause(self) -> None:
        """Notice nothing until `resume`: what runs is reported otherwise, or is no training."""
        self.guard.run("pause", self.monitor.leave_lane)
        self._pauses += 1

    def resume(self) -> None:
        """Undo one `pause`."""
        self._pauses -= 1

    # -- connecting --------------------------------------------------------------------------

    def _connect(self, operation_sites: OperationSites) -> None:
        patches = self.patches
        method, function = self._lane.backward(
            Tensor.backward, torch.autograd.backward, self._on_backward
        )
        patches.replace(Tensor, "backward", lambda _: method)
        patches.replace(torch.autograd, "backward", lambda _: function)
        patches.replace(GradScaler, "step", self._wrap_scaler_step)
        patches.replace(torch.autograd.graph.saved_tensors_hooks, "__enter__", self._wrap_saving)
        watch_evaluation(patches, self._on_evaluation)
        self._evaluation_mode.connect(patches, self.guard)
        watch_clipping(patches, self.monitor, self._acts_here, self.guard)
        watch_schedulers(patches, self.monitor, self._acts_here, self.guard)
        watch_loading(patches, self.monitor.data_wait, self._acts_here)
        passing = self.monitor.passing_inputs
        called = self.reporting("examples", passing.called)
        begins = self.guard("examples", self._on_gradients_off)
        watch_inputs(patches, passing, called, begins)
        self._listen_before_steps(is_after_step=True)
        self._lane.on_switch = self._switch_lane
        patches.add_undo(self._stop_listening)
        on_stepped = self._lane.stepped(self._on_stepped)
        patches.add_undo(register_optimizer_step_post_hook(on_stepped).remove)
        # Nothing takes this one back: it must not keep the watch, and all that was watched.
        in_child = WeakMethod(self._in_child)
        os.register_at_fork(after_in_child=partial(_call_if_alive, in_child))
        operation_sites.start()

    def _switch_lane(self, is_open: bool) -> None:
        """In the lane nothing happens before a step, and a hook for nothing has its price."""
        if not is_open:
            self._listen_before_steps()
        # Where others listen as well, they may be called while the lane closes: torch's list of
        # hooks must not change under them.
        elif self._before_steps is not None and len(_before_any_step) == 1:
            self._before_steps.remove()
            self._before_steps = None

    def _listen_before_steps(self, *, is_after_step: bool = False) -> None:
        is_due = self._before_steps is None and self._is_active
        if is_due and (is_after_step or not _before_any_step):
            self._before_steps = register_optimizer_step_pre_hook(self._on_step)

    def _stop_listening(self) -> None:
        if self._before_steps is not None:
            self._before_steps.remove()

    def _in_child(self) -> None:
        self._is_active = False
        self._lane.close()

    def _acts_here(self) -> bool:
        if self._pauses or not self._is_active:
            return False
        if self._thread is None:
            self._thread = get_ident()
        return self._thread == get_ident()

    # -- backward ----------------------------------------------------------------------------

    def _on_backward(self, tensors: Any) -> None:
        if self._acts_here():
            self._timed(self._before_backward, tensors)

    def _take_loss(self, tensors: Any) -> None:
        if isinstance(tensors, list | tuple) and tensors:
            tensors = tensors[0]
        if isinstance(tensors, Tensor) and is_observable(tensors):
            self.monitor.before_backward(tensors)

    # -- optimiser ---------------------------------------------------------------------------

    def _on_step(
        self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        if self._acts_here() and not torch.compiler.is_compiling():
            has_closure = _has_closure(arguments, keywords)
            self._timed(self._before_step, optimizer, has_closure=has_closure)

    def _on_stepped(
        self, optimizer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        if self._acts_here() and not torch.compiler.is_compiling():
            self._steps_seen += 1
            self.guard.run("connection", self._listen_before_steps, is_after_step=True)
            self._timed(
                self._after_step,
                optimizer,
                has_closure=_has_closure(arguments, keywords),
                loss_factor=self._loss_factor,
            )

    def _wrap_scaler_step(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def step(scaler: Any, optimizer: Any, *arguments: Any, **keywords: Any) -> Any:
            before, taken = self._steps_seen, len(self._lane.optimizers)
            self.guard.run("gradient scale", self._take_scale, scaler)
            try:
                result = original(scaler, optimizer, *arguments, **keywords)
            finally:
                self._loss_factor = None
            is_seen = self._steps_seen > before or len(self._lane.optimizers) > taken
            if self._acts_here() and not is_seen:
                self._timed(self._skipped_step, optimizer)
            return result

        return step

    def _take_scale(self, scaler: Any) -> None:
        # The loss that went backward was multiplied by the scale.
        scale = scaler._scale if scaler.is_enabled() else None
        value = None if scale is None else loss_value(scale)
        # A scale that was halved again and again is 0 in the end, and hides the loss.
        is_lost = isinstance(value, float) and value == 0
        self._loss_factor = None if value is None else math.nan if is_lost else 1 / value
        if self._loss_factor is not None:
            self.monitor.leave_lane()

    # -- evaluation and saved tensors -----------------------------------------------------------

    def _on_evaluation(self, *seen: Any) -> None:
        if self._acts_here():
            self._timed(self._evaluated, *seen)

    def _on_gradients_off(self) -> None:
        # Whoever does so before anything was trained is not yet the thread that trains.
        if self._thread is not None and self._acts_here():
            self.monitor.gradients_off()

    def _take_evaluation(
        self, name: str, predictions: Any, targets: Any, result: Any, reduction: str
    ) -> None:
        tensors = (predictions, targets, result)
        if not all(isinstance(each, Tensor) and is_observable(each) for each in tensors):
            return
        with torch.no_grad():
            loss, accuracy, examples = mean_and_accuracy(
                name, predictions, targets, result, reduction
            )
            tallies = class_tallies(name, predictions, targets)
            if name == "mse_loss":
                accuracy = accuracy_of_one_hot(predictions, targets)
        self.monitor.evaluated(calling_path(), loss, accuracy, examples, tallies=tallies)
        self._evaluation_mode.look()

    def _wrap_saving(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def __enter__(context: Any) -> None:  # noqa: N807
            self.monitor.observer.saved_tensor_hooks_seen = True
            return original(context)

        return __enter__

    def _timed(self, action: Callable[..., None], *arguments: Any, **keywords: Any) -> None:
        monitor = self.monitor
        budget = monitor.budget
        begun = monitor.now = monitor.clock()
        # Metrics call loss functions too, which are no evaluations of the user's.
        self._pauses += 1
        try:
            action(*arguments, **keywords)
        finally:
            self._pauses -= 1
        if budget.started is not None:
            budget.spent += monitor.clock() - begun


def _has_closure(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    # torch passes the optimiser itself as the first argument.
    closure = arguments[1] if len(arguments) > 1 else keywords.get("closure")
    return closure is not None


def connect(monitor_of: Callable[[Creations, OperationSites], Monitor], guard: Guard) -> Hooks:
    """Install everything and return the connection.

    `monitor_of` makes the monitor; it gets the two stores that it reads from.
    """
    patches = Patches()
    try:
        creations = Creations()
        operation_sites = OperationSites(patches)
        guard("creation", watch_creation)(patches, creations, guard)
        monitor = monitor_of(creations, operation_sites)
        return Hooks(monitor, guard, patches, operation_sites)
    except BaseException:
        patches.undo()
        raise


def _call_if_alive(method: WeakMethod[Callable[[], None]]) -> None:
    living = method()
    if living is not None:
        living()
