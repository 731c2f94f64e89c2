"""What a fault is, and how all faults are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import defib.faults
from defib.faults.tasks import Task
from defib.training.setup import TrainingSetup


@dataclass(frozen=True)
class Fault(ABC):
    """A mistake that people make, put into a healthy training.

    A subclass is one file; its name is the file's name. Its docstring says what the mistake
    is and how people come to make it.
    """

    rule: ClassVar[str]
    """The rule that must name it first."""
    tasks: ClassVar[tuple[Task, ...]]
    """The trainings into which it can be put."""

    @classmethod
    def name(cls) -> str:
        """`dead-relu` for the class in `dead_relu.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @abstractmethod
    def broken(self, task: Task, seed: int) -> TrainingSetup:
        """The training with the fault in it."""

    @abstractmethod
    def healthy(self, task: Task, seed: int) -> TrainingSetup:
        """Its twin: the same training without the fault, and else alike."""


@cache
def all_faults() -> tuple[Fault, ...]:
    """Every fault of the package, by name."""
    found: list[Fault] = []
    for module in pkgutil.iter_modules(defib.faults.__path__, "defib.faults."):
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if member.__module__ != module.name or inspect.isabstract(member):
                continue
            if issubclass(member, Fault):
                found.append(member())
    return tuple(sorted(found, key=lambda fault: fault.name()))
