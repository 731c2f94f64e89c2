"""A training that waits for its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import CannotJudge, Rule
from defib.rules.data.training_loader import data_site
from defib.rules.weights import aligned


@final
@dataclass(frozen=True)
class StarvedDevice(Rule):
    """A training that waits for its data.

    ## What it detects
    A data loader in which more than `max_share` of a step's time goes, and at least `min_wait`.

    ## Why it matters
    The device idles meanwhile: the same training would take a fraction of the time.

    ## How it is measured
    `data_wait_seconds` over `step_seconds`: the time spent in the loader's `__next__` between two
    steps, over the time from the end of one step to the end of the next, without the monitor's
    own; the median over the steps that were timed. What the loader does in its workers meanwhile
    costs nothing and is not counted.

    ## Known false positives
    Data that come over a network at the pace of their source.

    ## What to change
    `num_workers` in the `DataLoader` (4 to 8, with `persistent_workers=True`); decode once and
    keep the result; work on batches instead of single examples.

    ## References
    - Amazon SageMaker Debugger, rule IOBottleneck; PyTorch *Performance Tuning Guide*.
    """

    severity = Severity.WARNING
    requires = ("data_wait_seconds", "step_seconds")
    fixes = ("loader-workers", "decode-once")

    max_share: float = 0.5
    """Share of a step's time, in [0, 1]: half of the time is lost."""
    min_wait: float = 20e-3
    """Seconds of a step spent waiting. Small data in memory take 13 ms to become a batch of 1437
    (`defib.healthy`), which no worker would make faster."""
    lost_seconds: float = 60.0
    """Seconds lost in the whole run, from which it is a warning."""
    min_samples: int = 5
    """Steps that were timed."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for loader, waits in run.of("data_wait_seconds").items():
            waited, whole = aligned(waits.finite(), run.of("step_seconds")[loader].finite())
            if len(waited) < self.min_samples:
                raise CannotJudge(f"fewer than {self.min_samples} steps were timed")
            wait, step = waited.median(), whole.median()
            share = wait / step if step > 0 else 0.0
            if share > self.max_share and wait > self.min_wait:
                yield self._finding(run, wait, share)

    def _finding(self, run: RunRecord, wait: float, share: float) -> Finding:
        lost = wait * run.steps
        workers = max((each.workers for each in run.loaders), default=0)
        optimizer = next((each.name for each in run.optimizers), "")
        finding = self.found(
            f"A usual step waits {1000 * wait:.0f} ms for its batch, {share:.0%} of its time "
            f"(limit {self.max_share:.0%}), since step 0: {lost:.0f} s of this run.",
            f"Load with more workers (`num_workers={max(4, 2 * workers)}`), or decode the data "
            "once and keep the result.",
            severity=Severity.WARNING if lost >= self.lost_seconds else Severity.INFO,
            site=data_site(run, optimizer),
            evidence={"data_wait_seconds": wait, "share_of_step": share, "lost_seconds": lost},
        )
        return replace(finding, steps=(0, max(run.steps - 1, 0)))
