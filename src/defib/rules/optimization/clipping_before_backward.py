"""Gradients that are clipped before they exist."""

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
class ClippingBeforeBackward(Rule):
    """Gradients that are clipped before they exist.

    ## What it detects
    A clipping of gradients that always comes when no `backward` has run since the last step.

    ## Why it matters
    There is nothing to clip then: after `zero_grad` the gradients are empty, and after `step`
    they were used already. The optimiser gets them in full size, and the training has not the
    guard that the script believes in.

    ## How it is measured
    The first 6 calls of `torch.nn.utils.clip_grad_norm_` or `clip_grad_value_`, against the
    calls of `backward` and `step` before them. All must be in vain (limit 0 of 6).

    ## Known false positives
    None known. Gradients that are not made by `backward` are another finding.

    ## What to change
    Call it between `backward()` and `step()`; with a gradient scaler, after `unscale_`.

    ## References
    - PyTorch documentation, `torch.nn.utils.clip_grad_norm_` and *CUDA Automatic Mixed Precision
      examples*: working with unscaled gradients.
    """

    severity = Severity.ERROR
    explains = (
        "exploding-gradient",
        "learning-rate-too-high",
        "loss-divergence",
        "non-finite-value",
        "loss-spike",
        "loss-plateau",
        "dead-relu",
        "constant-output",
        "saturated-activation",
    )
    fixes = ("clip-after-backward",)

    min_calls: int = 6
    """Calls that must all be in vain: a loop that is wrong is so in each of its steps."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        kinds = {event.kind for event in run.events}
        if "gradient-clipping" not in kinds:
            raise CannotJudge("no gradient was clipped by `torch.nn.utils`")
        if run.coverage.backward_calls == 0:
            raise CannotJudge("no call of `backward` was seen")
        for event in run.events:
            calls = float(event.detail.get("calls", 0.0))
            if event.kind == "clipping-without-backward" and calls >= self.min_calls:
                failing = any(is_failing(run, each.name) for each in run.optimizers)
                finding = self.found(
                    f"The gradients were clipped {calls:.0f} times when there were none (limit 0), "
                    "since step 0: no `backward` ran between the last step and the clipping.",
                    "Clip between `backward()` and `step()`.",
                    severity=Severity.ERROR if failing else Severity.WARNING,
                    site=event.site,
                    evidence={"calls_without_gradient": calls},
                )
                yield replace(finding, steps=(0, max(run.steps - 1, 0)))
