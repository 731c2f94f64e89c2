"""Gradients of earlier steps that are added to those of the present one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.records.site import Site
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import is_harmed


@final
@dataclass(frozen=True)
class MissingZeroGrad(Rule, PreflightRule):
    """Gradients of earlier steps that are added to those of the present one.

    ## What it detects
    A gradient that is not empty when the first `backward` of a step begins, and is not set to
    zero before a later one of the step, at nearly every recorded step.

    ## Why it matters
    PyTorch adds gradients up. Without `zero_grad` each step follows the sum of all
    gradients since the start: a momentum that never decays. It overshoots, and the longer
    the training the more.

    ## How it is measured
    `carried_gradient_ratio` (dimensionless): norm of the gradient that is left over when
    the first backward of a step begins, or of what is there when a later one begins if that is
    less, relative to the gradient that the step used. It is exactly 0 where `zero_grad` was
    called, and about 1 where it never is. Accumulating the gradients of several batches for one
    step leaves it at 0, and so does an adversarial attack that calls `backward` before
    `zero_grad`. Before the first step
    (`named_in_code`): no code of the user's, which calls `backward` itself, names `zero_grad` or
    touches a `grad`.

    ## Known false positives
    None known of a training; before the first step, a script that trains for one step only, or
    leaves the gradients to a helper of a package.

    ## What to change
    Call `optimizer.zero_grad()` once for each step, before `backward`.

    ## References
    - PyTorch documentation, *Zeroing out gradients in PyTorch* (recipe).
    """

    severity = Severity.ERROR
    requires = ("carried_gradient_ratio",)
    requires_preflight = ("named_in_code",)
    explains = (
        "learning-rate-too-high",
        "exploding-gradient",
        "loss-divergence",
        "non-finite-value",
        "loss-plateau",
        "dead-relu",
        "constant-output",
    )
    fixes = ("add-zero-grad",)

    max_ratio: float = 0.1
    """Median of the carried over the used gradient, dimensionless. A correct loop has 0 and
    a forgotten call about 1, or 1/2 for a gradient that has just begun to add up."""
    min_share: float = 0.8
    """Share of the recorded steps with anything carried over, in [0, 1]: a loop that
    forgets the call on some path only is left alone, as its effect is small."""
    min_samples: int = 3
    """Recorded steps below which the rule does not judge."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        places = record.of("named_in_code")
        if places.get("step", 0.0) == 0:
            raise CannotJudge("the script takes no step of its own")
        if max(places.get(name, 0.0) for name in ("zero_grad", "grad")) == 0:
            optimizer = record.loss.optimizer if record.loss else ""
            yield self.found(
                "The script calls `backward` and `step`, and its code names `zero_grad` 0 times "
                "(limit at least 1): gradients of all steps add up.",
                "Call `optimizer.zero_grad()` once for each step, before `backward`.",
                severity=Severity.WARNING,
                site=record.facts.site_of_optimizer(optimizer),
            )

    def check(self, run: RunRecord) -> Iterator[Finding]:
        series = {name: every.finite() for name, every in run.of("carried_gradient_ratio").items()}
        judged = {name: each for name, each in series.items() if len(each) >= self.min_samples}
        if not judged:
            raise CannotJudge(f"fewer than {self.min_samples} recorded steps")
        for optimizer, carried in judged.items():
            share = float((carried.values > 0).mean())
            if share >= self.min_share and carried.median() > self.max_ratio:
                yield self._finding(run, optimizer, carried, share)

    def _finding(self, run: RunRecord, optimizer: str, carried: Series, share: float) -> Finding:
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_harmed(run, optimizer) else Severity.WARNING,
            site=_site(run, optimizer),
            steps=(int(carried.steps[0]), int(carried.steps[-1])),
            message=f"The gradient left over from the step before is {carried.median():.0%} of "
            f"the gradient that `{optimizer}` uses (limit {self.max_ratio:.0%}), since step "
            f"{carried.steps[0]}: nothing sets the gradients to zero.",
            evidence={"carried_gradient_ratio": carried.median(), "share_of_steps": share},
            remedy=f"Call `zero_grad()` of `{optimizer}` once for each step, before `backward()`.",
            fixes=self.fixes,
        )


def _site(run: RunRecord, optimizer: str) -> Site | None:
    fact, loss = run.optimizer(optimizer), run.loss_of(optimizer)
    return (fact.step_site if fact else None) or (loss.backward_site if loss else None)
