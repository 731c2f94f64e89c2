"""Changing the learning rate of every step, whatever the script and its schedule set."""

from __future__ import annotations

from collections.abc import Callable

from torch.optim import Optimizer

from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.rules.learning_rate import healthy_rate, rate_at, usual_over_first_step
from defib.rules.weights import largest_steps


def scale_learning_rate(
    training: LiveTraining, factor_of: Callable[[int], float], what: str
) -> None:
    """Multiply the learning rate of step n (from 0, by optimiser) with `factor_of(n)`.

    Only during the step: schedules, and whatever the script prints, see their own rate.
    """
    steps: dict[int, int] = {}
    own: dict[int, list[object]] = {}

    def lower(optimizer: Optimizer) -> None:
        number = steps.get(id(optimizer), 0)
        steps[id(optimizer)] = number + 1
        factor = factor_of(number)
        own[id(optimizer)] = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * factor
        if factor != 1:
            training.did(what)

    def put_back(optimizer: Optimizer) -> None:
        rates = own.pop(id(optimizer), [])
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    training.before_step(lower)
    training.after_step(put_back)


def optimizer_of(record: RunRecord, finding: Finding) -> str:
    """The optimiser that the finding is about, or the first one; empty if none was seen."""
    for fact in record.optimizers:
        if fact.name == finding.layer or (finding.site and fact.site == finding.site):
            return fact.name
    return record.optimizers[0].name if record.optimizers else ""


def first_rate(record: RunRecord, finding: Finding) -> float:
    """The learning rate at which the optimiser of the finding began; `nan` if unknown."""
    return rate_at(record, optimizer_of(record, finding), 0)


def healthy_factor(record: RunRecord, finding: Finding, *, ratio: float) -> float:
    """By what to multiply the learning rate for first steps of size `ratio` (dimensionless)."""
    optimizer = optimizer_of(record, finding)
    steps = largest_steps(record, optimizer)[:1]
    usual = ratio / usual_over_first_step(record, optimizer)
    rate = rate_at(record, optimizer, 0)
    return healthy_rate(record, optimizer, steps, ratio=usual) / rate if rate else float("nan")
