"""Sigmoid or tanh units driven into their flat ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LayerFact, RunRecord
from defib.records.series import Series
from defib.rules.base import PreflightRule, Rule
from defib.rules.failure import is_failing
from defib.rules.fit import is_harmed_at_start


@final
@dataclass(frozen=True)
class SaturatedActivation(Rule, PreflightRule):
    """Sigmoid or tanh units driven into their flat ends.

    ## What it detects
    A hidden layer more than `max_fraction` of whose sigmoid or tanh outputs are saturated
    at each of the last `patience` recorded steps, in a training that fails.

    ## Why it matters
    The gradient of a saturated unit is multiplied by a derivative near zero: neither the
    layer nor those below it learn. Replacing sigmoid by tanh does not help, since
    tanh(z) = 2 sigmoid(2 z) - 1.

    ## How it is measured
    `saturated_fraction` (dimensionless, in [0, 1]): entries whose derivative is below
    2.66 % of its maximum, which is |z| >= 5 for sigmoid and 2.5 for tanh. Before the first step: at
    the first batch, where the first loss is far too high or a copy learns that batch badly.

    ## Known false positives
    Well trained tanh and sigmoid networks saturate because they are sure: a training that
    succeeds is not reported.

    ## What to change
    Standardise the input, use Glorot initialisation, lower the learning rate if the units
    saturated during training, or use ReLU.

    ## References
    - Wardat, Cruz, Le, Rajan, *DeepDiagnosis* (2022): |z| >= 5 for more than half.
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010).
    """

    severity = Severity.ERROR
    requires = ("saturated_fraction",)
    requires_preflight = ("saturated_fraction", "fit_loss")
    explains = (
        "vanishing-gradient",
        "loss-plateau",
        "zero-gradient",
        "constant-output",
        "too-few-epochs",
        "initial-loss-off",
        "learning-rate-too-high",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("glorot-initialization", "relu", "lower-learning-rate")

    max_fraction: float = 0.5
    """Fraction of entries, in [0, 1]. Source: DeepDiagnosis."""
    patience: int = 3
    """Consecutive recorded steps."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for layer, series in run.by_layer("saturated_fraction"):
            fact = run.layer(layer) or LayerFact(layer, "")
            flat = series.final_stretch_above(self.max_fraction)
            if len(flat) >= self.patience and is_failing(run, fact.optimizer):
                yield self._finding(fact, series, flat)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if not is_harmed_at_start(record):
            return
        for layer, fraction in record.of("saturated_fraction").items():
            if fraction > self.max_fraction:
                fact = record.facts.layer(layer) or LayerFact(layer, "")
                yield self.found(
                    f"{fraction:.0%} of the {fact.activation or 'activation'} outputs after "
                    f"`{layer}` are saturated at the first batch (limit {self.max_fraction:.0%}).",
                    "Standardise the input and use Glorot initialisation, or ReLU.",
                    layer=layer,
                    site=fact.site,
                    evidence={"saturated_fraction": fraction},
                )

    def _finding(self, fact: LayerFact, series: Series, flat: Series) -> Finding:
        was_born = flat.steps[0] == series.steps[0]
        return Finding(
            rule=self.name(),
            severity=self.severity,
            layer=fact.name,
            site=fact.site,
            steps=(int(flat.steps[0]), int(flat.steps[-1])),
            message=f"{flat.last:.0%} of the {fact.activation or 'activation'} outputs after "
            f"`{fact.name}` are saturated since step {flat.steps[0]} (limit "
            f"{self.max_fraction:.0%}), and the loss does not fall.",
            evidence={
                "saturated_fraction": flat.last,
                "saturated_fraction_at_start": series.first,
            },
            remedy="Standardise the input and use Glorot initialisation, or ReLU."
            if was_born
            else "Lower the learning rate (divide it by 3 to 10) or use ReLU.",
            fixes=self.fixes[:2] if was_born else self.fixes[::-1],
        )
