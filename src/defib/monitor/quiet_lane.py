"""The short way of steps that are not looked at: nearly all steps of a long training.

While the lane is open, a step costs the reading of its loss and little else. What the
monitor has to do for each step is put off, and done for many at once when the lane closes.
"""

from __future__ import annotations

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


@final
class QuietLane:
    """Takes turns of one backward and one step; refuses whatever is not so plain.

    `losses` and `optimizers` are those of the finished turns, in order; `pending` is the loss
    of a turn whose step is still to come.
    """

    # Slots and few of them: this runs between the kernels of every step, on cold caches.
    __slots__ = (
        "_clock",
        "_known",
        "_limit",
        "_room",
        "_thread",
        "_until",
        "is_open",
        "losses",
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
        self.is_open = False
        self._clock = clock
        self._until = 0.0
        self._room = 0
        self._limit = 0.0
        self._known: set[int] = set()
        self._thread = 0

    def open(self, *, until: float, room: int, limit: float, optimizers: Iterable[Any]) -> None:
        """Take turns of this thread: at most `room`, none after `until`, losses up to `limit`."""
        self._until = until
        self._room = min(room, LONGEST)
        self._limit = limit
        self._known = {id(each) for each in optimizers}
        self._thread = get_ident()
        self.is_open = self._room > 0

    def close(self) -> None:
        """Take no more turns, and forget those that were taken."""
        self.is_open = False
        self.losses = []
        self.optimizers = []
        self.pending = None
        self.seconds = 0.0

    def takes(self, loss: Any) -> bool:
        """Whether the backward that runs on `loss` is a turn's; its loss is then kept."""
        if not self.is_open or self.pending is not None:
            return False
        begun = self._clock()
        if (
            begun >= self._until
            or len(self.losses) >= self._room
            # Under a dispatch mode, reading the loss would be an operation of the user's.
            or type(loss) is not Tensor
            or not loss.is_cpu
            or _dispatch_modes() > 0
            or get_ident() != self._thread
        ):
            return False
        try:
            value = loss.item()
        except RuntimeError:
            # Several elements, or inside `vmap`: the long way can tell.
            return False
        if not value <= self._limit:
            return False
        self.pending = value
        if len(self.losses) % TIMED_ONE_IN == 0:
            self.seconds += TIMED_ONE_IN * (self._clock() - begun)
        return True

    def ends(self, optimizer: Any) -> bool:
        """Whether the step of `optimizer` ends the turn under way."""
        if self.pending is None or id(optimizer) not in self._known:
            return False
        self.losses.append(self.pending)
        self.optimizers.append(optimizer)
        self.pending = None
        return True
