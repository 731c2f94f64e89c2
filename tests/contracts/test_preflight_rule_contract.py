"""What is true for every rule that judges before the first step, whoever wrote it."""

import pytest

from defib.probes.base import all_probes
from defib.records.finding import NotEvaluated
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule, preflight_rules
from defib.testing import make_preflight

every_rule = pytest.mark.parametrize("rule", preflight_rules(), ids=lambda rule: rule.name())


@every_rule
@pytest.mark.parametrize("record", [PreflightRecord(), make_preflight()], ids=["nothing", "empty"])
def test_an_empty_record_yields_no_finding(rule: PreflightRule, record: PreflightRecord):
    outcome = rule.evaluate_preflight(record)
    assert outcome == () or isinstance(outcome, NotEvaluated)


@every_rule
def test_the_reason_of_the_probe_is_given(rule: PreflightRule):
    if rule.requires_preflight:
        reasons = {rule.requires_preflight[0]: "no time was left"}
        outcome = rule.evaluate_preflight(PreflightRecord(not_measured=reasons))
        assert outcome == NotEvaluated(rule.name(), "no time was left")


@every_rule
def test_some_probe_measures_what_it_needs(rule: PreflightRule):
    measured = {metric for probe in all_probes() for metric in probe.measures}
    assert set(rule.requires_preflight) <= measured


def test_probes_run_in_their_order():
    orders = [probe.order for probe in all_probes()]
    assert orders == sorted(orders)
    assert {"first-batch", "initial-loss", "fit-one-batch"} <= {p.name() for p in all_probes()}
