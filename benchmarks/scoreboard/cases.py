"""The trainings of the scoreboard, and which of them no threshold may be taken from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import final

from defib.faults.base import Fault, all_faults
from defib.faults.tasks import Task
from defib.healthy.base import all_healthy_trainings

SHARE_KEPT_APART = 4
"""One in so many pairs of task and seed is not used for calibration."""
QUICK_SHARE = 6
"""One in so many healthy trainings is run where the time is short."""


class Kind(Enum):
    """What a run is an example of: a fault, its healthy twin, the corpus."""

    BROKEN = "broken"
    TWIN = "twin"
    HEALTHY = "healthy"


@final
@dataclass(frozen=True)
class Case:
    """One training.

    `name` is a fault's, a twin's or a healthy training's; `task` is empty for the last.
    """

    kind: Kind
    name: str
    task: str
    seed: int

    @property
    def folder(self) -> str:
        parts = (self.kind.value, self.name, self.task, f"{self.seed}")
        return "--".join(part.replace("/", "-") for part in parts if part)

    @property
    def label(self) -> str:
        return f"{self.name}/{self.task}" if self.kind is Kind.BROKEN else self.name

    @property
    def is_kept_apart(self) -> bool:
        """True for a quarter, chosen by a hash of what is trained and of the seed.

        All faults in the same task with the same seed are on the same side, with their twin.
        """
        text = f"{self.task or self.name}/{self.seed}"
        return hashlib.sha256(text.encode()).digest()[0] % SHARE_KEPT_APART == 0


@cache
def pairs() -> tuple[tuple[Fault, Task], ...]:
    """Every fault with every task that it can be put into."""
    return tuple((fault, task) for fault in all_faults() for task in fault.tasks)


@cache
def twins() -> dict[str, tuple[Fault, Task]]:
    """By name each healthy twin, and one fault that has it: twins of a name are alike."""
    found: dict[str, tuple[Fault, Task]] = {}
    for fault, task in pairs():
        found.setdefault(twin_name(fault, task), (fault, task))
    return found


@cache
def twin_name(fault: Fault, task: Task) -> str:
    return fault.healthy(task, 0).name


def fault_and_task(case: Case) -> tuple[Fault, Task]:
    """What `case`, broken or a twin, is made of."""
    if case.kind is Kind.TWIN:
        return twins()[case.name]
    return next(
        (fault, task)
        for fault, task in pairs()
        if (fault.name(), task.name) == (case.name, case.task)
    )


def every_case(seeds: Iterable[int], *, is_quick: bool = False) -> tuple[Case, ...]:
    """All cases, seed by seed; the quick ones are a task for each fault and part of the corpus.

    The quick ones of a seed come first, then the rest of the corpus, then the faults in their
    other tasks: a run that is stopped has seen something of everything.
    """
    return tuple(
        case
        for seed in seeds
        for case in dict.fromkeys((*_quick(seed), *(() if is_quick else _whole(seed))))
    )


def _quick(seed: int) -> Iterator[Case]:
    firsts = [(fault, task) for fault, task in pairs() if task.name == fault.tasks[0].name]
    wanted = {twin_name(fault, task) for fault, task in firsts}
    yield from (Case(Kind.BROKEN, fault.name(), task.name, seed) for fault, task in firsts)
    yield from (each for each in _twins(seed) if each.name in wanted)
    names = sorted(all_healthy_trainings())[::QUICK_SHARE]
    yield from (Case(Kind.HEALTHY, name, "", seed) for name in names)


def _whole(seed: int) -> Iterator[Case]:
    yield from (Case(Kind.HEALTHY, name, "", seed) for name in all_healthy_trainings())
    yield from _twins(seed)
    yield from (Case(Kind.BROKEN, fault.name(), task.name, seed) for fault, task in pairs())


def _twins(seed: int) -> Iterator[Case]:
    for name, (_, task) in twins().items():
        yield Case(Kind.TWIN, name, task.name, seed)
