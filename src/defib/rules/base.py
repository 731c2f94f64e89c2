"""What a rule is, and how all rules are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, TypeGuard, TypeVar

import defib.rules
from defib.records.architecture import Architecture
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import RunRecord
from defib.records.site import Site

NO_STEPS = (0, 0)
"""The steps of a finding that needed none."""


@dataclass(frozen=True)
class AnyRule(ABC):
    """What every rule has, whatever record it judges. One file is one rule, and its name.

    The docstring is the rule's page (`defib explain NAME`), the fields are its options.

        AnyRule
        ├── Rule              judges the record of a training
        ├── ArchitectureRule  judges a network that was not trained
        └── PreflightRule     judges a training before its first step

    A fault that shows in several records is one class of several kinds: one name and one page.
    """

    severity: ClassVar[Severity]
    """The worst severity that the rule reports."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Metrics without which the rule cannot judge; the monitor records them."""
    explains: ClassVar[tuple[str, ...]] = ()
    """Rules whose findings are symptoms where this rule has a finding too."""
    fixes: ClassVar[tuple[str, ...]] = ()
    """Names of the remedies, the most promising first."""
    is_symptom: ClassVar[bool] = False
    """True for a rule that describes what is seen and never says why."""

    @classmethod
    def name(cls) -> str:
        """`dead-relu` for the class in `dead_relu.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @classmethod
    def group(cls) -> str:
        """The folder of the rule: `activation`, `data`, ..."""
        return cls.__module__.split(".")[-2]

    def found(
        self,
        message: str,
        remedy: str,
        *,
        layer: str = "",
        site: Site | None = None,
        severity: Severity | None = None,
        evidence: Mapping[str, float | str] | None = None,
    ) -> Finding:
        """A finding of this rule, as severe as the rule can be unless said otherwise."""
        return Finding(
            rule=self.name(),
            severity=severity or self.severity,
            message=message,
            steps=NO_STEPS,
            layer=layer,
            site=site,
            evidence=evidence or {},
            remedy=remedy,
            fixes=self.fixes,
        )


@dataclass(frozen=True)
class Rule(AnyRule):
    """A judgement on the record of a training."""

    def evaluate(self, run: RunRecord) -> tuple[Finding, ...] | NotEvaluated:
        """The findings on `run`, or the reason why there can be none."""
        missing = [metric for metric in self.requires if not run.of(metric)]
        if missing:
            return NotEvaluated(self.name(), f"not recorded: {', '.join(missing)}")
        try:
            return tuple(self.check(run))
        except CannotJudge as reason:
            return NotEvaluated(self.name(), str(reason))

    @abstractmethod
    def check(self, run: RunRecord) -> Iterator[Finding]:
        """Yield a finding per layer, parameter or optimiser; raise `CannotJudge` if unable."""


@dataclass(frozen=True)
class ArchitectureRule(AnyRule):
    """A judgement on a network that was not trained: it needs no run."""

    def evaluate_architecture(
        self, architecture: Architecture
    ) -> tuple[Finding, ...] | NotEvaluated:
        """The findings on `architecture`, or the reason why there can be none."""
        if not architecture.is_traced:
            return NotEvaluated(self.name(), "the network could not be run to its end")
        try:
            return tuple(self.check_architecture(architecture))
        except CannotJudge as reason:
            return NotEvaluated(self.name(), str(reason))

    @abstractmethod
    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        """Yield a finding per layer or parameter; raise `CannotJudge` if unable."""


@dataclass(frozen=True)
class PreflightRule(AnyRule):
    """A judgement on what was measured at the first batch, before the first step."""

    requires_preflight: ClassVar[tuple[str, ...]] = ()
    """Metrics of the probes without which the rule cannot judge."""

    def evaluate_preflight(self, record: PreflightRecord) -> tuple[Finding, ...] | NotEvaluated:
        """The findings on `record`, or the reason why there can be none."""
        for metric in self.requires_preflight:
            if not record.of(metric) and not record.sequences.get(metric):
                reason = record.not_measured.get(metric, f"not measured: {metric}")
                return NotEvaluated(self.name(), reason)
        try:
            return tuple(self.check_preflight(record))
        except CannotJudge as reason:
            return NotEvaluated(self.name(), str(reason))

    @abstractmethod
    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        """Yield a finding per layer, parameter or loss; raise `CannotJudge` if unable."""


class CannotJudge(Exception):
    """Raised by a rule when the record does not hold enough to judge; says what is missing."""


@cache
def every_rule() -> tuple[AnyRule, ...]:
    """Every rule of the package with its default options, by group and name."""
    found: list[AnyRule] = []
    for module in pkgutil.walk_packages(defib.rules.__path__, "defib.rules."):
        if module.ispkg:
            continue
        members = vars(importlib.import_module(module.name)).values()
        found += [member() for member in members if _is_rule_of(module.name, member)]
    return tuple(sorted(found, key=lambda rule: (rule.group(), rule.name())))


def _is_rule_of(module: str, member: object) -> TypeGuard[type[AnyRule]]:
    if not inspect.isclass(member) or member.__module__ != module or member is AnyRule:
        return False
    return issubclass(member, AnyRule) and not inspect.isabstract(member)


def all_rules() -> tuple[Rule, ...]:
    """The rules that judge the record of a training, by group and name."""
    return _of_kind(Rule)


def architecture_rules() -> tuple[ArchitectureRule, ...]:
    """The rules that judge a network that was not trained, by group and name."""
    return _of_kind(ArchitectureRule)


def preflight_rules() -> tuple[PreflightRule, ...]:
    """The rules that judge a training before its first step, by group and name."""
    return _of_kind(PreflightRule)


Kind = TypeVar("Kind", bound=AnyRule)


def _of_kind(kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(rule for rule in every_rule() if isinstance(rule, kind))
