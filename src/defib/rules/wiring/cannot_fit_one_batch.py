"""A network that cannot learn even its first batch by heart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.fit import LEARNS_NOTHING, fit_of, require_fit

ATTEMPTS = ("own", "adam", "slower", "faster", "clipped", "reset")


@final
@dataclass(frozen=True)
class CannotFitOneBatch(PreflightRule):
    """A network that cannot learn even its first batch by heart.

    ## What it detects
    A training whose loss on one and the same batch does not fall, with whatever optimiser.

    ## Why it matters
    A batch of some dozens of examples can be learnt by heart by nearly every network. One that
    cannot has no path from the loss to its weights, gets no information from the input, or is
    compared with the wrong targets: no amount of data or of tuning helps.

    ## How it is measured
    `fit_loss` (unit of the loss): copies of the network are trained on the first batch for up
    to 200 steps, by a copy of the user's optimiser, by the same with the learning rate divided
    and multiplied by 30, with gradients clipped to norm 1, with the layers' own initial weights,
    and by Adam with 1e-3. The loss at the end (median of 10) must be below the limit for at least
    one of them: relative to the first, or to `best_constant_loss` if that is lower, so that
    learning how frequent the classes are does not count.

    ## Known false positives
    Losses that need not fall (adversarial), and noise that is larger than the fall.

    ## What to change
    Mend what explains this. If nothing does, look at the way from the output to the loss.

    ## References
    - Karpathy, *A Recipe for Training Neural Networks* (2019): overfit one batch.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023).
    """

    severity = Severity.ERROR
    requires_preflight = ("fit_loss",)
    is_symptom = True

    max_share: float = LEARNS_NOTHING
    """Loss at the end over the first one, or over that of the best constant prediction if that is
    lower, dimensionless: AutoTrainer and TheDeepChecker call a
    fall of less than 5 % none."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        own = require_fit(record)
        if own <= self.max_share:
            return
        if record.value("initial_loss") < 0.1 * record.value("constant_prediction_loss"):
            raise CannotJudge("the loss is small from the start")
        fits = [fit for name in ATTEMPTS if (fit := fit_of(record, name)) is not None]
        if len(fits) < 3:
            raise CannotJudge("too few other optimizers could be tried in the time")
        best = min(fits)
        if best > self.max_share:
            yield self.found(
                f"On the first batch alone the loss ends at {best:.0%} of its start, or of that of "
                f"a constant prediction, at best (limit {self.max_share:.0%}), in {len(fits)} "
                "trials with other optimizers, learning rates and initial weights.",
                "Mend what explains this; if nothing does, follow the output to the loss: shapes, "
                "targets, what is detached on the way.",
                site=record.loss.site if record.loss else None,
                evidence={"fit_of_own_optimizer": own, "best_fit": best},
            )
