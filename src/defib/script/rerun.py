"""A script that runs once more, differently: with a fix, other seeds, fewer steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, final

from defib.records.run import Event
from defib.script.after_import import call_after_import
from defib.script.seed_shift import SeedShift
from defib.script.write_guard import WriteGuard

FIX_EVENT = "fix"
REFUSED_WRITE_EVENT = "refused-write"


@final
@dataclass(frozen=True)
class Conditions:
    """How a run differs from the script as it is.

    `fixes` are `NAME` or `NAME=VALUE`; before a step more than `steps` the script is stopped;
    `seed_shift` is added to the seeds that it sets (`None`: they are left alone); it may write
    only in the folders `writable` (anywhere, if there are none).
    """

    fixes: tuple[str, ...] = ()
    steps: int | None = None
    seed_shift: int | None = None
    writable: tuple[Path, ...] = ()


@final
class _Stop(SystemExit):
    """Ends the script as its own `sys.exit()` would."""


@final
class Rerun:
    """Brings the conditions about. `start` before the script begins, `stop` when it has ended."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._seeds: SeedShift | None = None
        self._guard: WriteGuard | None = None
        self._undo: list[Callable[[], None]] = []
        # `Any`: torch must not be imported before the script does it.
        self._trainings: dict[str, Any] = {}

    def start(self) -> None:
        """Before the script's first line."""
        # Now: when torch comes, Keras may be in the midst of its own import.
        self._undo.append(call_after_import("keras", self._connect_keras))
        if self._conditions.seed_shift is not None:
            self._seeds = SeedShift(self._conditions.seed_shift)
            self._seeds.start()
        if self._conditions.writable:
            self._guard = WriteGuard(self._conditions.writable)
            self._guard.start()

    def begin(self, torch: ModuleType) -> None:
        """The script has imported torch, and the monitor is not there yet."""
        if self._guard is not None:
            self._undo.append(self._guard.guard_torch(torch))
        if not self._conditions.fixes and self._conditions.steps is None:
            return  # An ordinary run gets no hook of ours on its modules.
        from defib.fixes.base import fix_called
        from defib.fixes.live_training import LiveTraining

        for text in self._conditions.fixes or ("",):
            training = LiveTraining(self._conditions.steps)
            if text:
                fix_called(text).connect(training)
            self._trainings[text] = training
        if self._conditions.steps is not None:
            self._stop_before_step(next(iter(self._trainings.values())), self._conditions.steps)
        for training in self._trainings.values():
            training.connect()

    # `Any`: a `Watching`, which imports torch.
    def watched_by(self, watching: Any) -> None:
        """The monitor is there now; a fix may ask it to look away."""
        for training in self._trainings.values():
            training.watch = watching

    def stop(self) -> None:
        """Take everything away again."""
        # Last on, first off: a replacement under another one could not be taken back.
        for training in reversed(self._trainings.values()):
            training.disconnect()
        for undo in self._undo:
            undo()
        if self._guard is not None:
            self._guard.stop()
        if self._seeds is not None:
            self._seeds.stop()

    def events(self) -> tuple[Event, ...]:
        """What was changed, and what was refused, for the record."""
        found = [fix_event(text, each) for text, each in self._trainings.items() if text]
        refused = self._guard.refused if self._guard is not None else []
        found += [Event(REFUSED_WRITE_EVENT, 0, {"path": path}) for path in dict.fromkeys(refused)]
        return tuple(found)

    def _connect_keras(self, keras: ModuleType) -> None:
        if self._trainings and keras.backend.backend() == "torch":
            for training in self._trainings.values():
                training.connect_keras(keras)

    @staticmethod
    def _stop_before_step(training: Any, steps: int) -> None:
        # Before the next step and not after the last one: that one is still recorded then, and
        # the evaluation that follows it is still made.
        def stop() -> None:
            # Again at each further step: the script may have caught the first one.
            if training.steps >= steps:
                raise _Stop

        training.before_any_step(stop)


# `Any`: a `LiveTraining`, which imports torch.
def fix_event(text: str, training: Any) -> Event:
    """What the fix that is typed as `text` did to `training`, for the record."""
    detail: dict[str, str | float] = {
        "fix": text,
        "done": "; ".join(training.activity),
        "times": float(sum(training.activity.values())),
        "failures": "; ".join(dict.fromkeys(training.failures))
        or ("" if training.activity else training.missing),
    }
    if math.isfinite(training.found):
        detail["found"] = training.found
    return Event(FIX_EVENT, 0, detail)
