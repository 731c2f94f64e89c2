"""What a probe is, and how all probes are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from functools import cache
from typing import ClassVar

import defib.probes
from defib.probes.measurements import Measurements
from defib.probes.setup import Setup


class Probe(ABC):
    """An experiment at the first batch. One file is one probe; it is found by being there.

    It works on copies alone: `setup` gives them. What it measures is judged by rules.
    """

    measures: ClassVar[tuple[str, ...]]
    """Metrics; where the probe cannot measure, each of them gets the reason."""
    order: ClassVar[int]
    """Probes run from the lowest to the highest, as long as there is time: what is cheap and
    says much comes first. 0-99 look at what is there, 100-199 run the network, from 200 on they
    train a copy."""

    @classmethod
    def name(cls) -> str:
        """`initial-loss` for the class in `initial_loss.py`."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @abstractmethod
    def measure(self, setup: Setup, into: Measurements) -> None:
        """Add what can be measured to `into`; raise `CannotMeasure` with the reason if unable."""


@cache
def all_probes() -> tuple[Probe, ...]:
    """Every probe of the package, in the order in which they run."""
    found: list[Probe] = []
    for module in pkgutil.iter_modules(defib.probes.__path__, "defib.probes."):
        for member in vars(importlib.import_module(module.name)).values():
            is_own = inspect.isclass(member) and member.__module__ == module.name
            if is_own and issubclass(member, Probe) and not inspect.isabstract(member):
                found.append(member())
    return tuple(sorted(found, key=lambda probe: (probe.order, probe.name())))
