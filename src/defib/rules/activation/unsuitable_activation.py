"""A non-linearity that turns the signal into a constant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LayerFact, RunRecord
from defib.records.series import Series
from defib.rules.base import NO_STEPS, PreflightRule, Rule
from defib.rules.failure import is_failing
from defib.rules.fit import fits_badly

POSITIVE_KINDS = ("sigmoid", "hardsigmoid", "softplus")
"""Non-linearities whose output at zero input is not zero: only these make a constant of a
weak signal, others pass it on as a weak one."""


@final
@dataclass(frozen=True)
class UnsuitableActivation(Rule, PreflightRule):
    """A non-linearity that turns the signal into a constant.

    ## What it detects
    A hidden layer whose outputs, in a training that fails from its start, hardly depend on
    the input: their standard deviation over the batch is less than `min_signal` of their
    mean, although the batch itself varies.

    ## Why it matters
    What the next layer receives is then nearly a constant. Sigmoids do this by their form:
    their outputs lie around 1/2, and their slope of at most 1/4 shrinks the signal once in
    each layer, and the gradient again on the way back. All inputs of the next layer are
    positive, so the gradients of each of its units share one sign, and descent zig-zags.

    ## How it is measured
    `activation_batch_std` relative to `activation_mean` (dimensionless): at the recorded
    steps of the first half of the run, in the median. The input's own ratio must be at
    least ten times larger. Before the first step: at the first batch, where a copy does not
    learn it.

    ## Known false positives
    Gates and attention weights that are meant to be nearly constant; a training that
    succeeds is not reported.

    ## What to change
    Use ReLU (with He initialisation), GELU or, if the output must be bounded, tanh, whose
    outputs are centred; or put a normalisation layer before the non-linearity.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 4.4: sigmoids that are
      not symmetric about the origin slow learning down.
    - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural
      networks* (2010): hidden sigmoid layers.
    """

    severity = Severity.ERROR
    requires = ("activation_batch_std", "activation_mean", "input_std")
    requires_preflight = ("activation_batch_std", "activation_mean", "input_std", "fit_loss")
    explains = (
        "loss-plateau",
        "too-few-epochs",
        "vanishing-gradient",
        "constant-output",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("relu", "tanh", "batch-normalization")

    min_signal: float = 0.1
    """Standard deviation over the batch relative to the mean, dimensionless. Two layers of
    100 sigmoids have 0.03 at the start, ReLU layers 0.5 and more; calibrated on the healthy
    twins of the fault corpus, `benchmarks/calibration.py`."""
    min_samples: int = 5
    """Recorded steps."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if self._input_signal(run) < 10 * self.min_signal:
            return
        worst: tuple[float, str] | None = None
        for layer, spread in run.by_layer("activation_batch_std"):
            signal = self._signal(run, layer, spread)
            if signal is not None and (worst is None or signal < worst[0]):
                worst = (signal, layer)
        if worst is not None and worst[0] < self.min_signal:
            yield self._finding(run, *worst)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        enough = self._input_signal(record.first_step) >= 10 * self.min_signal
        if not enough or not fits_badly(record):
            return
        signals = {
            layer: spread / abs(mean)
            for layer, spread in record.of("activation_batch_std").items()
            if (fact := record.facts.layer(layer)) is not None
            and fact.activation in POSITIVE_KINDS
            and not fact.feeds_loss
            and spread > 0
            and (mean := record.of("activation_mean").get(layer, 0.0))
        }
        layer = min(signals, key=lambda each: signals[each], default="")
        if layer and signals[layer] < self.min_signal:
            yield replace(self._finding(record.facts, signals[layer], layer), steps=NO_STEPS)

    def _signal(self, run: RunRecord, layer: str, spread: Series) -> float | None:
        fact = run.layer(layer) or LayerFact(layer, "")
        mean = run.of("activation_mean").get(layer)
        if fact.activation not in POSITIVE_KINDS:
            return None
        if mean is None or fact.feeds_loss or not is_failing(run, fact.optimizer):
            return None
        half = spread.between(0, run.steps // 2)
        if len(half) < self.min_samples or len(mean) != len(spread):
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = half.values / np.abs(mean.values[: len(half)])
        # Neither dead layers (0/0) nor outputs of single examples count.
        ratios = ratios[np.isfinite(ratios) & (half.values > 0)]
        return float(np.median(ratios)) if len(ratios) >= self.min_samples else None

    def _input_signal(self, run: RunRecord) -> float:
        """Standard deviation of the input relative to its mean; infinite where it has none."""
        [(layer, deviation)] = list(run.of("input_std").items())[:1]
        mean = run.of("input_mean").get(layer)
        size = abs(mean.median()) if mean is not None else 0.0
        return deviation.median() / size if size > 0 else float("inf")

    def _finding(self, run: RunRecord, signal: float, layer: str) -> Finding:
        fact = run.layer(layer) or LayerFact(layer, "")
        kind = fact.activation or "activation"
        return Finding(
            rule=self.name(),
            severity=self.severity,
            layer=layer,
            site=fact.site,
            steps=(0, max(run.steps - 1, 0)),
            message=f"The {kind} outputs after `{layer}` are nearly constant: over a batch they "
            f"vary by {signal:.1%} of their mean (limit {self.min_signal:.0%}), since step 0.",
            evidence={"signal_relative_to_mean": signal},
            remedy=f"Replace the {kind} after `{layer}` (and in the layers like it) by ReLU with "
            "He initialisation, or by tanh.",
            fixes=self.fixes,
        )
