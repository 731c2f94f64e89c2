"""A network that learns the same with and without its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule

TAIL = 5
"""Losses at the end whose median is compared."""


@final
@dataclass(frozen=True)
class InputNotUsed(PreflightRule):
    """A network that learns the same with and without its inputs.

    ## What it detects
    A loss on the first batch that falls no further with the inputs of the samples than with the
    input of one sample given to all of them, and that no optimiser makes fall below that.

    ## Why it matters
    What is learnt is a mean, or how frequent the classes are. Nothing of the input reaches the
    output: it is overwritten, multiplied by something near zero, or a constant by mistake.

    ## How it is measured
    `input_loss` (unit of the loss): losses of two copies over 40 steps, with the `real` inputs
    and with the `same` for every sample, by copies of the optimiser; the median of the last 5
    of the first over that of the second.

    ## Known false positives
    Networks that learn a mean first, and much later the rest: those are silent if the longer fit
    of the first batch succeeds.

    ## What to change
    Mend what explains this; else follow the input to the layer after which the samples no
    longer differ.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): input-independent baseline.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023).
    """

    severity = Severity.ERROR
    requires_preflight = ("input_loss", "fit_loss")
    explains = ("cannot-fit-one-batch", "loss-plateau")
    is_symptom = True

    max_gain: float = 0.02
    """Share of the loss without inputs by which that with them is lower, dimensionless."""
    max_best: float = 0.9
    """The lowest end of all fits over the loss without inputs, dimensionless, below which the
    inputs are used after all: what longer training makes of the same constant stays above."""
    max_end: float = 0.99
    """End of the loss over its start, dimensionless: a loss that does not fall is another fault."""
    min_fit_steps: int = 100
    """Steps of the longer fits, by the own optimiser and by Adam, that must not have learnt."""
    min_steps: int = 20
    """Steps below which the comparison says nothing."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        real, same = record.sequence("input_loss", "real"), record.sequence("input_loss", "same")
        if len(real) < self.min_steps or not all(map(isfinite, (*real, *same))):
            raise CannotJudge("too few steps, or a loss that is no number")
        fits = record.sequences["fit_loss"]
        end, without = median(real[-TAIL:]), median(same[-TAIL:])
        best = min(median(each[-TAIL:]) for each in fits.values())
        if best < self.max_best * without:
            return
        if min(len(fits.get(name, ())) for name in ("own", "adam")) < self.min_fit_steps:
            raise CannotJudge("no time was left for a longer fit with the inputs")
        if without > 0 and end >= (1 - self.max_gain) * without and end < self.max_end * real[0]:
            yield self.found(
                f"In {len(real)} steps on the first batch the loss falls to {end:.3g}, and to "
                f"{without:.3g} where every sample gets the input of the first one (limit "
                f"{1 - self.max_gain:.0%} of that).",
                "Follow the input to the layer after which the samples no longer differ.",
                site=record.loss.site if record.loss else None,
                evidence={"loss": end, "loss_without_inputs": without},
            )
