"""Measures how long a step waits for its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from torch.utils.data.dataloader import _BaseDataLoaderIter

from defib.discovery.patches import Patches
from defib.records.storage import Key

_KEYS: tuple[Key, ...] = (("data_wait_seconds", "loader"), ("step_seconds", "loader"))


@final
class DataWait:
    """The time spent in data loaders during one step, and the time of the whole step.

    Taken of the step after each full sample only: all others are not timed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.is_on = False
        self.clock = clock
        self._begun = 0.0
        self._spent_before = 0.0
        self._waited = 0.0

    def start(self, spent: float) -> None:
        """A step is over, and the monitor has used `spent` seconds so far."""
        self._begun, self._spent_before, self._waited = self.clock(), spent, 0.0
        self.is_on = True

    def add(self, seconds: float) -> None:
        """A loader took so long to hand out a batch."""
        self._waited += seconds

    def read(self, now: float, spent: float) -> tuple[tuple[Key, ...], list[float]]:
        """Seconds waited and seconds of the step, without the monitor's own."""
        self.is_on = False
        whole = now - self._begun - (spent - self._spent_before)
        return _KEYS, [self._waited, max(whole, self._waited)]


def watch_loading(patches: Patches, wait: DataWait, acts_here: Callable[[], bool]) -> None:
    """From now on tell `wait` how long each batch of a data loader takes while it is on."""

    def wrap(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def __next__(iterator: Any) -> Any:  # noqa: N807
            if not wait.is_on or not acts_here():
                return original(iterator)
            begun = wait.clock()
            try:
                return original(iterator)
            finally:
                wait.add(wait.clock() - begun)

        return __next__

    patches.replace(_BaseDataLoaderIter, "__next__", wrap)
