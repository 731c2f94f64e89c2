"""A network that keeps results of every step, each with its graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class ResultsKeptWithGraph(PreflightRule):
    """A network that keeps results of every step, each with its graph.

    ## What it detects
    Modules that hold more tensors with a graph after each step on a copy.

    ## Why it matters
    Each result keeps all activations of its step alive. Memory grows until the process is killed,
    often hours later.

    ## How it is measured
    `held_growth` (elements a step, must be 0): what the attributes of all modules of a copy hold
    with a `grad_fn`, after 3 steps and at the end of the fit of the first batch.

    ## Known false positives
    A cache with a bound that was not reached in these steps.

    ## What to change
    Keep `result.detach()`, or a number (`.item()`), or clear the list at each step.

    ## References
    - PyTorch documentation, *Frequently Asked Questions*: do not accumulate history across the
      training loop.
    """

    severity = Severity.ERROR
    requires_preflight = ("held_growth",)

    max_growth: float = 0.0
    """Elements a step: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        growth = record.value("held_growth")
        if growth > self.max_growth:
            yield self.found(
                f"`{record.network}` keeps {growth:,.0f} more elements with their graph after each "
                f"step (limit {self.max_growth:.0f}).",
                "Keep `result.detach()` or `result.item()`, or clear what was kept at each step.",
                evidence={"elements_per_step": growth},
            )
