"""What a rule is, and how all rules are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, TypeGuard

import defib.rules
from defib.records.finding import Finding, NotEvaluated, Severity
from defib.records.run import RunRecord


@dataclass(frozen=True)
class Rule(ABC):
    """A judgement on one record. A subclass is one file; its name is the file's name.

    The docstring is the rule's page (`defib explain NAME`), the fields are its options.
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


class CannotJudge(Exception):
    """Raised by a rule when the record does not hold enough to judge; says what is missing."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the package with its default options, by group and name."""
    found: list[Rule] = []
    for module in pkgutil.walk_packages(defib.rules.__path__, "defib.rules."):
        if module.ispkg:
            continue
        members = vars(importlib.import_module(module.name)).values()
        found += [member() for member in members if _is_rule_of(module.name, member)]
    return tuple(sorted(found, key=lambda rule: (rule.group(), rule.name())))


def _is_rule_of(module: str, member: object) -> TypeGuard[type[Rule]]:
    if not inspect.isclass(member) or member.__module__ != module:
        return False
    return issubclass(member, Rule) and not inspect.isabstract(member)
