"""Notices torch's learning-rate schedulers: what each plans, and how often it is stepped."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import torch
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingWarmRestarts,
    LRScheduler,
    SequentialLR,
)

from defib.discovery.patches import Patches
from defib.discovery.sites import calling_site
from defib.monitor.guard import Guard
from defib.monitor.monitor import Monitor
from defib.records.run import Event
from defib.records.site import Site

EVENT = "scheduler"
CALLS_LOOKED_AT = 3
"""Calls of `step` that are looked at: the first ones tell where it is called, and whether
before the optimiser. All others are counted and nothing else."""

# Where a scheduler keeps the number of calls after which its plan is over.
_PLANNED = ("total_steps", "T_max", "planned_steps")
_PLANNED_OF_KIND = {"PolynomialLR": "total_iters"}


@final
@dataclass
class _Seen:
    """A scheduler, by what is to be known of it when it may be gone already."""

    kind: str
    planned: float | None
    made_after_steps: int
    calls: int = 0
    early_calls: int = 0
    """Calls before the first step of its optimiser."""
    optimizer: str = ""
    site: Site | None = None
    is_part: bool = False
    """Whether another scheduler decides when it is stepped."""


@final
class Schedulers:
    """Every scheduler that was made or stepped during the watch."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.seen: dict[int, _Seen] = {}
        self._gone: list[_Seen] = []
        self._under_construction: set[int] = set()

    def begin(self, scheduler: LRScheduler) -> None:
        """The constructor begins: what was known at this address is of one that is gone."""
        self._under_construction.add(id(scheduler))
        old = self.seen.pop(id(scheduler), None)
        if old is not None:
            self._gone.append(old)

    def made(self, scheduler: LRScheduler) -> None:
        """The constructor of torch's base class is done, which comes last."""
        self._under_construction.discard(id(scheduler))
        kind = type(scheduler).__name__
        names = (_PLANNED_OF_KIND.get(kind, ""), *_PLANNED)
        values = [vars(scheduler).get(name) for name in names]
        planned = next((float(each) for each in values if isinstance(each, int | float)), None)
        seen = _Seen(kind, planned, self._monitor.steps)
        self.seen[id(scheduler)] = seen

    def is_part(self, scheduler: Any) -> None:
        """`scheduler` belongs to one that steps several."""
        seen = self.seen.get(id(scheduler))
        if seen is not None:
            seen.is_part = True

    def stepped(self, scheduler: LRScheduler) -> None:
        """One of the first calls of `step`; the constructor's own is none."""
        if id(scheduler) in self._under_construction:
            return
        if id(scheduler) not in self.seen:
            # It was made before the watch, or is a copy.
            self.made(scheduler)
        seen = self.seen[id(scheduler)]
        known = self._monitor.observer.tracked.of(scheduler.optimizer)
        if known is None or known.steps == 0:
            seen.early_calls += 1
        else:
            seen.optimizer = known.name
        seen.site = calling_site() or seen.site
        seen.calls += 1

    def write(self) -> None:
        """Write an event for each scheduler: the watch ends."""
        for seen in (*self._gone, *self.seen.values()):
            if not seen.optimizer or seen.is_part:
                continue
            detail: dict[str, str | float] = {
                "scheduler": seen.kind,
                "optimizer": seen.optimizer,
                "calls": float(seen.calls),
                "early_calls": float(seen.early_calls),
            }
            if seen.planned is not None:
                detail["planned"] = seen.planned
            event = Event(EVENT, seen.made_after_steps, detail, seen.site)
            self._monitor.writer.write_event(event)


# `Any`: whatever a scheduler's `step` returns.
def _warning_the_caller(step: Callable[[], Any]) -> Any:
    """What `step` returns; its warnings name the line that called our caller, not our own.

    torch warns at the first call where the order is wrong, and names the line one above it.
    """
    with warnings.catch_warnings(record=True) as caught:
        result = step()
    for each in caught:
        warnings.warn(each.message, each.category, stacklevel=3)
    return result


def watch_schedulers(
    patches: Patches, monitor: Monitor, acts_here: Callable[[], bool], guard: Guard
) -> None:
    """From now on count the calls of each scheduler, and write them down when the watch ends."""
    schedulers = Schedulers(monitor)
    begin = guard("scheduler", schedulers.begin)
    made = guard("scheduler", schedulers.made)
    stepped = guard("scheduler", schedulers.stepped)
    is_part = guard("scheduler", schedulers.is_part)

    def wrap_making(original: Callable[..., None]) -> Callable[..., None]:
        def __init__(scheduler: Any, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
            begin(scheduler)
            original(scheduler, *arguments, **keywords)
            made(scheduler)

        return __init__

    def wrap_step(original: Callable[..., Any]) -> Callable[..., Any]:
        # All names are bound here: what follows may run on every step of a training.
        find = schedulers.seen.get
        enough = CALLS_LOOKED_AT
        is_compiling = torch.compiler.is_compiling

        def step(scheduler: Any, *arguments: Any, **keywords: Any) -> Any:
            seen = find(id(scheduler))
            if seen is not None and seen.calls >= enough:
                seen.calls += 1
            elif not is_compiling() and acts_here():
                stepped(scheduler)
                if seen is None or seen.calls == 1:
                    return _warning_the_caller(partial(original, scheduler, *arguments, **keywords))
            return original(scheduler, *arguments, **keywords)

        return step

    def wrap_joining(original: Callable[..., None]) -> Callable[..., None]:
        def __init__(joined: Any, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
            original(joined, *arguments, **keywords)
            for part in getattr(joined, "_schedulers", ()):
                is_part(part)

        return __init__

    patches.replace(LRScheduler, "__init__", wrap_making)
    for kind in (LRScheduler, CosineAnnealingWarmRestarts):
        patches.replace(kind, "step", wrap_step)
    for kind in (SequentialLR, ChainedScheduler):
        patches.replace(kind, "__init__", wrap_joining)
    patches.add_undo(guard("scheduler", schedulers.write))
