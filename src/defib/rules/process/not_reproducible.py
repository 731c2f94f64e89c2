"""Two equal runs that differ though they begin with the same random state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class NotReproducible(PreflightRule):
    """Two equal runs that differ though they begin with the same random state.

    ## What it detects
    A loss, or the losses of the first steps, that come out differently for two equal copies of
    network, optimiser and batch with the same random state of torch, NumPy and Python.

    ## Why it matters
    Seeds do not make such a training repeatable: a change cannot be told from chance, and a fault
    cannot be shown twice. Something draws numbers that no seed governs, or an operation adds in
    an order that changes.

    ## How it is measured
    `repeated_loss_difference` and `repeated_fit_difference` (dimensionless, must be 0): largest
    relative difference of the first loss, and of the losses of the first steps. Differences of
    no more than `rounding` come from the order of additions and are information.

    ## Known false positives
    Randomness on purpose that no seed governs.

    ## What to change
    Draw random numbers from the global generators or from one that is seeded; on a GPU
    `torch.use_deterministic_algorithms(True)`.

    ## References
    - PyTorch documentation, *Reproducibility*.
    """

    severity = Severity.WARNING
    requires_preflight = ("repeated_loss_difference",)

    rounding: float = 1e-4
    """Relative difference, dimensionless: float32 sums of another order; as for copies."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        loss = record.value("repeated_loss_difference")
        steps = record.value("repeated_fit_difference")
        difference = max(loss, steps if steps == steps else 0.0)
        if not difference > 0:
            return
        what = "first loss" if loss > 0 else "losses of the first steps"
        is_small = difference <= self.rounding
        yield self.found(
            f"With the same random state the {what} of two equal copies differ by {difference:.2g} "
            "of the loss (limit 0).",
            "Find the operation that is not deterministic: "
            "`torch.use_deterministic_algorithms(True)` names it."
            if is_small
            else "Draw random numbers from torch's, NumPy's or Python's global generator, or from "
            "one that is seeded.",
            severity=Severity.INFO if is_small else None,
            site=record.loss.site if record.loss else None,
            evidence={"difference": difference},
        )
