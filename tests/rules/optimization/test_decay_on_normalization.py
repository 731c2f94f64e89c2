from typing import Any

from defib.records.finding import NotEvaluated
from defib.rules.optimization.decay_on_normalization import DecayOnNormalization
from defib.testing import make_preflight

rule = DecayOnNormalization()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


def test_reports_decayed_scales():
    given = {"group_weight_decay": {"SGD[0]": 1e-3}, "decayed_scales": {"SGD[0]": 64.0}}
    [finding] = findings(**given)
    assert finding.evidence["elements"] == 64


def test_silent_below_the_limit_of_the_decay():
    given = {"group_weight_decay": {"SGD[0]": 9e-4}, "decayed_scales": {"SGD[0]": 64.0}}
    assert findings(**given) == ()


def test_silent_where_no_scale_is_decayed():
    given = {"group_weight_decay": {"SGD[0]": 1.0}, "decayed_scales": {"SGD[0]": 0.0}}
    assert findings(**given) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("decay-on-normalization", "not measured: group_weight_decay")
