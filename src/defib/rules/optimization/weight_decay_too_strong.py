"""Weight decay that outweighs what the data say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import Rule
from defib.rules.harm import learns_little, severity_by_harm
from defib.rules.weights import trained_weights

_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class WeightDecayTooStrong(Rule):
    """Weight decay that outweighs what the data say.

    ## What it detects
    An optimiser with weight decay all of whose weight matrices shrank to less than
    `max_remaining` of their norm at the start, in a training that learns little.

    ## Why it matters
    Each step pulls the weights towards zero by a share of themselves. Where that is more than
    what the gradient adds, the weights and with them the outputs fade away: the network ends as
    a constant, or as one that is too weak to separate what it could.

    ## How it is measured
    `parameter_norm` of each weight matrix at the last recorded step over the first one, the
    largest of them, and `weight_decay` above 0. The force of the decay relative to that of the
    data is given where the optimiser adds it to the gradient: `weight_decay` * `parameter_norm`
    over `gradient_norm`, in the median; 2 by TheDeepChecker.

    ## Known false positives
    A decay that is right, in a training that fails for another reason and whose initial
    weights were far too large.

    ## What to change
    Divide the weight decay by 10 to 1000: 1e-5 to 1e-3 is usual with SGD and Adam, 0.01 to 0.1
    with AdamW, which multiplies it with the learning rate.

    ## References
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): decay over gradient of 2 and more.
    - Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (2019).
    """

    severity = Severity.ERROR
    requires = ("weight_decay", "parameter_norm", "loss")
    explains = (
        "loss-plateau",
        "constant-output",
        "vanishing-gradient",
        "dead-relu",
        "class-imbalance",
        "too-few-epochs",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "underfitting",
    )
    fixes = ("lower-weight-decay",)

    min_decay: float = 0.3
    """Weight decay, unit of the optimiser, up to which it is usual: vision transformers are
    trained with 0.3 (Steiner et al., 2022). With less, it is the learning rate that is wrong."""
    max_remaining: float = 0.5
    """Norm at the end over norm at the start, dimensionless, of the weight that kept most. Of
    49 healthy trainings with decay (`defib.healthy`) none has less than 1."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for optimizer, decays in run.of("weight_decay").items():
            decay = decays.median()
            weights = trained_weights(run, optimizer)
            kept = [share for weight in weights if (share := _kept(run, weight)) is not None]
            if not decay > self.min_decay or not kept or not max(kept) < self.max_remaining:
                continue
            if learns_little(run, optimizer):
                yield self._finding(run, optimizer, decay, max(kept))

    def _finding(self, run: RunRecord, optimizer: str, decay: float, kept: float) -> Finding:
        forces = [_force(run, weight, decay) for weight in trained_weights(run, optimizer)]
        force = max((each for each in forces if each == each), default=float("nan"))
        finding = self.found(
            f"With a weight decay of {decay:g}, all weight matrices of `{optimizer}` shrank to "
            f"{kept:.0%} of their norm or less (limit {self.max_remaining:.0%}) since step 0, and "
            "the loss hardly falls.",
            f"Lower the weight decay of `{optimizer}` from {decay:g} to {decay / 100:g} or less.",
            severity=severity_by_harm(run, optimizer),
            site=run.site_of_optimizer(optimizer),
            evidence={
                "weight_decay": decay,
                "largest_remaining_norm": kept,
                "largest_decay_over_gradient": force,
            },
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _kept(run: RunRecord, weight: ParameterFact) -> float | None:
    norm = run.of("parameter_norm").get(weight.name, _EMPTY).finite()
    return norm.last / norm.first if len(norm) > 1 and norm.first > 0 else None


def _force(run: RunRecord, weight: ParameterFact, decay: float) -> float:
    norm = run.of("parameter_norm").get(weight.name, _EMPTY).median()
    gradient = run.of("gradient_norm").get(weight.name, _EMPTY).median()
    return decay * norm / gradient if gradient > 0 else float("nan")
