from typing import Any

from defib.records.finding import NotEvaluated, Severity
from defib.rules.initialization.unsuitable_initialization import UnsuitableInitialization
from defib.testing import make_preflight

rule = UnsuitableInitialization()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def outcome(**ends: float):
    fits = {name: [1.0, *[end] * 199] for name, end in ends.items()}
    return findings(sequences={"fit_loss": fits})


def test_reports_a_start_that_only_other_weights_mend():
    [finding] = outcome(own=1.0, slower=1.0, faster=0.96, reset=0.7)
    assert finding.evidence["fit_after_reset"] == 0.7


def test_information_where_the_script_clips_and_clipping_mends_it():
    for clipped, severity in ((0.7, Severity.INFO), (0.71, Severity.ERROR)):
        ends = {"own": 9.0, "slower": 1.0, "faster": 1.0, "clipped": clipped, "reset": 0.1}
        fits = {name: [1.0, *[end] * 199] for name, end in ends.items()}
        code = {"clip_grad_norm_": 2.0, "clip_grad_value_": 0.0}
        [finding] = findings(sequences={"fit_loss": fits}, named_in_code=code)
        assert finding.severity is severity


def test_silent_where_a_rate_mends_it_or_other_weights_do_not():
    assert outcome(own=1.0, slower=0.9, faster=1.0, reset=0.1) == ()
    assert outcome(own=1.0, slower=1.0, faster=1.0, reset=0.71) == ()


def test_silent_where_the_batch_is_learnt_and_not_judged_without_the_fits():
    assert outcome(own=0.5) == ()
    assert isinstance(outcome(own=1.0, slower=1.0), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("unsuitable-initialization", "not measured: fit_loss")
