"""Gradients of several batches that are added up and not averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import courses
from defib.rules.harm import severity_by_harm
from defib.rules.trend import accumulated_batches, constant_prediction_loss


@final
@dataclass(frozen=True)
class AccumulationNotAveraged(Rule):
    """Gradients of several batches that are added up and not averaged.

    ## What it detects
    Several `backward` calls in each step, the sum of whose losses begins at about as many times
    the loss of a constant prediction.

    ## Why it matters
    The gradient is as many times larger as it would be for the whole batch: so is the step of
    SGD, and its learning rate is no longer that of the batch size that was meant. A clipping
    limit and a weight decay change their meaning too.

    ## How it is measured
    Calls of `backward` over steps, k, at least `min_calls`. The first step's loss, summed over
    its calls, is nearer to k times the loss of a constant prediction than to that loss itself.

    ## Known false positives
    Losses of k different kinds that each have a `backward` of their own.

    ## What to change
    Divide each loss by the number of batches in a step before `backward`.

    ## References
    - PyTorch documentation, *CUDA Automatic Mixed Precision examples*: gradient accumulation.
    - Goyal et al., *Accurate, Large Minibatch SGD* (2017), section 3: the common pitfall.
    """

    severity = Severity.ERROR
    requires = ("loss",)
    explains = (
        "learning-rate-too-high",
        "exploding-gradient",
        "loss-divergence",
        "loss-plateau",
        "non-finite-value",
        "dead-relu",
        "constant-output",
        "class-imbalance",
    )
    fixes = ("divide-loss-by-accumulation",)

    min_calls: int = 3
    """Calls of `backward` in each step: with two, a loss of two parts would look the same."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if len(run.of("loss")) > 1:
            raise CannotJudge("several losses: calls of `backward` cannot be told apart")
        [course] = courses(run)
        calls = accumulated_batches(run, course.optimizer)
        baseline = constant_prediction_loss(run, course.optimizer)
        if calls < self.min_calls or baseline is None:
            return
        loss = run.loss_of(course.optimizer)
        first = float(course.losses.values[0])
        finding = self.found(
            f"{calls} calls of `backward` make a step (limit {self.min_calls - 1}), since step 0, "
            f"and their losses are added up, not averaged: the first is {first:.3g}, and a "
            f"constant prediction has {baseline / calls:.3g} for each batch.",
            f"Divide the loss by {calls} before `backward()`: `(loss / {calls}).backward()`.",
            severity=severity_by_harm(run, course.optimizer),
            site=loss.backward_site if loss else None,
            evidence={"backward_calls_per_step": float(calls), "first_loss": first},
        )
        yield replace(finding, steps=(0, course.last_step))
