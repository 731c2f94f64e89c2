"""How the second computation of a derivation is found.

A file `crosschecks/pooling.py` belongs to the derivation `pooling`. It has a function
`checks(problem, derivation)` that yields checks of the derivation's exact results.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import defib.crosschecks
from defib.derivations.base import Problem
from defib.discovery.compiler import compiler_unloaded
from defib.records.derivation import Check, Derivation

Checks = Callable[[Any, Derivation], Iterable[Check]]


def confirmed(problem: Problem) -> Derivation:
    """The derivation of `problem`, with the checks of its cross-check added if it has one."""
    derivation = problem.derive()
    checks = checks_of(problem.name())
    if checks is None:
        return derivation
    with compiler_unloaded():
        found = tuple(checks(problem, derivation))
    return replace(derivation, checks=(*found, *derivation.checks))


def checks_of(name: str) -> Checks | None:
    """The function of the cross-check of the derivation `name`; `None` if it has none."""
    modules = {each.name for each in pkgutil.iter_modules(defib.crosschecks.__path__)}
    stem = name.replace("-", "_")
    if stem not in modules:
        return None
    return importlib.import_module(f"{defib.crosschecks.__name__}.{stem}").checks
