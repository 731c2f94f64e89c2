"""What a healthy training is, and how all of them are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, final

import torch
from torch import nn

import defib.healthy
from defib.faults.tasks import Task, set_up
from defib.healthy.steps import Step
from defib.training.loop import evaluate, train
from defib.training.setup import TrainingSetup


@final
@dataclass(frozen=True)
class Live:
    """A training that is ready to run.

    `train()` runs it. `error()` is what it is there to lower, in a unit of its own and above 0
    before the training: a loss on validation data, a share of wrong answers, a distance.
    """

    train: Callable[[], object]
    error: Callable[[], float]


def nothing(_: int) -> None:
    """No preparation."""


@final
@dataclass(frozen=True)
class HealthyTraining:
    """A training with which nothing is wrong: no rule may warn of it.

    `begin(seed)` makes everything anew. `prepare(seed)` is called before, unwatched: it trains
    what another training left behind.
    """

    begin: Callable[[int], Live]
    prepare: Callable[[int], object] = nothing
    max_ratio: float = 0.8
    """Error after the training over error before it: what is above has not learnt."""


def of(
    task: Task,
    make_step: Callable[[TrainingSetup], Step] | None = None,
    *,
    max_ratio: float = 0.8,
    **changes: Any,  # fields of `Task`
) -> HealthyTraining:
    """The training of `task` with `changes`; `make_step` makes its step."""
    changed = replace(task, **changes)

    def begin(seed: int) -> Live:
        setup = set_up(changed, seed)
        if make_step is not None:
            setup = replace(setup, step=make_step(setup))
        return Live(lambda: train(setup), lambda: validation_loss(setup))

    return HealthyTraining(begin, max_ratio=max_ratio)


def with_start(task: Task, start: Callable[[nn.Module], None]) -> Task:
    """`task` with `start` applied to the whole network after it was made."""

    def network() -> nn.Module:
        made = task.network()
        start(made)
        return made

    return replace(task, network=network)


def validation_loss(setup: TrainingSetup) -> float:
    """The set-up's own loss on its validation data, in evaluation mode."""
    loss = evaluate(setup)
    assert loss is not None
    return float(loss)


@cache
def all_healthy_trainings() -> Mapping[str, HealthyTraining]:
    """Every healthy training by its name: what the files of the package call `TRAININGS`.

    Raises `ValueError` where two have the same name.
    """
    found: dict[str, HealthyTraining] = {}
    for name in kinds():
        trainings = trainings_of(name)
        if twice := found.keys() & trainings.keys():
            raise ValueError(f"Two healthy trainings are called {', '.join(sorted(twice))}.")
        found |= trainings
    return dict(sorted(found.items()))


@cache
def kinds() -> tuple[str, ...]:
    """The files that hold healthy trainings, by name."""
    modules = [each.name for each in pkgutil.iter_modules(defib.healthy.__path__)]
    return tuple(each for each in modules if trainings_of(each))


def trainings_of(kind: str) -> Mapping[str, HealthyTraining]:
    """The healthy trainings in the file `kind`, empty where it holds none."""
    return getattr(importlib.import_module(f"defib.healthy.{kind}"), "TRAININGS", {})


def kind_of(name: str) -> str:
    """The file that holds the healthy training `name`."""
    return next(kind for kind in kinds() if name in trainings_of(kind))


def no_gradient(measure: Callable[[], Any]) -> Callable[[], float]:
    """`measure` as a float, computed without a graph."""

    def measured() -> float:
        with torch.no_grad():
            return float(measure())

    return measured
