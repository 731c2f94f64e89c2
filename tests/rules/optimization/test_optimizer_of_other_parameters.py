from typing import Any

from defib.records.finding import NotEvaluated
from defib.records.run import ParameterFact
from defib.rules.optimization.optimizer_of_other_parameters import OptimizerOfOtherParameters
from defib.testing import make_preflight

rule = OptimizerOfOtherParameters()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


FORGOTTEN = {"parameters": (ParameterFact("last.weight", "last", (2, 2)),)}


def test_reports_tensors_of_no_network_beside_forgotten_ones():
    [finding] = findings(
        foreign_parameters={"SGD[0]": 2.0}, group_parameters={"SGD[0]": 4.0}, facts=FORGOTTEN
    )
    assert "`last.weight`" in finding.message


def test_silent_without_foreign_tensors():
    assert findings(foreign_parameters={"SGD[0]": 0.0}, facts=FORGOTTEN) == ()


def test_silent_where_no_parameter_is_forgotten():
    assert findings(foreign_parameters={"SGD[0]": 2.0}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated(
        "optimizer-of-other-parameters", "not measured: foreign_parameters"
    )
