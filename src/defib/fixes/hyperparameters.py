"""Changing what an optimiser was made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

from defib.fixes.live_training import LiveTraining
from defib.fixes.step_size import optimizer_of
from defib.records.finding import Finding
from defib.records.run import RunRecord


def set_hyperparameter(
    training: LiveTraining, key: str, new: Callable[[Any], Any], what: str
) -> None:
    """Have `group[key]` replaced by `new(group[key])` in every group before each first step.

    Groups without `key`, and those that have the new value already, are left alone.
    """
    known: set[int] = set()

    def change(optimizer: Optimizer) -> None:
        if id(optimizer) in known:
            return
        known.add(id(optimizer))
        for group in optimizer.param_groups:
            if key in group and new(group[key]) != group[key]:
                group[key] = new(group[key])
                training.did(what)

    training.before_step(change)


def hyperparameter(record: RunRecord, finding: Finding, key: str) -> float:
    """What the optimiser of the finding was made with; `nan` if that is not known."""
    fact = record.optimizer(optimizer_of(record, finding))
    return fact.hyperparameters.get(key, float("nan")) if fact else float("nan")
