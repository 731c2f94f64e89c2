"""What the rules say of a network that was not trained, and of a training that has not begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated
from defib.records.preflight import PreflightRecord
from defib.rules.base import (
    AnyRule,
    ArchitectureRule,
    PreflightRule,
    architecture_rules,
    preflight_rules,
)


@final
@dataclass(frozen=True)
class Judged:
    """Findings, the worst first, and the rules that could not judge, each with its reason."""

    findings: tuple[Finding, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    passed: tuple[str, ...] = ()
    """Names of the rules that judged and found nothing."""


def judged(architecture: Architecture, rules: Sequence[ArchitectureRule] | None = None) -> Judged:
    """What `rules` (all of them where none are given) say of an architecture."""
    rules = architecture_rules() if rules is None else rules
    return _summed([(rule, _of_architecture(rule, architecture)) for rule in rules])


def findings_of(architecture: Architecture) -> tuple[Finding, ...]:
    """What is wrong with an architecture by all rules that need no run, the worst first."""
    return judged(architecture).findings


def judged_preflight(
    record: PreflightRecord,
    rules: Sequence[PreflightRule] | None = None,
    of_architecture: Sequence[ArchitectureRule] | None = None,
) -> Judged:
    """What the rules say of a training that has not begun, those of its network included.

    A rule of both kinds says what it finds at the first batch; where it finds nothing there, or
    cannot judge, what it finds in the network.
    """
    rules = preflight_rules() if rules is None else rules
    of_architecture = architecture_rules() if of_architecture is None else of_architecture
    outcomes: dict[str, tuple[AnyRule, Outcome]] = {
        rule.name(): (rule, _of_preflight(rule, record)) for rule in rules
    }
    for rule in of_architecture:
        outcome = (
            NotEvaluated(rule.name(), "the network could not be inspected")
            if record.architecture is None
            else _of_architecture(rule, record.architecture)
        )
        _, before = outcomes.get(rule.name(), (rule, None))
        says_nothing = before == () or isinstance(before, NotEvaluated)
        if before is None or (says_nothing and not isinstance(outcome, NotEvaluated)):
            outcomes[rule.name()] = (rule, outcome)
    judgement = _summed(tuple(outcomes.values()))
    # A layer of torch's own has no line in the network's code, but one that made it.
    sited = [
        replace(each, site=each.site or record.facts.site_of_layer(each.layer))
        for each in judgement.findings
    ]
    return replace(judgement, findings=tuple(sited))


Outcome = tuple[Finding, ...] | NotEvaluated


def _summed(outcomes: Sequence[tuple[AnyRule, Outcome]]) -> Judged:
    found = [each for _, outcome in outcomes if isinstance(outcome, tuple) for each in outcome]
    return Judged(
        tuple(sorted(found, key=lambda each: each.severity.weight)),
        tuple(outcome for _, outcome in outcomes if isinstance(outcome, NotEvaluated)),
        tuple(rule.name() for rule, outcome in outcomes if outcome == ()),
    )


def _of_architecture(rule: ArchitectureRule, architecture: Architecture) -> Outcome:
    return _guarded(rule, lambda: rule.evaluate_architecture(architecture))


def _of_preflight(rule: PreflightRule, record: PreflightRecord) -> Outcome:
    return _guarded(rule, lambda: rule.evaluate_preflight(record))


def _guarded(rule: AnyRule, evaluate: Callable[[], Outcome]) -> Outcome:
    try:
        return evaluate()
    except Exception as error:
        # One rule that fails, of ours or of a plug-in, must not cost all others.
        return NotEvaluated(rule.name(), f"the rule itself failed: {type(error).__name__}: {error}")
