import pytest

from defib.records.finding import NotEvaluated, Severity
from defib.rules.process.starved_device import StarvedDevice
from defib.testing import make_run

rule = StarvedDevice(max_share=0.5, min_wait=20e-3, lost_seconds=60.0, min_samples=5)


def findings(wait, step, *, samples=5, steps=100):
    return rule.evaluate(
        make_run(
            data_wait_seconds={"loader": [wait] * samples},
            step_seconds={"loader": [step] * samples},
            facts={"steps": steps},
        )
    )


def test_reports_a_step_that_waits_for_its_batch():
    [finding] = findings(0.03, 0.04)
    assert finding.severity is Severity.INFO
    assert finding.evidence["lost_seconds"] == pytest.approx(3.0)


def test_a_warning_where_a_minute_is_lost():
    [finding] = findings(0.03, 0.04, steps=3000)
    assert finding.severity is Severity.WARNING


def test_silent_at_exactly_half_of_the_time():
    assert findings(0.03, 0.06) == ()


def test_silent_where_the_wait_is_short():
    assert findings(20e-3, 24e-3) == ()
    assert len(findings(20.1e-3, 24e-3)) == 1


def test_not_evaluated_under_five_steps():
    assert findings(0.03, 0.04, samples=4) == NotEvaluated(
        "starved-device", "fewer than 5 steps were timed"
    )


def test_not_evaluated_without_its_metrics():
    assert rule.evaluate(make_run(loss=[1.0])) == NotEvaluated(
        "starved-device", "not recorded: data_wait_seconds, step_seconds"
    )
