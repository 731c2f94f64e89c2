"""A loss that is summed over the batch instead of averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LossFact, RunRecord
from defib.rules.base import NO_STEPS, CannotJudge, PreflightRule, Rule
from defib.rules.fit import severity_at_start
from defib.rules.harm import severity_by_harm
from defib.rules.trend import summed_examples


@final
@dataclass(frozen=True)
class SummedLoss(Rule, PreflightRule):
    """A loss that is summed over the batch instead of averaged.

    ## What it detects
    A loss function with `reduction="sum"`, or one per example that is summed, whose result is
    divided by nothing before `backward`.

    ## Why it matters
    The gradient, and with it the step of SGD, is larger by the number of examples: a learning
    rate that is right for a mean is 32 times too high for a batch of 32. It also changes with
    the batch size, as do the meaning of weight decay and of a clipping limit.

    ## How it is measured
    The reduction that the autograd graph keeps with the loss function, and the operations
    between it and the tensor on which `backward` is called (limit 0 sums without a division).

    ## Known false positives
    Sums on purpose, with a learning rate that was chosen for them, and with Adam, which divides
    by the size of the gradient: information while the training learns.

    ## What to change
    Use `reduction="mean"`, or divide the loss by the number of examples.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): a loss that grows with the batch.
    - PyTorch documentation, `torch.nn.CrossEntropyLoss`: `reduction`.
    """

    severity = Severity.ERROR
    explains = (
        "learning-rate-too-high",
        "exploding-gradient",
        "loss-divergence",
        "loss-plateau",
        "non-finite-value",
        "dead-relu",
        "constant-output",
        "saturated-activation",
        "class-imbalance",
        "loss-spike",
        "initial-loss-off",
        "cannot-fit-one-batch",
    )
    fixes = ("average-loss",)

    min_examples: int = 2
    """Examples in a batch: of one, the sum is the mean."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if not run.losses:
            raise CannotJudge("no loss was read")
        for loss in run.losses:
            examples = summed_examples(run)
            if loss.reduction == "sum" and (examples is None or examples >= self.min_examples):
                yield self._finding(run, loss, examples)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for finding in self.check(record.first_step):
            yield replace(finding, severity=severity_at_start(record), steps=NO_STEPS)

    def _finding(self, run: RunRecord, loss: LossFact, examples: float | None) -> Finding:
        number = f"{examples:.0f} examples" if examples else "the examples of a batch"
        divisor = f"{examples:.0f}" if examples else "the number of examples"
        finding = self.found(
            f"The loss is the sum over {number} (limit: a mean) since step 0: its gradient is as "
            "many times larger as that of a mean.",
            f'Use `reduction="mean"`, or divide the loss by {divisor}.',
            severity=severity_by_harm(run, loss.optimizer),
            site=loss.site or loss.backward_site,
            evidence={"examples": examples or float("nan"), "loss": loss.kind},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))
