import numpy as np

from defib.records.finding import NotEvaluated, Severity
from defib.records.series import Series
from defib.rules.process.memory_growth import MemoryGrowth
from defib.testing import make_run

rule = MemoryGrowth(min_bytes=64e6, min_share=0.05, min_steadiness=0.3, min_samples=3)


def findings(*megabytes, place="host"):
    return rule.evaluate(make_run(memory_bytes={place: [1e6 * each for each in megabytes]}))


def test_reports_memory_that_grows_steadily():
    [finding] = findings(*np.linspace(500, 700, 17))
    assert finding.severity is Severity.WARNING
    assert "process grew by 175 MB since step 2" in finding.message


def test_names_the_tensors_on_the_gpu():
    [finding] = findings(*np.linspace(500, 700, 17), place="device")
    assert "tensors on the GPU" in finding.message


def test_silent_when_memory_rests_after_a_rise():
    assert findings(*np.linspace(400, 500, 8), *[500] * 9) == ()


def test_silent_at_exactly_the_limit():
    assert findings(500, 500, *np.linspace(500, 564, 9)) == ()
    assert len(findings(500, 500, *np.linspace(500, 565, 9))) == 1


def test_a_small_share_of_much_memory_is_no_growth():
    assert findings(*np.linspace(5000, 5200, 17)) == ()


def test_silent_when_the_growth_slows_down():
    assert findings(500, *np.linspace(500, 600, 8), *np.linspace(603, 627, 8)) == ()


def test_records_that_lie_unevenly_on_the_steps_do_not_change_the_rate():
    steps = [0, 16, 32, 64, 128, *range(144, 150)]
    memory = Series(np.array(steps), np.array([4e8 + 2e7 * each for each in steps]))
    [finding] = rule.evaluate(make_run(memory_bytes={"host": memory}))
    assert "20,000 kB a step" in finding.message


def test_not_evaluated_with_too_few_samples():
    assert findings(500, 600, 700) == NotEvaluated(
        "memory-growth", "fewer than 3 recorded steps to compare"
    )


def test_not_evaluated_without_its_metric():
    assert rule.evaluate(make_run(loss=[1.0])) == NotEvaluated(
        "memory-growth", "not recorded: memory_bytes"
    )
