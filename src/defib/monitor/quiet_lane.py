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

TIMED_ONE_IN = 16
"""Turns of which the time spent in the lane is taken: it is much the same for all."""

# Bound here: `torch` and `torch._C` are large, and this runs between cold caches.
_dispatch_modes = torch._C._len_torch_dispatch_stack
_is_compiling = torch.compiler.is_compiling


@final
class QuietLane:
    """Takes turns of one backward and one step; passes on whatever is not so plain.

    `losses` and `optimizers` are those of the finished turns, in order; `pending` is the loss
    of a turn whose step is still to come.
    """

    # Slots, and each turn in two functions that call nothing but C: they run between the kernels
    # of every step, on cold caches, where a further call of a method costs a microsecond.
    __slots__ = (
        "_clock",
        "_known",
        "_limit",
        "_room",
        "_thread",
        "_until",
        "losses",
        "on_switch",
        "optimizers",
        "pending",
        "seconds",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self.losses: list[float] = []
        self.optimizers: list[Any] = []
        self.pending: float | None = None
        self.seconds = 0.0
        """Time spent in the lane itself, estimated."""
        self.on_switch: Callable[[bool], None] = lambda _: None
        """Told whenever the lane opens or closes."""
        self._clock = clock
        self._until = 0.0
        self._room = 0
        self._limit = 0.0
        self._known: set[int] = set()
        self._thread = 0

    @property
    def is_open(self) -> bool:
        """Whether turns are taken, or were and are not yet fetched."""
        return self._room > 0

    def open(self, *, until: float, room: int, limit: float, optimizers: Iterable[Any]) -> None:
        """Take turns of this thread: at most `room`, none after `until`, losses up to `limit`."""
        self._until = until
        self._limit = limit
        self._known = {id(each) for each in optimizers}
        self._thread = get_ident()
        self._room = min(room, LONGEST)
        if self.is_open:
            self.on_switch(True)

    def close(self) -> None:
        """Take no more turns, and forget those that were taken."""
        was_open, self._room = self.is_open, 0
        self.losses = []
        self.optimizers = []
        self.pending = None
        self.seconds = 0.0
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
        depth = 0

        def backward_method(loss: Any, *arguments: Any, **keywords: Any) -> None:
            nonlocal depth
            if (
                _is_compiling()
                or self.pending is not None
                or len(self.losses) >= self._room
                # Under a dispatch mode, reading the loss would be an operation of the user's.
                or type(loss) is not Tensor
                or not loss.is_cpu
                or _dispatch_modes() > 0
                or get_ident() != self._thread
                or (begun := clock()) >= self._until
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
            self.pending = value
            if len(self.losses) % TIMED_ONE_IN == 0:
                self.seconds += TIMED_ONE_IN * (clock() - begun)
            depth += 1
            try:
                if arguments or keywords:
                    method(loss, *arguments, **keywords)
                else:
                    # All that the method does then; so a turn has no frame more than before.
                    function(loss)
            finally:
                depth -= 1

        def backward_function(tensors: Any, *arguments: Any, **keywords: Any) -> None:
            nonlocal depth
            if _is_compiling():
                function(tensors, *arguments, **keywords)
                return
            if depth == 0:
                noticed(tensors)
            depth += 1
            try:
                function(tensors, *arguments, **keywords)
            finally:
                depth -= 1

        return backward_method, backward_function

    def stepped(self, noticed: Callable[..., None]) -> Callable[..., None]:
        """A hook for after each step, with `noticed` for the steps that end no turn."""

        def stepped(optimizer: Any, arguments: Any, keywords: Any) -> None:
            pending = self.pending
            if pending is None or id(optimizer) not in self._known:
                noticed(optimizer, arguments, keywords)
                return
            self.losses.append(pending)
            self.optimizers.append(optimizer)
            self.pending = None

        return stepped
