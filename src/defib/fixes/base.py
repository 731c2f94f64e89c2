"""What a fix is, and how all fixes are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Self

import defib.fixes
from defib.errors import UnknownNameError, UsageError
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord
from defib.records.site import Site


@dataclass(frozen=True)
class Fix(ABC):
    """One change to a training, made from outside while the user's script runs unmodified.

    A subclass is one file; its name is the file's name and its docstring its page
    (`defib explain NAME`): what is changed, when it helps, what it cannot do.
    """

    value: float | None = None
    """How much, in the unit that `meaning` tells; `None` for the fix's own choice."""

    meaning: ClassVar[str] = ""
    """What `value` is, with its unit; empty for a fix that takes none."""
    changes_objective: ClassVar[bool] = False
    """Whether losses with and without it are of different kinds, and cannot be compared."""
    compares_evaluation: ClassVar[bool] = False
    """Whether only what is evaluated apart can tell: it changes which examples come when, so that
    losses of the same steps are of others, or it changes the evaluation itself."""
    compares_balanced: ClassVar[bool] = False
    """Whether all classes count alike in what is compared: it acts for rare ones, which hardly
    show in an accuracy."""

    measuring_steps: ClassVar[int] = 0
    """Steps of a trial of its own in which the fix without a value finds one; 0 where it needs
    no such trial."""

    @classmethod
    def name(cls) -> str:
        """`clip-gradients` for the class in `clip_gradients.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @property
    def label(self) -> str:
        """As it is typed: `lower-learning-rate=0.1`."""
        return self.name() if self.value is None else f"{self.name()}={self.value:g}"

    @abstractmethod
    def connect(self, training: LiveTraining) -> None:
        """Have `training` call back at the moments at which something is to be changed."""

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[Self, ...]:
        """What to try for `finding`, the most promising first; empty where it cannot help."""
        del record, finding
        return (self,)

    def obstacle(self, record: RunRecord, finding: Finding) -> str:
        """Why it cannot be tried on this run although it might help; empty where it can."""
        del record, finding
        return ""

    def change(self, record: RunRecord, finding: Finding) -> str:
        """What the user has to write, in one sentence or expression."""
        del record, finding
        return ""

    def site(self, record: RunRecord, finding: Finding) -> Site | None:
        """The user's line that is to be changed, if one is known."""
        del record
        return finding.site

    def edited(self, code: str, record: RunRecord, finding: Finding) -> str | None:
        """The user's line `code` with the fix in it; `None` where that is not certain."""
        del code, record, finding
        return None

    def with_value(self, value: float) -> Self:
        """The fix with another strength. Raises `UsageError` where it has none."""
        if not self.meaning:
            raise UsageError(f"The fix `{self.name()}` takes no value; write `{self.name()}`.")
        return replace(self, value=value)


@cache
def all_fixes() -> tuple[Fix, ...]:
    """Every fix of the package with its own choice of value, by name."""
    found: list[Fix] = []
    for module in pkgutil.iter_modules(defib.fixes.__path__, "defib.fixes."):
        for member in vars(importlib.import_module(module.name)).values():
            is_own = inspect.isclass(member) and member.__module__ == module.name
            # What several fixes have in common is a class too, but no fix of its own.
            if is_own and issubclass(member, Fix) and getattr(member, "__final__", False):
                found.append(member())
    return tuple(sorted(found, key=lambda fix: fix.name()))


def fix_called(text: str) -> Fix:
    """The fix of `NAME` or `NAME=VALUE`.

    Raises `UnknownNameError` for an unknown name and `UsageError` for a value that is no number.
    """
    name, _, value = text.partition("=")
    known = {fix.name(): fix for fix in all_fixes()}
    if name not in known:
        raise UnknownNameError("fix", name, known, advice="`defib fixes` lists them.")
    if not value:
        return known[name]
    try:
        number = float(value)
    except ValueError:
        meaning = known[name].meaning or "no value"
        raise UsageError(f"`{text}`: expected a number ({meaning}), got `{value}`.") from None
    return known[name].with_value(number)
