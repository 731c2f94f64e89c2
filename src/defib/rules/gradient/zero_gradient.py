"""Gradients that are exactly zero from the first step to the last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule

_EMPTY = Series.of([])


@final
@dataclass(frozen=True)
class ZeroGradient(Rule, PreflightRule):
    """Gradients that are exactly zero from the first step to the last.

    ## What it detects
    An optimiser whose parameters all have a gradient that is exactly zero, at each recorded step
    or at the first batch, although the loss depends on them.

    ## Why it matters
    Nothing is learnt: no step changes a weight, unless by weight decay. Something between the
    parameters and the loss is flat: `round`, `sign`, `floor` or a comparison, a clamp outside of
    its bounds, or a hinge that is nowhere active, as with a margin of the wrong sign.

    ## How it is measured
    `total_gradient_norm` of an optimiser (0 at all of at least `min_samples` steps); before the
    first step `gradient_norm` of each parameter, and a warning, since one batch tells less.

    ## Known false positives
    A reward or a margin that gives no signal yet: then the data, and no line of the code, must
    change. A pretrained network that meets all margins from the start.

    ## What to change
    Take what is flat out of the way from the parameters to the loss: probabilities in place of
    rounded answers, a margin that is added to what shall be smaller, predictions inside of the
    bounds of a clamp.

    ## References
    - PyTorch documentation, *Autograd mechanics*, gradients for non-differentiable functions:
      0 where a function is constant around a point.
    - Schroff, Kalenichenko, Philbin, *FaceNet* (2015), equation 1: the margin is added.
    """

    severity = Severity.ERROR
    requires = ("total_gradient_norm",)
    requires_preflight = ("gradient_norm",)
    explains = (
        "loss-plateau",
        "too-few-epochs",
        "underfitting",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "cannot-fit-one-batch",
        "input-not-used",
        "constant-output",
    )

    min_samples: int = 5
    """Recorded steps, at all of which the gradient must be zero; as in `ParameterUnchanged`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = False
        for optimizer in run.optimizers:
            norms = run.of("total_gradient_norm").get(optimizer.name, _EMPTY)
            if len(norms) < self.min_samples or not _is_reached(run, optimizer.name):
                continue
            judged = True
            if not norms.values.any():
                finding = self._finding(run, optimizer.name, f"{len(norms)} recorded steps")
                yield replace(finding, steps=(int(norms.steps[0]), int(norms.steps[-1])))
        if not judged:
            raise CannotJudge(f"fewer than {self.min_samples} recorded steps with gradients")

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        norms = record.of("gradient_norm")
        if record.loss is not None and norms and not any(norms.values()):
            finding = self._finding(record.facts, record.loss.optimizer, "the first batch")
            # A single batch may give no signal by chance, as before the first reward.
            yield replace(finding, severity=Severity.WARNING)

    def _finding(self, run: RunRecord, optimizer: str, when: str) -> Finding:
        loss = run.loss_of(optimizer)
        site = loss and (loss.site or loss.backward_site)
        return self.found(
            f"The gradient of every parameter of `{optimizer}` is exactly zero at {when} (limit: "
            "above 0), although the loss depends on them.",
            "Look between the network and the loss for what is flat: `round`, `sign`, a "
            "comparison, a clamp outside of its bounds, a margin of the wrong sign.",
            site=site or run.site_of_optimizer(optimizer),
            evidence={"total_gradient_norm": 0.0},
        )


def _is_reached(run: RunRecord, optimizer: str) -> bool:
    return any(each.reached and each.optimizer == optimizer for each in run.parameters)
