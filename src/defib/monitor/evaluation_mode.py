"""Notices evaluations of a network that was left in training mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from defib.discovery.creation import Creations
from defib.discovery.patches import Patches
from defib.discovery.sites import calling_site
from defib.monitor.guard import Guard
from defib.monitor.monitor import Monitor
from defib.records.run import MODE_EVENT, Event
from defib.records.site import Site

EVALUATIONS_SEEN = 3
"""Evaluations, at steps of their own, that must all be in training mode."""


@final
class EvaluationMode:
    """Looks at the modes of dropout and batch normalisation during the first evaluations.

    Where one of them is in evaluation mode, somebody has called `eval`, and nothing is noted:
    of several networks, not all need be those that are evaluated. The same holds where one was in
    it since the last step: predictions may be made in evaluation mode, and the loss afterwards.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._steps: set[int] = set()
        self._is_done = False
        self._is_told = False
        self._evaluating_step = 0

    def connect(self, patches: Patches, guard: Guard) -> None:
        """Be told where a module is set to evaluation mode."""
        begins = guard("evaluation mode", self._begin)

        def wrap(original: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
            def train(module: nn.Module, mode: bool = True) -> nn.Module:
                if not mode:
                    begins()
                return original(module, mode)

            return train

        patches.replace(nn.Module, "train", wrap)

    def look(self) -> None:
        """An evaluation has just been seen."""
        step = self._monitor.steps
        if self._is_done or step == 0 or step in self._steps:
            return
        depending = _depending_on_mode(self._monitor.creations)
        if not self._steps and not self._is_told:
            self._is_told = True
            self._note(MODE_EVENT, depending)
        is_left = all(each.training for each in depending)
        if not depending or not is_left or self._evaluating_step >= step:
            self._is_done = True
            return
        self._steps.add(step)
        if len(self._steps) >= EVALUATIONS_SEEN:
            self._is_done = True
            self._note("evaluation-in-training-mode", depending, calling_site())

    def _note(self, kind: str, modules: list[nn.Module], site: Site | None = None) -> None:
        kinds = ", ".join(dict.fromkeys(type(each).__name__ for each in modules))
        detail = {"modules": float(len(modules)), "kinds": kinds}
        self._monitor.observer.event(Event(kind, self._monitor.steps, detail, site))

    def _begin(self) -> None:
        if not self._is_done:
            self._evaluating_step = self._monitor.steps_taken()


def _depending_on_mode(creations: Creations) -> list[nn.Module]:
    """The modules that act otherwise in evaluation.

    Copies too, whose constructors did not run: `nn.TransformerEncoder` copies the layer it gets.
    """
    roots = creations.living(nn.Module)
    living = {id(each): each for root in roots for each in root.modules()}
    return [each for each in living.values() if _depends_on_mode(each)]


def _depends_on_mode(module: nn.Module) -> bool:
    if isinstance(module, _DropoutNd):
        return module.p > 0
    return isinstance(module, _BatchNorm) and module.track_running_stats
