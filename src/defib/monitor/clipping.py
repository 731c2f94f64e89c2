"""Notices gradients that are clipped, and clipping before there is a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch

from defib.discovery.patches import Patches
from defib.discovery.sites import calling_site
from defib.monitor.guard import Guard
from defib.monitor.monitor import Monitor
from defib.records.run import Event

CALLS_SEEN = 6
"""Calls of a clipping function that are looked at: a loop that is wrong is so in each step."""
FUNCTIONS = ("clip_grad_norm_", "clip_grad_value_")


@final
class Clipping:
    """Looks at the first calls; `is_done` afterwards."""

    def __init__(self, monitor: Monitor) -> None:
        self.is_done = False
        self._monitor = monitor
        self._calls = 0
        self._early = 0

    def called(self, limit: float) -> None:
        """Gradients are about to be clipped to `limit`."""
        monitor = self._monitor
        if self._calls == 0:
            event = Event("gradient-clipping", monitor.steps, {"limit": limit}, calling_site())
            monitor.observer.event(event)
        self._calls += 1
        self._early += not monitor.has_gradients
        self.is_done = self._calls >= CALLS_SEEN
        if self.is_done and self._early == self._calls:
            detail = {"calls": float(self._calls)}
            event = Event("clipping-without-backward", monitor.steps, detail, calling_site())
            monitor.observer.event(event)


def watch_clipping(
    patches: Patches, monitor: Monitor, acts_here: Callable[[], bool], guard: Guard
) -> None:
    """From now on look at the first calls of torch's clipping functions."""
    clipping = Clipping(monitor)
    called = guard("clipping", clipping.called)

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def clip(parameters: Any, limit: Any = None, *arguments: Any, **keywords: Any) -> Any:
            if not clipping.is_done and acts_here() and not torch.compiler.is_compiling():
                given = limit if limit is not None else next(iter(keywords.values()), 0.0)
                called(float(given))
            if limit is None:
                return original(parameters, *arguments, **keywords)
            return original(parameters, limit, *arguments, **keywords)

        return clip

    for name in FUNCTIONS:
        patches.replace(torch.nn.utils, name, wrap)
