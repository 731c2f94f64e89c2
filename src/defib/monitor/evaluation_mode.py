"""Notices evaluations of a network that was left in training mode."""

from __future__ import annotations

from typing import final

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from defib.discovery.creation import Creations
from defib.discovery.sites import calling_site
from defib.monitor.monitor import Monitor
from defib.records.run import Event

EVALUATIONS_SEEN = 3
"""Evaluations, at steps of their own, that must all be in training mode."""


@final
class EvaluationMode:
    """Looks at the modes of dropout and batch normalisation during the first evaluations.

    Where one of them is in evaluation mode, somebody has called `eval`, and nothing is noted:
    of several networks, not all need be those that are evaluated.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._steps: set[int] = set()
        self._is_done = False

    def look(self) -> None:
        """An evaluation has just been seen."""
        step = self._monitor.steps
        if self._is_done or step == 0 or step in self._steps:
            return
        left = _left_in_training(self._monitor.creations)
        if not left:
            self._is_done = True
            return
        self._steps.add(step)
        if len(self._steps) >= EVALUATIONS_SEEN:
            self._is_done = True
            detail = {"modules": float(len(left)), "kinds": ", ".join(dict.fromkeys(left))}
            event = Event("evaluation-in-training-mode", step, detail, calling_site())
            self._monitor.observer.event(event)


def _left_in_training(creations: Creations) -> list[str]:
    """Kinds of the modules that act otherwise in evaluation; none if one is in that mode."""
    left = []
    for module in creations.living(nn.Module):
        if _depends_on_mode(module):
            if not module.training:
                return []
            left.append(type(module).__name__)
    return left


def _depends_on_mode(module: nn.Module) -> bool:
    if isinstance(module, _DropoutNd):
        return module.p > 0
    return isinstance(module, _BatchNorm) and module.track_running_stats
