from collections.abc import Iterator
from dataclasses import dataclass

from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import (
    AnyRule,
    ArchitectureRule,
    PreflightRule,
    all_rules,
    architecture_rules,
    every_rule,
    preflight_rules,
)
from defib.rules.judged import findings_of, judged, judged_preflight
from defib.testing import make_architecture, make_preflight


@dataclass(frozen=True)
class Reporting(ArchitectureRule):
    severity = Severity.ERROR

    worst: Severity = Severity.ERROR

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        yield self.found(f"`{architecture.name}`", "Nothing.", severity=self.worst)


@dataclass(frozen=True)
class Failing(ArchitectureRule):
    severity = Severity.ERROR

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        raise KeyError(architecture.name)


def test_the_worst_comes_first():
    rules = [Reporting(Severity.INFO), Reporting(Severity.ERROR), Reporting(Severity.WARNING)]
    found = judged(make_architecture(), rules).findings
    assert [each.severity.value for each in found] == ["error", "warning", "info"]


def test_a_rule_that_fails_costs_nothing_else():
    outcome = judged(make_architecture(), [Failing(), Reporting()])
    assert len(outcome.findings) == 1
    reason = "the rule itself failed: KeyError: 'Network'"
    assert outcome.not_evaluated == (NotEvaluated(Failing.name(), reason),)


def test_all_rules_are_asked():
    assert findings_of(make_architecture()) == ()
    assert {each.name() for each in architecture_rules()} > {"linear-network", "frozen-network"}


def test_a_rule_of_both_kinds_is_in_both_lists():
    both = set(all_rules()) & set(architecture_rules())
    names = {rule.name() for rule in both}
    own = {"missing-nonlinearity", "softmax-before-cross-entropy", "softmax-over-one-unit"}
    assert names == own | {"unbroken-symmetry", "zero-initialization"}
    known: set[AnyRule] = {*all_rules(), *architecture_rules(), *preflight_rules()}
    assert known == set(every_rule())


@dataclass(frozen=True)
class Both(PreflightRule, ArchitectureRule):
    severity = Severity.ERROR

    at_first_batch: bool = True

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if self.at_first_batch:
            yield self.found(f"`{record.network}` at the first batch", "Nothing.")

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        yield self.found(f"`{architecture.name}`", "Nothing.")


def test_what_shows_at_the_first_batch_comes_before_what_shows_in_the_network():
    record = make_preflight(fields={"architecture": make_architecture()})
    for at_first_batch, expected in ((True, "`Network` at the first batch"), (False, "`Network`")):
        rule = Both(at_first_batch)
        [finding] = judged_preflight(record, [rule], [rule]).findings
        assert finding.message == expected


def test_without_a_network_its_rules_are_not_evaluated():
    reason = "the network could not be inspected"
    outcome = judged_preflight(make_preflight(), [], [Reporting()])
    assert outcome.not_evaluated == (NotEvaluated(Reporting.name(), reason),)


def test_a_rule_that_found_nothing_has_passed():
    rule = Both(at_first_batch=True)
    assert judged_preflight(make_preflight(), [rule], []).passed == ()
    rule = Both(at_first_batch=False)
    assert judged_preflight(make_preflight(), [rule], []).passed == (rule.name(),)
