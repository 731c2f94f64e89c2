"""The short way of steps that are not looked at: nearly all steps of a long training.

While the lane is open, a step costs the reading of its loss and little else. What the
monitor has to do for each step is put off, and done for many at once when the lane closes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any, final

import torch
from torch import Tensor

LONGEST = 256
"""Steps after which the lane closes: so long the usual range of the losses is not renewed."""

ASKED_ONE_IN = 16
"""Turns of which one asks the clock, whether it is time to close and how long it takes itself."""

# Bound here: `torch` and `torch._C` are large, and this runs between cold caches.
_dispatch_modes = torch._C._len_torch_dispatch_stack
_backward_under_way = torch._C._current_graph_task_id
_is_compiling = torch.compiler.is_compiling


@final
class QuietLane:
    """Takes turns of one backward and one step; passes on whatever is not so plain.

    `losses` are those of the turns, in order, and `optimizers` those that ended them: a turn
    whose step is still to come has a loss only.
    """

    # Slots, and each turn in two functions that call nothing but C: they run between the kernels
    # of every step, on cold caches, where a further call of a method costs a microsecond.
    __slots__ = (
        "_clock",
        "_known",
        "_left",
        "_limit",
        "_thread",
        "_until",
        "is_open",
        "losses",
        "on_switch",
        "optimizers",
        "seconds",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self.is_open = False
        """Whether turns are taken, or were and are not yet fetched."""
        self.losses: list[float] = []
        self.optimizers: list[Any] = []
        self.seconds = 0.0
        """Time spent in the lane itself, estimated."""
        self.on_switch: Callable[[bool], None] = lambda _: None
        """Told whenever the lane opens or closes."""
        self._clock = clock
        self._until = 0.0
        self._left = 0
        """Turns that may still begin; below zero while one is under way, and counts it."""
        self._limit = 0.0
        self._known: tuple[Any, ...] = ()
        self._thread = 0

    @property
    def is_under_way(self) -> bool:
        """Whether a turn has had its backward and not yet its step."""
        return self._left < 0

    def open(self, *, until: float, room: int, limit: float, optimizers: Iterable[Any]) -> None:
        """Take turns of this thread: at most `room`, none after `until`, losses up to `limit`.

        The clock is not asked in every turn: `room` must see to it that turns which go on as
        before end in time.
        """
        if room <= 0:
            return
        self._until = until
        self._limit = limit
        self._known = tuple(optimizers)
        self._thread = get_ident()
        self._left = min(room, LONGEST)
        self.is_open = True
        self.on_switch(True)

    def close(self) -> None:
        """Take no more turns, and forget those that were taken."""
        was_open, self.is_open = self.is_open, False
        self.losses = []
        self.optimizers = []
        self.seconds = 0.0
        self._left = 0
        self._known = ()
        if was_open:
            self.on_switch(False)

    def backward(
        self,
        method: Callable[..., None],
        function: Callable[..., None],
        noticed: Callable[[Any], None],
    ) -> tuple[Callable[..., None], Callable[..., None]]:
        """`Tensor.backward` and `torch.autograd.backward`, the former with the lane before it.

        `noticed` is told beforehand of what goes backward and is no turn, unless something else
        is going backward at the time.
        """
        clock = self._clock
        is_taken = False

        def backward_method(loss: Any, *arguments: Any, **keywords: Any) -> None:
            nonlocal is_taken
            left = self._left
            begun = 0.0
            if (
                _is_compiling()
                or left <= 0
                or type(loss) is not Tensor
                or not loss.is_cpu
                # Under a dispatch mode, reading the loss would be an operation of the user's.
                or _dispatch_modes() > 0
                or get_ident() != self._thread
                or (left % ASKED_ONE_IN == 0 and (begun := clock()) >= self._until)
            ):
                method(loss, *arguments, **keywords)
                return
            try:
                value = loss.item()
            except RuntimeError:
                # Several elements, or inside `vmap`: the long way can tell.
                value = math.nan
            if not value <= self._limit:
                method(loss, *arguments, **keywords)
                return
            self.losses.append(value)
            self._left = -left
            if begun:
                self.seconds += ASKED_ONE_IN * (clock() - begun)
            if not (arguments or keywords):
                # All that the method does then; so a turn has no frame more than before.
                function(loss)
                return
            is_taken = True
            try:
                method(loss, *arguments, **keywords)
            finally:
                is_taken = False

        def backward_function(tensors: Any, *arguments: Any, **keywords: Any) -> None:
            if not (_is_compiling() or is_taken or _backward_under_way() >= 0):
                noticed(tensors)
            function(tensors, *arguments, **keywords)

        return backward_method, backward_function

    def stepped(self, noticed: Callable[..., None]) -> Callable[..., None]:
        """A hook for after each step, with `noticed` for the steps that end no turn."""

        def stepped(optimizer: Any, arguments: Any, keywords: Any) -> None:
            left = self._left
            if left >= 0 or optimizer not in self._known:
                noticed(optimizer, arguments, keywords)
                return
            self._left = -left - 1
            self.optimizers.append(optimizer)

        return stepped
