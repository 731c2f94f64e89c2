"""A momentum that remembers far too long, or an average that forgets at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import OptimizerFact, RunRecord
from defib.rules.base import NO_STEPS, CannotJudge, PreflightRule, Rule
from defib.rules.fit import severity_at_start
from defib.rules.harm import learns_little, severity_by_harm


@final
@dataclass(frozen=True)
class ExtremeMomentum(Rule, PreflightRule):
    """A momentum that remembers far too long, or an average that forgets at once.

    ## What it detects
    A momentum, or a first beta of Adam, above `max_momentum`; or a second beta below `min_decay`.

    ## Why it matters
    A momentum of m follows the mean of the last 1 / (1 - m) gradients: above 0.99 that is more
    than a hundred, most of them of other weights, and the training overshoots and swings. With
    SGD it also multiplies the learning rate by 1 / (1 - m). A second beta below 0.9 divides by
    the size of a handful of gradients, so that the steps are as noisy as these. The usual slip
    is `betas=(0.999, 0.9)`, the wrong way round.

    ## How it is measured
    The numbers with which the optimiser was made: `momentum` and `betas`, dimensionless.

    Before the first step it is a warning where
    the two betas look swapped; else as severe as the fit of the first batch is bad.

    ## Known false positives
    Very large batches with a momentum that was tuned; information while the training learns.

    ## What to change
    Momentum 0.9, `betas=(0.9, 0.999)`.

    ## References
    - Kingma, Ba, *Adam* (2015), section 2: 0.9 and 0.999.
    - Sutskever, Martens, Dahl, Hinton, *On the importance of initialization and momentum in deep
      learning* (2013): up to 0.99, and less towards the end.
    """

    severity = Severity.ERROR
    requires = ("loss",)
    explains = (
        "learning-rate-too-high",
        "loss-divergence",
        "exploding-gradient",
        "loss-plateau",
        "loss-spike",
        "dead-relu",
        "constant-output",
        "too-few-epochs",
        "non-finite-value",
        "class-imbalance",
        "underfitting",
        "cannot-fit-one-batch",
    )
    fixes = ("default-momentum",)

    max_momentum: float = 0.99
    """Momentum or first beta, in [0, 1). Source: Sutskever et al. (2013)."""
    min_decay: float = 0.9
    """Second beta, in [0, 1): the lowest that published trainings use (WGAN-GP)."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        known = [each for each in run.optimizers if _settings(each)]
        if not known:
            raise CannotJudge("no optimizer has a momentum")
        for optimizer in known:
            for name, value in _settings(optimizer).items():
                problem = self._problem(name, value)
                if problem:
                    yield self._finding(run, optimizer, name, problem)
                    break

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for finding in self.check(record.facts):
            settings = record.facts.optimizers[0].hyperparameters
            is_swapped = settings.get("betas[0]", 0.0) > settings.get("betas[1]", 1.0)
            severity = Severity.WARNING if is_swapped else severity_at_start(record)
            yield replace(finding, severity=severity, steps=NO_STEPS)

    def _problem(self, name: str, value: float) -> str:
        if name == "betas[1]":
            return f"below {self.min_decay:g}" if 0 < value < self.min_decay else ""
        return f"above {self.max_momentum:g}" if value > self.max_momentum else ""

    def _finding(
        self, run: RunRecord, optimizer: OptimizerFact, name: str, problem: str
    ) -> Finding:
        settings = _settings(optimizer)
        first, second = settings.get("betas[0]", 0.0), settings.get("betas[1]", 1.0)
        is_swapped = first > second
        finding = self.found(
            f"`{name}` of `{optimizer.name}` is {settings[name]:g} since step 0 (limit: not "
            f"{problem})"
            + (" and the two betas look swapped." if is_swapped else ".")
            + (" The loss hardly falls." if learns_little(run, optimizer.name) else ""),
            f"Use `betas=({second:g}, {first:g})`."
            if is_swapped
            else "Use a momentum of 0.9, or `betas=(0.9, 0.999)`.",
            severity=severity_by_harm(run, optimizer.name),
            site=optimizer.site,
            evidence=settings,
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))


def _settings(optimizer: OptimizerFact) -> dict[str, float]:
    names = ("momentum", "betas[0]", "betas[1]")
    known = optimizer.hyperparameters
    return {name: known[name] for name in names if known.get(name, 0.0) > 0}
