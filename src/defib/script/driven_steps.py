"""Drives the learning rate of a script that runs unmodified, through its own optimiser steps.

A driver says what the learning rate of each step is to be. Between the steps every parameter
group has the learning rate that the script, and its schedules, gave it: they go on as ever and
change nothing that counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, final

from defib.script.after_import import call_after_import
from defib.script.outcome import Outcome


class Driver(Protocol):
    """Chooses learning rates, and looks on."""

    @property
    def rate(self) -> float:
        """The learning rate of the coming step, that of the first group of the optimiser."""
        ...

    def add(self, loss: float) -> bool:
        """A step is over whose loss, before it, was `loss`: whether to stop the script."""
        ...


@final
class _Stop(SystemExit):
    """Ends the script as its own `sys.exit()` would."""


@final
class DrivenSteps:
    """The steps of a script, taken with the learning rates of a driver.

    The first optimiser that steps sets the pace: a step is one of its steps, and its loss is
    the mean of those that `backward` was called on since its last one. Other optimisers step
    with the same factor on their learning rates as it did last. Files that the script would
    save its weights in with `torch.save` stay as they are: weights of a sweep are of no use.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._has_stopped = False
        self.has_loss = True
        """False where the script steps without having called `backward`."""
        self._before: list[float] = []
        """Losses since the last step, from before the present one."""
        self._within: list[float] = []
        """Losses that a closure computes within the step."""
        self._is_stepping = False
        self._rate = math.nan
        self._unscaled: dict[int, Any] = {}
        # `Any`: importing the classes would import torch before the script does.
        self._patches: Any = None
        self.rates: Any = None
        """The `SteeredRates`; `None` until the script has imported torch."""
        self.optimizer: Any = None
        """The one that sets the pace; `None` until it steps."""
        self.skipped_files = 0

    def run(self, launch: Callable[[], Outcome]) -> Outcome:
        """How the script ended that `launch` runs."""
        cancel = call_after_import("torch", self._begin)
        try:
            return launch()
        finally:
            cancel()
            if self._patches is not None:
                self._patches.undo()

    def _begin(self, torch: ModuleType) -> None:
        from torch.optim.optimizer import (
            register_optimizer_step_post_hook,
            register_optimizer_step_pre_hook,
        )

        from defib.discovery.patches import Patches
        from defib.training.steering import SteeredRates

        self._patches, self.rates = Patches(), SteeredRates()
        self._patches.replace(torch.autograd, "backward", self._watched_backward)
        self._patches.replace(torch.amp.GradScaler, "scale", self._watched_scale)
        self._patches.replace(torch, "save", self._skipped_save)
        before = register_optimizer_step_pre_hook(self._before_step)
        after = register_optimizer_step_post_hook(self._after_step)
        self._patches.add_undo(before.remove)
        self._patches.add_undo(after.remove)

    def _watched_scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def scale(scaler: Any, outputs: Any) -> Any:
            scaled = original(scaler, outputs)
            if hasattr(outputs, "grad_fn"):
                # Both are kept until the next step, so that no other tensor gets the identity.
                self._unscaled[id(scaled)] = (scaled, outputs)
            return scaled

        return scale

    def _watched_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *arguments: Any, **keywords: Any) -> Any:
            self._stop_again()
            for loss in (tensors,) if hasattr(tensors, "grad_fn") else tuple(tensors):
                self._note(self._value(loss))
            return original(tensors, *arguments, **keywords)

        return backward

    def _note(self, loss: float) -> None:
        if self._is_stepping:
            self._within.append(loss)
            return
        self._before.append(loss)
        if not math.isfinite(loss):
            # Now: a gradient scaler would skip this step, and every one that follows.
            self._end_step()

    def _value(self, loss: Any) -> float:
        _, loss = self._unscaled.get(id(loss), (None, loss))
        return float(loss.detach().float().mean())

    def _skipped_save(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def save(thing: Any, f: Any, *arguments: Any, **keywords: Any) -> None:
            if hasattr(f, "write"):  # into memory: `copy` and data loaders do that
                original(thing, f, *arguments, **keywords)
            else:
                self.skipped_files += 1

        return save

    def _before_step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        self._stop_again()
        self.rates.release()  # where the last step raised
        if self.optimizer is None:
            self.optimizer = optimizer
        self._is_stepping = optimizer is self.optimizer
        if self._is_stepping:
            # Kept for the others: the driver goes on to its next rate after this step.
            self._rate = self._driver.rate
        self.rates.steer(optimizer, self._rate)

    def _after_step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        self.rates.release()
        if optimizer is self.optimizer:
            self._is_stepping = False
            self._end_step()

    def _end_step(self) -> None:
        # A closure may compute the loss again and again: the first is that before the step.
        losses = self._before or self._within[:1]
        self._before, self._within = [], []
        self._unscaled.clear()
        self.has_loss = bool(losses)
        if not losses or self._driver.add(math.fsum(losses) / len(losses)):
            self._has_stopped = True
            raise _Stop

    def _stop_again(self) -> None:
        # The script may have caught the first one with a bare `except`.
        if self._has_stopped:
            raise _Stop

    def has_broken_down(self) -> bool:
        """Whether a parameter of the optimiser that sets the pace is not finite."""
        groups = self.optimizer.param_groups if self.optimizer is not None else ()
        return any(
            not each.detach().isfinite().all() for group in groups for each in group["params"]
        )
