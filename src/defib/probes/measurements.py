"""Collects what probes measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import final

from defib.monitor.transfer import Collector


class CannotMeasure(Exception):
    """Raised by a probe that cannot measure here; says why."""


@final
class Measurements:
    """Numbers by metric and subject. `single` takes tensors, which stay on their device."""

    def __init__(self) -> None:
        self.single = Collector()
        self._sequences: defaultdict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
        self._reasons: dict[str, str] = {}

    def add_sequence(self, metric: str, subject: str, values: Iterable[float]) -> None:
        """One number for each batch or step of an experiment."""
        self._sequences[metric][subject] = tuple(values)

    def leave_out(self, metrics: Iterable[str], reason: str) -> None:
        """Say why metrics could not be measured."""
        for metric in metrics:
            self._reasons.setdefault(metric, reason)

    def read(self) -> dict[str, dict[str, float]]:
        """All single numbers; waits for the device."""
        found: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for (metric, subject), value in zip(*self.single.read(), strict=True):
            found[metric][subject] = value
        return dict(found)

    @property
    def sequences(self) -> Mapping[str, Mapping[str, tuple[float, ...]]]:
        return dict(self._sequences)

    @property
    def reasons(self) -> Mapping[str, str]:
        return dict(self._reasons)
