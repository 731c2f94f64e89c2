"""What the rules say of a network that was not trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated
from defib.rules.base import ArchitectureRule, architecture_rules


@final
@dataclass(frozen=True)
class Judged:
    """Findings, the worst first, and the rules that could not judge, each with its reason."""

    findings: tuple[Finding, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()


def judged(architecture: Architecture, rules: Sequence[ArchitectureRule] | None = None) -> Judged:
    """What `rules` (all of them where none are given) say of an architecture."""
    findings: list[Finding] = []
    silent: list[NotEvaluated] = []
    for rule in architecture_rules() if rules is None else rules:
        outcome = _evaluated(rule, architecture)
        if isinstance(outcome, NotEvaluated):
            silent.append(outcome)
        else:
            findings += outcome
    findings.sort(key=lambda each: each.severity.weight)
    return Judged(tuple(findings), tuple(silent))


def findings_of(architecture: Architecture) -> tuple[Finding, ...]:
    """What is wrong with an architecture by all rules that need no run, the worst first."""
    return judged(architecture).findings


def _evaluated(
    rule: ArchitectureRule, architecture: Architecture
) -> tuple[Finding, ...] | NotEvaluated:
    try:
        return rule.evaluate_architecture(architecture)
    except Exception as error:
        # One rule that fails, of ours or of a plug-in, must not cost the whole inspection.
        return NotEvaluated(rule.name(), f"the rule itself failed: {type(error).__name__}: {error}")
