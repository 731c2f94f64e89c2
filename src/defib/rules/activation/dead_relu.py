"""ReLU units that output zero for every input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import PreflightRule, Rule
from defib.rules.trend import loss_trend


@final
@dataclass(frozen=True)
class DeadReLU(Rule, PreflightRule):
    """ReLU units that output zero for every input.

    ## What it detects
    A layer in which more than `max_fraction` of the ReLU units were zero on every example
    of a whole window of recorded batches, at each of the last `patience` recorded steps.

    ## Why it matters
    The incoming weights of such a unit receive no gradient; only momentum, weight decay
    or a change in earlier layers can revive it. A layer of which every unit is dead passes
    nothing on, and nothing below it learns.

    ## How it is measured
    `dead_unit_fraction` (dimensionless, in [0, 1]): units that were zero for all examples
    and positions of the last 5 recorded batches, divided by all units of the layer. Before the
    first step, over the first batch alone: only a layer that passes nothing on is reported.

    ## Known false positives
    Small batches that show little of the data; layers that are sparse by design.

    ## What to change
    Lower the learning rate if the units died during training, use He initialisation if
    they were dead from the start; leaky ReLU keeps a gradient in either case.

    ## References
    - Lu, Shin, Su, Karniadakis, *Dying ReLU and Initialization* (2019), arXiv:1903.06733.
    """

    severity = Severity.ERROR
    requires = ("dead_unit_fraction",)
    requires_preflight = ("dead_unit_fraction_at_start",)
    explains = (
        "constant-output",
        "loss-plateau",
        "zero-gradient",
        "vanishing-gradient",
        "loss-divergence",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
        "learning-rate-too-low",
    )
    fixes = ("lower-learning-rate", "he-initialization", "leaky-relu")

    max_fraction: float = 0.6
    """Fraction of units, in [0, 1]. Above what healthy runs of the fault corpus show."""
    blocked_fraction: float = 0.95
    """From this fraction on hardly anything passes the layer: severity error."""
    patience: int = 3
    """Consecutive recorded steps."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for layer, series in run.by_layer("dead_unit_fraction"):
            dead = series.final_stretch_above(self.max_fraction)
            if len(dead) >= self.patience:
                yield self._finding(run, layer, series, dead)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for layer, fraction in record.of("dead_unit_fraction_at_start").items():
            if fraction >= self.blocked_fraction:
                yield self.found(
                    f"{fraction:.0%} of the ReLU units after `{layer}` output zero for the whole "
                    f"first batch (limit {self.blocked_fraction:.0%}).",
                    "Use He initialisation with zero biases, or a leaky ReLU.",
                    layer=layer,
                    site=record.facts.site_of_layer(layer),
                    evidence={"dead_unit_fraction_at_start": fraction},
                )

    def _severity(self, run: RunRecord, layer: str, fraction: float) -> Severity:
        fact = run.layer(layer)
        trend = loss_trend(run, fact.optimizer) if fact else None
        is_learning = trend is not None and trend.is_learning
        if fraction >= self.blocked_fraction:
            return Severity.WARNING if is_learning else Severity.ERROR
        # A training that succeeds can spare the units: worth knowing, no harm.
        return Severity.INFO if is_learning else Severity.WARNING

    def _finding(self, run: RunRecord, layer: str, series: Series, dead: Series) -> Finding:
        born = dead.steps[0] == series.steps[0]
        since = "from the first steps on" if born else f"since step {dead.steps[0]}"
        return Finding(
            rule=self.name(),
            severity=self._severity(run, layer, dead.last),
            layer=layer,
            site=run.site_of_layer(layer),
            steps=(int(dead.steps[0]), int(dead.steps[-1])),
            message=f"{dead.last:.0%} of the ReLU units after `{layer}` output zero for every "
            f"input, {since} (limit {self.max_fraction:.0%}).",
            evidence={
                "dead_unit_fraction": dead.last,
                "dead_unit_fraction_at_start": series.first,
            },
            remedy="Use He initialisation with zero biases, or a leaky ReLU."
            if born
            else "Lower the learning rate (divide it by 3 to 10) or use a leaky ReLU.",
            fixes=self.fixes[1:] if born else self.fixes,
        )
