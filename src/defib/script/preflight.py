"""Runs a script to its first backward pass, measures all that can be known by then, stops it."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any, final

from defib.errors import DefibError, UsageError
from defib.records.preflight import PreflightRecord
from defib.script.first_backward import Call, FirstBackward, Moment, nothing_trained
from defib.script.outcome import Outcome


def preflight(name: str, launch: Callable[[], Outcome]) -> PreflightRecord:
    """What was measured of the training that `launch` runs, before its first step.

    The script `name` is run in this process. Raises `UsageError` where it trains nothing.
    """
    # A compiled network shows neither its layers nor its activations, and compiles for long.
    os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    # Keras trains on torch unless the user says otherwise; defib watches torch.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    spectator = _Preflight(name)
    outcome = FirstBackward(spectator).run(launch)
    if spectator.error is not None:
        raise spectator.error
    if spectator.record is None:
        raise UsageError(nothing_trained(name, outcome))
    return spectator.record


@final
class _Preflight:
    """Imports what needs torch only when the script has imported it."""

    def __init__(self, name: str) -> None:
        self.record: PreflightRecord | None = None
        self.error: DefibError | None = None
        self._name = name
        self._watch: Any = None

    def begin(self, torch: ModuleType, patches: Any) -> None:
        del torch
        from defib.script.preflight_watch import PreflightWatch

        self._watch = PreflightWatch(self._name, patches)

    def calling(self) -> None:
        self._watch.calling()

    def called(self, call: Call) -> None:
        self._watch.called(call)

    def found(self, moment: Moment) -> None:
        # Raised later: here the user's code is on the stack, and would get it.
        try:
            self.record = self._watch.record(moment)
        except DefibError as error:
            self.error = error
        except Exception as error:
            self.error = UsageError(
                f"`{self._name}` could not be looked at ({type(error).__name__}: {error}). "
                "Use `defib run`."
            )
