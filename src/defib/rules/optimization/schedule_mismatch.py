"""A learning-rate schedule that runs at another pace than it was planned for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.run import Event, RunEnding, RunRecord
from defib.records.series import Series
from defib.records.site import Site
from defib.rules.base import CannotJudge, Rule
from defib.rules.course import is_harmed
from defib.rules.harm import severity_by_harm
from defib.rules.learning_rate import learning_rates

_EVENT = "scheduler"
_TOO_MANY_CALLS = "Tried to step"
"""What torch's `OneCycleLR` says when it is stepped once more than planned."""
_TOO_OFTEN = "Call `scheduler.step()` once per epoch, or plan in optimiser steps."
_TOO_RARELY = "Call `scheduler.step()` once after each `optimizer.step()`, or plan in epochs."


@final
@dataclass(frozen=True)
class ScheduleMismatch(Rule):
    """A learning-rate schedule that runs at another pace than it was planned for.

    ## What it detects
    A scheduler planned in optimiser steps that is stepped once per epoch; one planned in
    epochs that is stepped at every optimiser step; a learning rate that spends more than
    `max_negligible_share` of the run below `negligible` of its maximum, after it; a scheduler
    that is stepped before the optimiser.

    ## Why it matters
    Stepped too rarely, a one-cycle schedule never leaves its warm-up and a cosine never comes
    down. Stepped too often, the learning rate is close to zero after a few epochs and the rest
    of the run trains nothing, or `OneCycleLR` ends the run with an error.

    ## How it is measured
    Calls of `scheduler.step()` against optimiser steps, and against the calls after which the
    plan is over (`total_steps` of `OneCycleLR`, `T_max` of `CosineAnnealingLR`, `total_iters`
    of `PolynomialLR`). Per epoch: as many optimiser steps as the plan has calls, and at most
    `max_call_share` as many calls. Per step: a call at each optimiser step, and a plan as long
    as the run has epochs, by the length of the data loader. `learning_rate`: of the first
    parameter group at the recorded steps; each value stands until the next one.

    ## Known false positives
    A learning rate that is meant to stay at 1 % of its maximum for most of the run, after a
    short phase with large steps; one that is lowered on plateaus in a run that goes on long
    after. It is information only where the network has learnt by then.

    ## What to change
    Call `scheduler.step()` at the pace of its plan: once after each `optimizer.step()` where
    the plan counts steps, once after each epoch where it counts epochs.

    ## References
    - Lightning-AI/pytorch-lightning#3205: a cyclic schedule stepped per epoch.
    - PyTorch documentation, *torch.optim: How to adjust learning rate* (order of the calls).
    """

    severity = Severity.ERROR
    requires = ("learning_rate",)
    explains = (
        "learning-rate-too-low",
        "learning-rate-too-high",
        "loss-plateau",
        "too-few-epochs",
        "underfitting",
    )
    fixes = ("step-scheduler-at-its-pace",)

    negligible: float = 0.01
    """Learning rate relative to its maximum, dimensionless: two of the usual decays by 10."""
    max_negligible_share: float = 0.5
    """Share of the optimiser steps, in [0, 1]. Half of a run is lost; the longest usual tail,
    that of a step decay at 60 % of the run, is shorter."""
    max_call_share: float = 0.5
    """Calls of the scheduler over those of its plan. A run that ends early has fewer than all,
    but then it has fewer optimiser steps than the plan, too."""
    tolerance: float = 0.05
    """Difference between the plan and the run that is none, as a share: a last batch that is
    dropped, an epoch counted twice."""
    min_steps: int = 20
    """Optimiser steps below which the rule does not judge."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        rates = {name: learning_rates(run, name) for name in run.of("learning_rate")}
        known = {name: each for name, each in rates.items() if each}
        if not known or (run.steps < self.min_steps and not _was_stepped_too_often(run)):
            raise CannotJudge(f"fewer than {self.min_steps} steps, or no learning rate")
        for optimizer, series in known.items():
            schedulers = [
                Scheduler.of(event)
                for event in run.events
                if event.kind == _EVENT and event.detail.get("optimizer") == optimizer
            ]
            steps = _steps_of(run, optimizer)
            found = next((each for s in schedulers for each in self._pace(run, s, steps)), None)
            found = found or self._decayed(run, optimizer, series, schedulers)
            found = found or next((each for s in schedulers for each in self._order(run, s)), None)
            if found is not None:
                yield found

    def _pace(self, run: RunRecord, scheduler: Scheduler, steps: int) -> Iterator[Finding]:
        planned, calls = scheduler.planned, scheduler.calls
        if planned is None or planned < 1:
            return
        text = f"`{scheduler.kind}` is planned for {planned:,.0f} calls and was stepped {calls:,} "
        text += f"times in {steps:,} optimiser steps"
        if _was_stepped_too_often(run) and calls >= planned:
            fact = f"{text}, which ended the run with an error"
            yield self._of_scheduler(run, scheduler, fact, _TOO_OFTEN, severity=Severity.ERROR)
        elif self._is_per_epoch(planned, calls, steps):
            fact = f"{text}: its plan counts steps, and it is stepped per epoch"
            yield self._of_scheduler(run, scheduler, fact, _TOO_RARELY)
        elif self._is_per_step(run, planned, calls, steps):
            fact = f"{text}: its plan counts epochs, and it is stepped at every step"
            yield self._of_scheduler(run, scheduler, fact, _TOO_OFTEN)

    def _is_per_epoch(self, planned: float, calls: int, steps: int) -> bool:
        is_plan_of_steps = abs(steps - planned) <= self.tolerance * planned
        return is_plan_of_steps and calls <= self.max_call_share * planned

    def _is_per_step(self, run: RunRecord, planned: float, calls: int, steps: int) -> bool:
        epochs = [steps / each.length for each in run.loaders if each.length and each.length > 1]
        is_plan_of_epochs = any(abs(e - planned) <= self.tolerance * planned for e in epochs)
        return calls >= (1 - self.tolerance) * steps and is_plan_of_epochs

    def _decayed(
        self, run: RunRecord, optimizer: str, rates: Series, schedulers: list[Scheduler]
    ) -> Finding | None:
        highest = int(np.argmax(rates.values))
        limit = self.negligible * rates.values[highest]
        below = rates.values < limit
        below[:highest] = False
        durations = np.diff([*rates.steps, max(run.steps, int(rates.steps[-1]) + 1)])
        share = float(durations[below].sum() / max(run.steps, 1))
        if limit <= 0 or share <= self.max_negligible_share:
            return None
        since = int(rates.steps[np.flatnonzero(below)[0]])
        paces = [
            f"; `{each.kind}` was stepped {each.calls:,} times in {run.steps:,} steps"
            for each in schedulers
        ]
        site = schedulers[0].site if schedulers else run.site_of_optimizer(optimizer)
        return self._finding(
            run,
            optimizer,
            message=f"The learning rate of `{optimizer}` is below {self.negligible:.0%} of its "
            f"maximum for {share:.0%} of the run (limit {self.max_negligible_share:.0%}), since "
            f"step {since:,}{''.join(paces)}.",
            remedy="Step the scheduler once per epoch if its plan counts epochs, or let it decay "
            "over the whole run.",
            site=site,
            evidence={"negligible_share": share, "learning_rate": rates.last},
            # It may be meant so; what was learnt by then says how much it matters.
            severity=severity_by_harm(run, optimizer),
        )

    def _order(self, run: RunRecord, scheduler: Scheduler) -> Iterator[Finding]:
        is_skipped = any(event.kind == "skipped-step" for event in run.events)
        # More than one call in front is a resumed run that catches up with its plan.
        if scheduler.early_calls != 1 or is_skipped or scheduler.calls < 2:
            return
        yield self._finding(
            run,
            scheduler.optimizer,
            message=f"`{scheduler.kind}` was stepped before the first step of "
            f"`{scheduler.optimizer}`: the first value of its plan is never used.",
            remedy="Call `scheduler.step()` after `optimizer.step()`.",
            site=scheduler.site,
            evidence={"early_calls": 1.0},
            severity=Severity.INFO,
        )

    def _of_scheduler(
        self,
        run: RunRecord,
        scheduler: Scheduler,
        fact: str,
        remedy: str,
        *,
        severity: Severity | None = None,
    ) -> Finding:
        return self._finding(
            run,
            scheduler.optimizer,
            message=f"{fact}.",
            remedy=remedy,
            site=scheduler.site,
            evidence={"calls": float(scheduler.calls), "planned": scheduler.planned or 0.0},
            severity=severity,
        )

    def _finding(
        self,
        run: RunRecord,
        optimizer: str,
        *,
        message: str,
        remedy: str,
        site: Site | None,
        evidence: dict[str, float | str],
        severity: Severity | None = None,
    ) -> Finding:
        harm = Severity.ERROR if is_harmed(run, optimizer) else Severity.WARNING
        return Finding(
            rule=self.name(),
            severity=severity or harm,
            message=message,
            # The plan is wrong from the start, however late it shows.
            steps=(0, max(run.steps - 1, 0)),
            site=site,
            evidence=evidence,
            remedy=remedy,
            fixes=self.fixes,
        )


@final
@dataclass(frozen=True)
class Scheduler:
    """What the record holds of a scheduler; `planned` is `None` where its plan has no end."""

    kind: str
    optimizer: str
    calls: int
    early_calls: int
    planned: float | None
    site: Site | None

    @classmethod
    def of(cls, event: Event) -> Scheduler:
        detail = event.detail
        planned = detail.get("planned")
        return cls(
            kind=str(detail.get("scheduler", "")),
            optimizer=str(detail.get("optimizer", "")),
            calls=int(detail.get("calls", 0)),
            early_calls=int(detail.get("early_calls", 0)),
            planned=None if planned is None else float(planned),
            site=event.site,
        )


def _was_stepped_too_often(run: RunRecord) -> bool:
    return run.ending is RunEnding.RAISED and _TOO_MANY_CALLS in run.error


def _steps_of(run: RunRecord, optimizer: str) -> int:
    losses = run.of("loss").get(optimizer)
    return len(losses) if losses else run.steps
