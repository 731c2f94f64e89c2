"""Memory that grows from step to step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, Rule


@final
@dataclass(frozen=True)
class MemoryGrowth(Rule):
    """Memory that grows from step to step.

    ## What it detects
    Memory of the process, or of tensors on the GPU, that grew at a steady rate since the first
    eighth of the run, by more than `min_bytes` and `min_share`.

    ## Why it matters
    A training needs the same memory at each step. What grows is kept by something: a list of
    losses or outputs, each with its graph and all activations behind it; the run ends when the
    memory does, hours later.

    ## How it is measured
    `memory_bytes` at the recorded steps (resident memory of the process less what glibc's malloc
    holds free, or allocated memory of the GPU): its growth since the first eighth of the steps,
    and the rates of growth, in bytes a step, of the earlier and the later half of those steps.

    ## Known false positives
    A cache of the data that fills during the first epochs.

    ## What to change
    Keep numbers and not tensors with a graph: `loss.item()`, `output.detach().cpu()`; evaluate
    under `torch.no_grad()`.

    ## References
    - PyTorch documentation, *Frequently Asked Questions*: do not accumulate history across the
      training loop.
    """

    severity = Severity.WARNING
    requires = ("memory_bytes",)
    fixes = ("detach-kept-tensors",)

    min_bytes: float = 64e6
    """Growth in bytes. Of 254 healthy trainings (`defib.healthy`) none grows by more
    than 14 MB."""
    min_share: float = 0.05
    """The same over the memory at the end, dimensionless."""
    min_steadiness: float = 0.3
    """Smaller over larger rate of growth of the two halves, dimensionless: 1 is a straight line."""
    min_samples: int = 3
    """Recorded steps since the first eighth of the run."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        judged = False
        for place, series in run.of("memory_bytes").items():
            late = series.finite().between(max(run.steps // 8, 1), run.steps)
            if len(late) < self.min_samples:
                continue
            judged = True
            growth = late.last - late.first
            is_large = growth > max(self.min_bytes, self.min_share * late.last)
            if is_large and _steadiness(late) > self.min_steadiness:
                yield self._finding(place, late, growth)
        if not judged:
            raise CannotJudge(f"fewer than {self.min_samples} recorded steps to compare")

    def _finding(self, place: str, late: Series, growth: float) -> Finding:
        first, last = int(late.steps[0]), int(late.steps[-1])
        whose = "process" if place == "host" else "tensors on the GPU"
        finding = self.found(
            f"The memory of the {whose} grew by {growth / 1e6:,.0f} MB since step {first} (limit "
            f"{self.min_bytes / 1e6:.0f} MB), {growth / max(last - first, 1) / 1e3:,.0f} kB a "
            f"step, to {late.last / 1e6:,.0f} MB.",
            "Look for tensors that are kept from step to step (lists of losses or outputs) and "
            "keep `.item()` or `.detach()` of them; evaluate under `torch.no_grad()`.",
            evidence={"growth_bytes": growth, "memory_bytes_at_end": late.last},
        )
        return replace(finding, steps=(first, last))


def _steadiness(series: Series) -> float:
    """Smaller over larger rate of growth of the two halves; negative where one of them shrinks."""
    # The middle of the steps, since records need not lie evenly on them.
    middle = np.searchsorted(series.steps, (series.steps[0] + series.steps[-1]) / 2)
    middle = min(max(int(middle), 1), len(series) - 2)
    rates = [
        (series.values[last] - series.values[first]) / (series.steps[last] - series.steps[first])
        for first, last in ((0, middle), (middle, -1))
    ]
    return float(min(rates) / max(rates)) if max(rates) > 0 else 0.0
