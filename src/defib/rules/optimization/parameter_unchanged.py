"""Parameters that get a gradient and do not move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule
from defib.rules.harm import severity_by_harm
from defib.rules.weights import trained_weights, usual_gradients

_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class ParameterUnchanged(Rule):
    """Parameters that get a gradient and do not move.

    ## What it detects
    Weights in an optimiser that have a gradient and that none of the recorded steps changed by a
    single bit, although others move.

    ## Why it matters
    They stay as they were initialised. The usual reasons: their own parameter group has a
    learning rate of 0; or they are kept in half precision, where a step of less than 1/256
    (bfloat16) or 1/2048 (float16) of a weight is lost to rounding.

    ## How it is measured
    `update_ratio`, exactly 0 at each recorded step, while `gradient_norm` is above 0, and other
    weights of the same optimiser move. A gradient that is far smaller than theirs (root mean
    square, less than `min_gradient`) is another finding.

    ## Known false positives
    Groups that are held at a rate of 0 on purpose until a later stage: information while the
    training learns.

    ## What to change
    Give the group a learning rate; keep the weights in float32 and let `torch.autocast` compute
    in half precision.

    ## References
    - Micikevicius et al., *Mixed Precision Training* (2018), section 3.1: float32 master weights.
    - Amazon SageMaker Debugger, rule UnchangedTensor.
    """

    severity = Severity.ERROR
    requires = ("update_ratio", "gradient_norm")
    explains = ("loss-plateau", "too-few-epochs", "learning-rate-too-low", "underfitting")
    fixes = ("raise-learning-rate", "float32-weights")

    min_gradient: float = 1e-3
    """Root mean square gradient over the largest of the optimiser's weights, dimensionless; as in
    `VanishingGradient`."""
    min_samples: int = 5
    """Recorded steps, all of which must leave the weight as it is."""
    shown: int = 3
    """Names of parameters that a message lists."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = False
        for optimizer in run.optimizers:
            sizes = usual_gradients(run, optimizer.name)
            moving = [name for name in sizes if self._samples(run, name) and _moves(run, name)]
            if not moving:
                continue
            judged = True
            limit = self.min_gradient * max(sizes[name] for name in moving)
            still = [
                weight
                for weight in trained_weights(run, optimizer.name)
                if sizes.get(weight.name, 0.0) > limit
                and self._samples(run, weight.name)
                and not _moves(run, weight.name)
            ]
            if still:
                yield self._finding(run, optimizer.name, still)
        if not judged:
            raise CannotJudge(f"no weight moved at any of {self.min_samples} recorded steps")

    def _samples(self, run: RunRecord, name: str) -> bool:
        return len(run.of("update_ratio").get(name, _EMPTY)) >= self.min_samples

    def _finding(self, run: RunRecord, optimizer: str, still: list[ParameterFact]) -> Finding:
        names = ", ".join(f"`{each.name}`" for each in still[: self.shown])
        more = f" and {len(still) - self.shown} more" if len(still) > self.shown else ""
        finding = self.found(
            f"`{optimizer}` has not changed {names}{more} at any recorded step (limit 0 "
            "parameters), since step 0, though they have a gradient.",
            "Give their parameter group a learning rate above 0; if they are in half precision, "
            "keep them in float32 and use `torch.autocast`.",
            layer=still[0].layer,
            severity=severity_by_harm(run, optimizer),
            site=run.site_of_optimizer(optimizer),
            evidence={
                "parameters": float(len(still)),
                "elements": float(sum(each.size for each in still)),
            },
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _moves(run: RunRecord, name: str) -> bool:
    return bool(np.any(run.of("update_ratio").get(name, _EMPTY).values))
