"""The first value that is `nan` or infinite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import Event, RunRecord
from defib.records.site import Site
from defib.rules.base import PreflightRule, Rule

REMEDIES = {
    "input": "Clean the data: find and drop or replace the values that are not finite.",
    "LogBackward0": "Do not take the logarithm of a probability: use `log_softmax`, "
    "`cross_entropy` or `binary_cross_entropy_with_logits`, or add 1e-8 first.",
    "SqrtBackward0": "Add 1e-8 under the square root: its derivative at 0 is infinite.",
    "DivBackward0": "Add 1e-8 to the divisor, or clamp it away from 0.",
    "ExpBackward0": "Subtract the maximum before `exp`, or use `softmax` and `logsumexp`.",
    "PowBackward0": "Keep the base of the power away from 0: clamp it or add 1e-8.",
    "": "Lower the learning rate (divide it by 3 to 10) and clip the gradient norm.",
}
"""What went wrong, or the operation in which it did -> what to change."""


@final
@dataclass(frozen=True)
class NonFiniteValue(Rule, PreflightRule):
    """The first value that is `nan` or infinite.

    ## What it detects
    The first step with a non-finite loss, gradient, activation, parameter or input. It is
    an error where a parameter is not finite or the last `patience` losses are not, and a
    warning where the loss became finite again.

    ## Why it matters
    A single non-finite gradient makes every parameter it reaches `nan`, and nothing ever
    brings a `nan` parameter back.

    ## How it is measured
    The losses of all steps, and what the monitor found of the layer, the pass and the
    operation that made the first such value.

    ## Known false positives
    None known. The steps that a gradient scaler skips because the scaled gradient
    overflowed are the normal way of mixed precision; they are left out, and so is a
    non-finite gradient or activation that reached neither a parameter nor the loss.

    ## What to change
    Depends on the operation: no logarithm, square root or division of a value that can be
    zero; no exponential of a large one; clean inputs; else a lower learning rate.

    ## References
    - Micikevicius et al., *Mixed Precision Training* (2018), arXiv:1710.03740.
    - Wardat, Le, Rajan, *DeepLocalize* (2021).
    """

    severity = Severity.ERROR
    requires = ("loss",)
    requires_preflight = ("loss",)
    explains = ("loss-divergence", "loss-plateau", "exploding-gradient")
    fixes = ("stable-operation", "lower-learning-rate", "clip-gradients")

    patience: int = 3
    """Losses at the end that must all be non-finite for an error: one of the last three
    finite means that training goes on."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        losses = tuple(run.of("loss").values())
        seen = [event for event in run.events if event.kind == "non-finite"]
        is_lasting = any(event.detail.get("where") == "parameter" for event in seen) or any(
            not np.isfinite(series.values[-self.patience :]).any() for series in losses if series
        )
        skipped = {event.step for event in run.events if event.kind == "skipped-step"}
        bad_losses = {
            int(step) for series in losses for step in series.steps[~np.isfinite(series.values)]
        }
        # The monitor's events come first: of one step they tell more than the loss does.
        events = [*seen, *(Event("non-finite", step, {"where": "loss"}) for step in bad_losses)]
        sudden = [event for event in events if event.step not in skipped]
        if is_lasting:
            first = min(sudden or events, key=_by_step)
            yield self._finding(run, first, Severity.ERROR, max(bad_losses, default=first.step))
        elif hurt := bad_losses - skipped:
            first = min((event for event in sudden if event.step in hurt), key=_by_step)
            yield self._finding(run, first, Severity.WARNING, max(hurt))

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        for what, share in record.of("non_finite_fraction").items():
            if share > 0:
                yield self.found(
                    f"{share:.2%} of the numbers in the {what} of the first batch are nan or "
                    "infinite (limit 0%).",
                    f"Clean the {what}: drop or fill in what is missing, before training.",
                    site=_loader_site(record),
                    evidence={"non_finite_fraction": share},
                )
        is_clean = not any(record.of("non_finite_fraction").values())
        if is_clean and not np.isfinite(record.value("loss")):
            yield self.found(
                f"The loss of the first batch is {record.value('loss'):g} (limit: a finite "
                "number), and inputs and targets are finite.",
                REMEDIES[""],
                site=record.loss.site if record.loss else None,
                evidence={"loss": record.value("loss")},
            )

    def _finding(self, run: RunRecord, event: Event, severity: Severity, last: int) -> Finding:
        layer = str(event.detail.get("layer", ""))
        operation = str(event.detail.get("operation", ""))
        where = str(event.detail.get("where", ""))
        if severity is Severity.ERROR:
            sequel = f"and the training has not recovered since step {event.step}"
        elif last >= run.steps - 1:
            sequel = f"and the run ended soon after, since step {event.step}"
        else:
            sequel = f"at step {event.step}; the loss became finite again after step {last}"
        return Finding(
            rule=self.name(),
            severity=severity,
            layer=layer,
            site=event.site or run.site_of_layer(layer),
            steps=(event.step, max(event.step, last)),
            message="The first value that is nan or infinite appeared in the "
            f"{_place(event)}, {sequel}.",
            evidence={key: value for key, value in event.detail.items() if value != ""},
            remedy=REMEDIES.get(where) or REMEDIES.get(operation) or REMEDIES[""],
            fixes=self.fixes if operation in REMEDIES and operation else self.fixes[1:],
        )


def _loader_site(record: PreflightRecord) -> Site | None:
    return next((each.site for each in record.facts.loaders if each.site is not None), None)


def _by_step(event: Event) -> int:
    return event.step


def _place(event: Event) -> str:
    """`gradient of `fc1` (backward, `LogBackward0`)`, as far as the event knows."""
    layer = event.detail.get("layer")
    inside = (str(event.detail.get("phase", "")), _quoted(event.detail.get("operation")))
    known = ", ".join(part for part in inside if part)
    return (
        f"{event.detail.get('where', 'training')}"
        + (f" of `{layer}`" if layer else "")
        + (f" ({known})" if known else "")
    )


def _quoted(value: object) -> str:
    return f"`{value}`" if value else ""
