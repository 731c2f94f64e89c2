import numpy as np
import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.records.run import Event, LoaderFact, OptimizerFact, RunEnding
from defib.records.series import Series
from defib.records.site import Site
from defib.rules.optimization.schedule_mismatch import ScheduleMismatch
from defib.testing import make_run

rule = ScheduleMismatch()
SITE = Site("train.py", 31)
DECAY = list(0.7 * np.exp(-np.arange(200) / 20))
FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 200))
SAME = [0.1] * 200


def scheduler(calls: float, kind: str = "OneCycleLR", **detail: float) -> Event:
    known = {"scheduler": kind, "optimizer": "SGD", "calls": float(calls), "early_calls": 0.0}
    return Event("scheduler", 0, {**known, **detail}, SITE)


def findings(*events: Event, rates=SAME, loss=DECAY, epoch_length: int | None = None, **facts):
    loaders = () if epoch_length is None else (LoaderFact("DataLoader", length=epoch_length),)
    facts = {"events": events, "loaders": loaders, **facts}
    return rule.evaluate(make_run(loss=loss, learning_rate=rates, facts=facts))


# -- stepped once per epoch, planned in steps ------------------------------------------------


def test_reports_a_plan_of_steps_that_is_stepped_per_epoch():
    [finding] = findings(scheduler(4, planned=200.0))
    assert finding.site == SITE
    assert "is planned for 200 calls and was stepped 4 times in 200 optimiser steps" in (
        finding.message
    )
    assert "stepped per epoch" in finding.message
    assert "once after each `optimizer.step()`" in finding.remedy


def test_half_of_the_planned_calls_are_reported_and_more_are_not():
    assert len(findings(scheduler(100, planned=200.0))) == 1
    assert findings(scheduler(101, planned=200.0)) == ()


@pytest.mark.parametrize("planned", [190.5, 210.5])
def test_a_plan_that_differs_by_less_than_5_percent_is_as_long_as_the_run(planned: float):
    assert len(findings(scheduler(4, planned=planned))) == 1


@pytest.mark.parametrize("planned", [190.0, 211.0, 2000.0, 10.0])
def test_silent_where_the_run_is_not_as_long_as_the_plan(planned: float):
    assert findings(scheduler(4, planned=planned)) == ()


def test_silent_where_the_plan_is_followed():
    assert findings(scheduler(200, planned=200.0)) == ()
    assert findings(scheduler(10, planned=10.0), epoch_length=20) == ()


# -- stepped at every step, planned in epochs ------------------------------------------------


def test_reports_a_plan_of_epochs_that_is_stepped_at_every_step():
    [finding] = findings(scheduler(200, "CosineAnnealingLR", planned=10.0), epoch_length=20)
    assert "its plan counts epochs" in finding.message
    assert "once per epoch" in finding.remedy


def test_silent_where_the_plan_is_not_as_long_as_the_epochs():
    assert findings(scheduler(200, "CosineAnnealingLR", planned=25.0), epoch_length=20) == ()
    assert findings(scheduler(200, "CosineAnnealingLR", planned=10.0)) == ()


def ended_by(error: str, steps: int):
    return findings(
        scheduler(steps, planned=float(steps)),
        loss=FLAT[:steps],
        rates=SAME[:steps],
        ending=RunEnding.RAISED,
        error=error,
    )


@pytest.mark.parametrize("steps", [10, 40])
def test_a_one_cycle_that_ended_the_run_is_reported_however_short_the_run(steps: int):
    [finding] = ended_by(f"ValueError: Tried to step {steps + 1} times.", steps)
    assert "which ended the run with an error" in finding.message
    assert finding.severity is Severity.ERROR


def test_another_error_is_none_of_the_schedulers():
    assert ended_by("RuntimeError: out of memory", 40) == ()


# -- decayed to nothing ----------------------------------------------------------------------


def decayed(since: int) -> list[float]:
    return [0.1] * since + [0.0009] * (200 - since)


def test_reports_a_learning_rate_that_is_next_to_nothing_for_most_of_the_run():
    [finding] = findings(scheduler(200, "StepLR"), rates=decayed(50))
    assert "below 1% of its maximum for 75% of the run (limit 50%), since step 50" in (
        finding.message
    )
    assert "`StepLR` was stepped 200 times in 200 steps" in finding.message
    assert (finding.steps, finding.site) == ((0, 199), SITE)


def test_half_of_the_run_is_not_yet_most_of_it():
    assert findings(rates=decayed(100)) == ()
    assert len(findings(rates=decayed(99))) == 1


def test_silent_at_exactly_one_percent():
    assert findings(rates=[1.0] * 20 + [0.01] * 180) == ()


def test_a_small_learning_rate_before_the_maximum_is_a_warm_up():
    assert findings(rates=[0.0001] * 180 + [0.1] * 20) == ()


def test_each_recorded_value_stands_until_the_next():
    sparse = Series.of([0.1, 0.1, 0.0001], [0, 30, 60])
    [finding] = findings(rates=sparse)
    assert finding.evidence["negligible_share"] == pytest.approx(0.7)


def test_without_a_scheduler_the_optimizer_is_shown():
    made = OptimizerFact("SGD", "SGD", site=Site("train.py", 5))
    [finding] = findings(rates=decayed(50), optimizers=(made,))
    assert finding.site == made.site


def test_a_learning_rate_that_is_gone_is_an_error_only_where_the_loss_does_not_fall():
    assert findings(rates=decayed(50))[0].severity is Severity.INFO
    assert findings(rates=decayed(50), loss=FLAT)[0].severity is Severity.ERROR


def test_a_pace_that_is_certainly_wrong_is_at_least_a_warning():
    wrong = scheduler(4, planned=200.0)
    assert findings(wrong)[0].severity is Severity.WARNING
    assert findings(wrong, loss=FLAT)[0].severity is Severity.ERROR


# -- before the optimiser ----------------------------------------------------------------------


def test_a_scheduler_that_is_stepped_first_is_worth_knowing():
    [finding] = findings(scheduler(200, "StepLR", early_calls=1.0))
    assert finding.severity is Severity.INFO
    assert "after `optimizer.step()`" in finding.remedy


@pytest.mark.parametrize("early", [0.0, 2.0, 30.0])
def test_a_resumed_run_that_catches_up_is_left_alone(early: float):
    assert findings(scheduler(200, "StepLR", early_calls=early)) == ()


def test_a_first_step_that_a_gradient_scaler_skipped_is_left_alone():
    skipped = Event("skipped-step", 0)
    assert findings(scheduler(200, "StepLR", early_calls=1.0), skipped) == ()


# -- which and whether -------------------------------------------------------------------------


def test_each_optimizer_has_at_most_one_finding():
    found = findings(scheduler(4, planned=200.0, early_calls=1.0), rates=decayed(20))
    assert len(found) == 1


def test_the_scheduler_of_another_optimizer_is_not_judged_by_this_one():
    other = Event(
        "scheduler",
        0,
        {"scheduler": "OneCycleLR", "optimizer": "Adam", "calls": 4.0, "planned": 200.0},
    )
    assert findings(other) == ()


def test_not_evaluated_under_20_steps():
    outcome = findings(scheduler(1, planned=19.0), loss=DECAY[:19], rates=SAME[:19])
    assert outcome == NotEvaluated("schedule-mismatch", "fewer than 20 steps, or no learning rate")
    assert len(findings(scheduler(1, planned=20.0), loss=DECAY[:20], rates=SAME[:20])) == 1


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run()) == NotEvaluated(
        "schedule-mismatch", "not recorded: learning_rate"
    )
