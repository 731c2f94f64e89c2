from collections.abc import Iterator
from dataclasses import dataclass

from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.rules.base import AnyRule, ArchitectureRule, all_rules, architecture_rules, every_rule
from defib.rules.judged import findings_of, judged
from defib.testing import make_architecture


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
    assert names == {"softmax-before-cross-entropy", "unbroken-symmetry", "zero-initialization"}
    known: set[AnyRule] = {*all_rules(), *architecture_rules()}
    assert known == set(every_rule())
