"""A watch from beginning to end: a run directory, a monitor, its hooks."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from defib.discovery.creation import Creations
from defib.discovery.operation_sites import OperationSites
from defib.monitor.budget import DEFAULT_SHARE, Budget
from defib.monitor.guard import Guard
from defib.monitor.hooks import Hooks, connect
from defib.monitor.monitor import Monitor, Progress
from defib.records.run import Origin, RunEnding
from defib.records.storage import RunWriter


@final
@dataclass(frozen=True)
class WatchOptions:
    """`budget` is the share of the training's wall time that the monitor may use."""

    budget: float = DEFAULT_SHARE
    on_progress: Callable[[Progress], None] | None = None
    is_strict: bool = False
    """Let the monitor's own exceptions pass; for tests."""
    clock: Callable[[], float] = time.perf_counter
    """Seconds of the training, for a training that does not run all the time."""
    begun: float = math.nan
    """When the program began, on the clock; `nan` where that is not known."""


@final
class Watching:
    """A watch under way. `finish` ends it."""

    def __init__(
        self,
        directory: Path,
        *,
        script: str = "",
        arguments: Sequence[str] = (),
        origin: Origin | None = None,
        options: WatchOptions | None = None,
    ) -> None:
        options = options or WatchOptions()
        self._begun = options.begun
        self._is_finished = False
        self.directory = directory
        writer = self._writer = RunWriter(directory)
        self._header: dict[str, Any] = {
            "script": script,
            "arguments": list(arguments),
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "versions": versions(),
            "origin": origin or Origin(),
        }
        writer.write_header(self._header)

        def make_monitor(creations: Creations, operation_sites: OperationSites) -> Monitor:
            return Monitor(
                writer,
                budget=Budget(options.budget),
                creations=creations,
                guard=self._guard,
                operation_sites=operation_sites,
                clock=options.clock,
                on_progress=options.on_progress,
            )

        self._guard = Guard(self._failed, is_strict=options.is_strict)
        self._hooks = connect(make_monitor, self._guard)
        self.monitor = self._hooks.monitor

    def pause(self) -> None:
        """Record nothing until `resume`."""
        self._hooks.pause()

    def resume(self) -> None:
        """Undo one `pause`."""
        self._hooks.resume()

    def adopt(self, models: Iterable[nn.Module], optimizers: Iterable[Any]) -> None:
        """Know models and optimisers that were made before the watch began."""
        self._guard("adoption", self._adopt)(tuple(models), tuple(optimizers))

    def integrate(self, framework: str, version: str, connect: Callable[[Hooks], None]) -> None:
        """Let `connect` attach what a framework needs beyond torch's own hooks."""
        self._header["versions"] |= {framework: version}
        self._guard("header", self._writer.write_header)(self._header)
        self._guard(framework, connect)(self._hooks)

    def flush(self) -> None:
        """Write what is known so far."""
        self.pause()
        self._guard("flush", self.monitor.flush)()
        self.resume()

    def finish(self, ending: RunEnding = RunEnding.COMPLETED, error: str = "") -> None:
        """Take all hooks away and complete the record. Never raises; may be called twice."""
        self._hooks.remove()
        self._guard("start", self._write_start)()
        self._guard("ending", self.monitor.close)(ending, error)

    def _write_start(self) -> None:
        started = self.monitor.budget.started
        is_open = not self._is_finished and not math.isnan(self._begun)
        if started is not None and is_open:
            self._header["seconds_before"] = started - self._begun
            self._writer.write_header(self._header)
        self._is_finished = True

    def _adopt(self, models: tuple[nn.Module, ...], optimizers: tuple[Any, ...]) -> None:
        for model in models:
            self.monitor.creations.adopt(model)
        self.monitor.track(optimizers)

    def _failed(self, place: str, error: Exception) -> None:
        self.monitor.failed(place, error)


def versions() -> dict[str, str]:
    """What runs the training, by release."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
