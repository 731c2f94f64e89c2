"""A learning rate below zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.rules.base import PreflightRule, Rule
from defib.rules.course import is_harmed
from defib.rules.learning_rate import learning_rates


@final
@dataclass(frozen=True)
class NegativeLearningRate(Rule, PreflightRule):
    """A learning rate below zero.

    ## What it detects
    A learning rate that is negative at a recorded step.

    ## Why it matters
    The optimiser then climbs the loss instead of descending it, and undoes what it has learnt.
    PyTorch refuses a negative rate when an optimiser is made, but not one that a schedule sets:
    a linear decay that runs on beyond its end, a cosine over too few steps.

    ## How it is measured
    `learning_rate` of the first parameter group, at each recorded step: fully recorded are the
    first 5 steps, 10, 20, 40, ..., at least one in 1,000, and those around a jump of the loss.

    ## Known false positives
    None known: to climb on purpose there is `maximize=True`.

    ## What to change
    Let the schedule end where the training ends, or hold the rate at a floor above 0.

    ## References
    - PyTorch documentation, `torch.optim.lr_scheduler.LambdaLR`: the factor is not checked.
    """

    severity = Severity.ERROR
    requires = ("learning_rate",)
    requires_preflight = ("learning_rate",)
    explains = (
        "learning-rate-too-high",
        "loss-divergence",
        "exploding-gradient",
        "loss-plateau",
        "cannot-fit-one-batch",
    )
    fixes = ("mend-schedule",)

    min_rate: float = 0.0
    """Learning rate, unit of the optimiser, below which a rate climbs: by definition."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for optimizer in run.of("learning_rate"):
            rates = learning_rates(run, optimizer)
            negative = rates.between(0, run.steps)
            below = [
                (int(step), float(rate))
                for step, rate in zip(negative.steps, negative.values, strict=True)
                if rate < self.min_rate
            ]
            if below:
                first, last = below[0], below[-1]
                finding = self.found(
                    f"The learning rate of `{optimizer}` is negative since step {first[0]} "
                    f"({last[1]:.3g} at step {last[0]}, limit {self.min_rate:g}): the steps climb "
                    "the loss.",
                    "Let the schedule end where the training ends, or keep it above 0: "
                    "`max(0.0, ...)` in a `LambdaLR`.",
                    severity=Severity.ERROR if is_harmed(run, optimizer) else Severity.WARNING,
                    site=run.site_of_optimizer(optimizer),
                    evidence={"learning_rate": last[1], "learning_rate_at_start": rates.first},
                )
                yield replace(finding, steps=(first[0], last[0]))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for optimizer, rate in record.of("learning_rate").items():
            if rate < self.min_rate:
                yield self.found(
                    f"The learning rate of `{optimizer}` is {rate:.3g} (limit {self.min_rate:g}): "
                    "the steps climb the loss.",
                    "Make the learning rate positive.",
                    site=record.facts.site_of_optimizer(optimizer),
                    evidence={"learning_rate": rate},
                )
