"""Weight decay that enters the gradient which Adam divides by its own size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule


@final
@dataclass(frozen=True)
class DecayInsideAdam(PreflightRule):
    """Weight decay that enters the gradient which Adam divides by its own size.

    ## What it detects
    An optimiser with weight decay that moves a weight without a gradient by more than learning
    rate times decay.

    ## Why it matters
    Added to the gradient (L2), the decay is divided by the gradient's usual size: weights with
    small gradients are pulled far harder than meant, those with large ones hardly. The setting
    does not mean what it says, and does not carry over from SGD or AdamW.

    ## How it is measured
    `decay_pull` (dimensionless): a copy of the optimiser steps a weight of 1 whose gradient is
    0; the distance over learning rate times weight decay. 1 for SGD and AdamW, 2 with Nesterov's
    momentum, 1 / weight decay for Adam.

    ## Known false positives
    A decay that was tuned for Adam: information only.

    ## What to change
    `torch.optim.AdamW`, whose decay is separate; its values are larger (1e-2 to 1e-1).

    ## References
    - Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (2019).
    """

    severity = Severity.INFO
    requires_preflight = ("decay_pull",)

    max_pull: float = 3.0
    """Distance over learning rate times decay, dimensionless: between the 2 of SGD with
    Nesterov's momentum and the 10 of Adam with a decay of 0.1."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        pulls = {name: each for name, each in record.of("decay_pull").items() if each == each}
        if not pulls:
            raise CannotJudge("no optimizer has a weight decay")
        for group, pull in pulls.items():
            if pull > self.max_pull:
                yield self.found(
                    f"The weight decay of `{group}` moves a weight without a gradient by "
                    f"{pull:.3g} "
                    f"times learning rate times decay (limit {self.max_pull:g} times): it is "
                    "divided by the size of the gradients.",
                    "Use `torch.optim.AdamW`, whose decay is separate.",
                    site=record.facts.site_of_optimizer(group.partition("[")[0]),
                    evidence={"decay_pull": pull},
                )
