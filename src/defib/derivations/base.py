"""What a problem is, and how all problems are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import defib.derivations
from defib.derivations.evaluation import equations_check
from defib.errors import UnknownNameError
from defib.records.derivation import Check, Derivation, Result, Step


def option(default: Any, meaning: str, *, is_argument: bool = False) -> Any:
    """A field of a problem that a user sets, with what it means; `is_argument`: by position."""
    return field(default=default, metadata={"meaning": meaning, "is_argument": is_argument})


@dataclass(frozen=True)
class Problem(ABC):
    """A question whose answer is derived, with its data. One file is one problem, and its name.

    The docstring is the help of the command, the fields made by `option` are its options:
    texts, whole numbers, switches, paths. A problem reads its texts itself and refuses what
    does not fit with a `UsageError`.
    """

    exercises: ClassVar[tuple[str, ...]] = ()
    """Exercises of the course that it answers."""
    references: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def name(cls) -> str:
        """`batch-norm-bias` for the class in `batch_norm_bias.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @abstractmethod
    def solve(self) -> Solution:
        """The steps, with the exact results by name."""

    def derive(self) -> Derivation:
        """The derivation, with every equation of it evaluated again."""
        solution = self.solve()
        derivation = Derivation(
            self.name(),
            solution.title,
            solution.question,
            tuple(solution.steps),
            solution.results,
            tuple(solution.checks),
            solution.references or self.references,
        )
        check = equations_check(derivation)
        if check is None:
            return derivation
        return replace(derivation, checks=(*derivation.checks, check))


@dataclass(frozen=True)
class Solution:
    """What a problem comes to; `checks` are those that need nothing but numbers."""

    title: str
    question: str
    steps: Iterable[Step]
    results: Mapping[str, Result] = field(default_factory=dict)
    checks: Iterable[Check] = ()
    references: tuple[str, ...] = ()
    """In place of those of the problem, where they depend on what was asked."""


@dataclass(frozen=True)
class Option:
    """An option of a problem as the command line needs it."""

    name: str
    kind: type
    default: Any
    meaning: str
    is_argument: bool


_KINDS: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "Path | None": Path}


def options_of(problem: type[Problem]) -> tuple[Option, ...]:
    """The options of a problem, in the order of the source."""
    return tuple(
        Option(
            each.name,
            _KINDS[str(each.type)],
            None if each.default is MISSING else each.default,
            each.metadata["meaning"],
            each.metadata["is_argument"],
        )
        for each in fields(problem)
        if "meaning" in each.metadata
    )


def problem_files() -> Mapping[str, Path]:
    """Names of the modules of this folder that may hold a problem, with their files."""
    folder = Path(next(iter(defib.derivations.__path__)))
    modules = sorted(each.name for each in pkgutil.iter_modules([str(folder)]))
    return {name.replace("_", "-"): folder / f"{name}.py" for name in modules}


@cache
def every_problem() -> tuple[type[Problem], ...]:
    """Every problem of the package, by name."""
    found = (problem_in(name) for name in problem_files())
    return tuple(each for each in found if each is not None)


def problem_called(name: str) -> type[Problem]:
    """The problem `name`. Raises `UnknownNameError` if there is none."""
    found = problem_in(name) if name in problem_files() else None
    if found is None:
        known = [each.name() for each in every_problem()]
        raise UnknownNameError("derivation", name, known, advice="`defib derive` lists them.")
    return found


def problem_in(name: str) -> type[Problem] | None:
    """The problem that a module of this folder holds, if it holds one."""
    module = importlib.import_module(f"{defib.derivations.__name__}.{name.replace('-', '_')}")
    for member in vars(module).values():
        is_own = inspect.isclass(member) and member.__module__ == module.__name__
        if is_own and issubclass(member, Problem) and not inspect.isabstract(member):
            return member
    return None
