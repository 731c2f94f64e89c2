"""Input features far from unit scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import LayerFact, RunRecord
from defib.records.series import Series
from defib.rules.base import PreflightRule, Rule
from defib.rules.data.training_loader import data_site
from defib.rules.failure import is_failing
from defib.rules.fit import fits_badly

_EMPTY = Series.of(())
INITIAL_HARM = 2.0
"""First loss over that of a constant prediction, dimensionless; as in `InitialLossOff`."""


@final
@dataclass(frozen=True)
class UnscaledInput(Rule, PreflightRule):
    """Input features far from unit scale.

    ## What it detects
    An input with a very large or very small feature, features of very different scale, or
    an offset much larger than its spread, in a training that fails.

    ## Why it matters
    The curvature of the loss along a first-layer weight grows with the square of the
    feature's scale, and the largest stable learning rate falls with it. One large feature
    makes the training diverge; beside it, and in a tiny input, the others hardly learn.

    ## How it is measured
    In the unit of the input, median over the recorded steps: `input_largest_scale` (largest
    root mean square of a feature), `input_scale_ratio` (largest over smallest standard
    deviation), `input_mean` / `input_std`. Features are columns, or channels of an image. Before
    the first step it is information, a warning where the first loss is twice that of a constant
    prediction, and an error where a copy cannot learn the first batch by heart.

    ## Known false positives
    A training that fails for another reason on an unscaled input that it could have coped
    with: the input is reported too. Networks whose first layer normalises are left alone,
    and so are layers behind frozen ones, which read features and no data, and any training
    that succeeds. An input of zeros is another fault.

    ## What to change
    Standardise each feature with the mean and standard deviation of the training set.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 4.3.
    - Schoop, Huang, Hartmann, *UMLAUT* (2021); torch-audit, rule TA301.
    """

    severity = Severity.ERROR
    requires = ("input_largest_scale",)
    requires_preflight = ("input_largest_scale",)
    explains = (
        "learning-rate-too-high",
        "dead-relu",
        "exploding-gradient",
        "non-finite-value",
        "saturated-activation",
        "loss-divergence",
        "constant-output",
        "loss-plateau",
        "vanishing-gradient",
        "initial-loss-off",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
        "learning-rate-too-low",
    )
    fixes = ("standardize-input",)

    max_scale: float = 10.0
    """Root mean square of a feature, unit of the input; 1 if standardised. At 10 the
    curvature is 100-fold (LeCun 1998), which default learning rates do not survive."""
    min_scale: float = 0.01
    """Root mean square of the largest feature, unit of the input: the curvature is 1e-4 of
    that of a standardised input (LeCun 1998)."""
    max_offset: float = 5.0
    """|mean| / standard deviation of the input, dimensionless: the curvature along the mean
    is 25 times that of the rest (LeCun 1998). Pixels in [0, 1] have about 2."""
    max_ratio: float = 100.0
    """Largest over smallest standard deviation of a feature, dimensionless: a condition
    number of 1e4 (LeCun 1998)."""
    dominant_scale: float = 3.0
    """Root mean square, unit of the input, from which a large ratio counts: the border
    pixels of standardised images hardly vary, and harm nothing. Calibrated on the healthy
    twins of the fault corpus, `benchmarks/calibration.py`."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for layer, scales in run.by_layer("input_largest_scale"):
            fact = run.layer(layer) or LayerFact(layer, "")
            if _is_exempt(run, fact) or not is_failing(run, fact.optimizer):
                continue
            problem = self._problem(run, layer, scales)
            if problem:
                yield self._finding(run, fact, scales, problem)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        run = record.first_step
        severity = Severity.INFO
        if record.value("initial_loss") > INITIAL_HARM * record.value("constant_prediction_loss"):
            severity = Severity.WARNING
        if fits_badly(record):
            severity = Severity.ERROR
        for layer, scales in run.by_layer("input_largest_scale"):
            fact = run.layer(layer) or LayerFact(layer, "")
            problem = "" if _is_exempt(run, fact) else self._problem(run, layer, scales)
            if problem:
                yield replace(self._finding(run, fact, scales, problem), severity=severity)

    def _problem(self, run: RunRecord, layer: str, scales: Series) -> str:
        scale = scales.median()
        name = _feature(run, layer)
        if scale > self.max_scale:
            return f"{name} has a root mean square of {scale:.3g} (limit {self.max_scale:g})"
        if 0 < scale < self.min_scale:
            return (
                f"even the largest feature has a root mean square of only {scale:.2g} (limit "
                f"{self.min_scale:g})"
            )
        offset = _offset(run, layer)
        if offset > self.max_offset:
            return (
                f"the mean is {offset:.3g} times the standard deviation (limit {self.max_offset:g})"
            )
        ratio = run.of("input_scale_ratio").get(layer, _EMPTY).median()
        if ratio > self.max_ratio and scale > self.dominant_scale:
            return (
                f"{name} (root mean square {scale:.3g}) varies {ratio:.3g} times as much as the "
                f"least varying one (limit {self.max_ratio:g})"
            )
        return ""

    def _finding(self, run: RunRecord, fact: LayerFact, scales: Series, problem: str) -> Finding:
        first, last = int(scales.steps[0]), int(scales.steps[-1])
        return Finding(
            rule=self.name(),
            severity=self.severity,
            layer=fact.name,
            site=data_site(run, fact.optimizer),
            steps=(first, last),
            message=f"The input of `{fact.name}` is not scaled since step {first}: {problem}.",
            evidence={
                "input_largest_scale": scales.median(),
                "input_scale_ratio": run.of("input_scale_ratio").get(fact.name, _EMPTY).median(),
            },
            remedy="Standardise each feature: subtract its mean over the training set and divide "
            "by its standard deviation, in training and in evaluation.",
            fixes=self.fixes,
        )


def _is_exempt(run: RunRecord, fact: LayerFact) -> bool:
    """Whether the layer normalises, or stands behind frozen layers in the order of the model."""
    if "Norm" in fact.kind:
        return True
    before = takewhile(lambda each: each.layer != fact.name, run.parameters)
    return any(not each.requires_grad for each in before)


def _feature(run: RunRecord, layer: str) -> str:
    index = run.of("input_largest_feature").get(layer, _EMPTY)
    return f"feature {index.last:.0f}" if index else "the largest feature"


def _offset(run: RunRecord, layer: str) -> float:
    mean = run.of("input_mean").get(layer, _EMPTY).median()
    deviation = run.of("input_std").get(layer, _EMPTY).median()
    return abs(mean) / deviation if deviation > 0 else float("nan")
