"""Rules on real networks, traced."""

from dataclasses import replace

from torch import nn

from defib.analysis.inspection import inspect
from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated
from defib.rules.base import ArchitectureRule


def inspected(network: nn.Module, *shape: int, loss_kind: str = "") -> Architecture:
    return replace(inspect(network, shape), loss_kind=loss_kind)


def findings(
    rule: ArchitectureRule, network: nn.Module, *shape: int, loss_kind: str = ""
) -> tuple[Finding, ...]:
    outcome = rule.evaluate_architecture(inspected(network, *shape, loss_kind=loss_kind))
    assert not isinstance(outcome, NotEvaluated), outcome
    return outcome


def site_line(finding: Finding) -> str:
    """The line of code that a finding names."""
    assert finding.site is not None
    return finding.site.code
