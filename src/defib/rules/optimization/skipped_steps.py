"""Steps that a gradient scaler leaves out, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.failure import is_failing


@final
@dataclass(frozen=True)
class SkippedSteps(Rule):
    """Steps that a gradient scaler leaves out, again and again.

    ## What it detects
    A gradient scaler that skipped more than `max_share` of the steps.

    ## Why it matters
    A scaler skips a step whose gradients are not finite and lowers its scale: a few times at
    the start, then about once in 2,000 steps. Where it happens all the time, the scale is not
    the reason: an input, an activation or the loss is not finite or beyond 65,504, the largest
    number in float16. Those batches teach nothing, the scale sinks until gradients underflow,
    and no error is ever raised.

    ## How it is measured
    Steps that `GradScaler.step` left out, over all steps; the first `warm_up` do not count.

    ## Known false positives
    Short runs that start from a very high scale.

    ## What to change
    Look for `nan` in the data; compute the part that overflows in float32, or use bfloat16, which
    needs no scaler.

    ## References
    - PyTorch documentation, `torch.amp.GradScaler`: growth interval of 2,000 steps.
    - Micikevicius et al., *Mixed Precision Training* (2018), section 3.2.
    """

    severity = Severity.ERROR
    explains = (
        "non-finite-value",
        "loss-plateau",
        "too-few-epochs",
        "learning-rate-too-low",
        "loss-divergence",
    )
    fixes = ("clean-data", "bfloat16")

    max_share: float = 0.1
    """Share of all steps, in [0, 1]: 200 times what a growth interval of 2,000 steps explains."""
    warm_up: int = 20
    """Skipped steps that a start from a high scale explains: 65,536 is halved 16 times."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        skipped = [event for event in run.events if event.kind == "skipped-step"]
        if run.steps == 0:
            raise CannotJudge("no step was taken")
        late = skipped[self.warm_up :]
        share = len(skipped) / (run.steps + len(skipped))
        if late and share > self.max_share:
            failing = any(is_failing(run, each.name) for each in run.optimizers)
            finding = self.found(
                f"The gradient scaler skipped {len(skipped)} of {run.steps + len(skipped)} steps "
                f"({share:.0%}, limit {self.max_share:.0%}), since step {skipped[0].step}: their "
                "gradients were not finite.",
                "Look for `nan` in the data, and for what exceeds 65,504 in float16: compute it in "
                "float32, or use bfloat16 without a scaler.",
                severity=Severity.ERROR if failing else Severity.WARNING,
                site=next((each.step_site for each in run.optimizers), None),
                evidence={"skipped_steps": float(len(skipped)), "share_of_steps": share},
            )
            yield replace(finding, steps=(skipped[0].step, max(run.steps - 1, skipped[-1].step)))
