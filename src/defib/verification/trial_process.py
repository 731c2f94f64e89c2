"""Runs one trial in a process of its own: a job in, a result out.

The job is `defib run` with conditions, so that it can be repeated by hand, or elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

from defib.errors import UsageError
from defib.records.encoding import decode, encode
from defib.records.run import RunRecord
from defib.records.trial import Trial, TrialEnding, TrialResult
from defib.user_folders import user_caches, user_settings
from defib.verification.child_processes import ChildProcesses
from defib.verification.outcome import result_of
from defib.verification.scratch import scratch_copy

RESULT_FILE = "result.json"
BUDGET_PERCENT = 5
"""Of the training's time for watching: trials are short, and are to tell much."""

_ENVIRONMENT = {
    # One thread for each: trials run side by side, and sums depend on the number of threads.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    # Trackers must not log trials as runs of the user's.
    "WANDB_MODE": "disabled",
    "MPLBACKEND": "Agg",
}


def _settings() -> dict[str, str]:
    """Where Matplotlib keeps what it makes at its first import: a re-run may write caches only."""
    is_made = (user_settings() / "matplotlib").is_dir()
    return {} if is_made else {"MPLCONFIGDIR": str(user_caches() / "matplotlib")}


# The trial's folder must not be where Python looks for defib's own modules.
_START = (
    "import sys; own = sys.path.pop(0); from defib.cli.main import main; "
    "sys.path.insert(0, own); main()"
)

PATIENCE = 5.0
"""Time of a trial over what it should take, after which it is given up."""
LEAST_SECONDS = 120.0
"""Before a trial is given up: a machine that is busy with other things takes long to start."""


@final
@dataclass(frozen=True)
class TrialProcesses:
    """Runs trials, each in a process of its own; their records go to `folder`.

    With `allows_side_effects` they run in the user's directory, otherwise in a copy of it.
    """

    folder: Path
    allows_side_effects: bool = False
    _processes: ChildProcesses = field(default_factory=ChildProcesses, init=False)

    def stop(self) -> None:
        """End those that run; from now on a trial raises `StoppedError`."""
        self._processes.stop()

    def __call__(self, trial: Trial, seconds: float) -> TrialResult:
        """The result of `trial`, which should take `seconds`; from `folder` if it is there."""
        file = self.folder / trial.name / RESULT_FILE
        known = _known(file, trial)
        if known is not None:
            return known
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in file.parent.glob("*.jsonl"):
            old.unlink()
        limit = max(LEAST_SECONDS, PATIENCE * seconds)
        with self._place(trial) as directory:
            ending, log = self._run(trial, file.parent, directory, limit)
        result = result_of(trial, file.parent, ending, log)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(encode(result), allow_nan=False), encoding="utf-8")
        temporary.replace(file)
        return result

    @contextmanager
    def _place(self, trial: Trial) -> Iterator[Path]:
        directory = Path(trial.directory)
        if self.allows_side_effects:
            yield directory
        else:
            with scratch_copy(directory) as copy:
                yield copy

    def _run(
        self, trial: Trial, out: Path, directory: Path, limit: float
    ) -> tuple[TrialEnding, str]:
        own = ["--out", str(out.absolute()), "--no-live", "--budget", str(BUDGET_PERCENT)]
        if not self.allows_side_effects:
            own += ["--write-only-in", str(directory)]
        command, *rest = _moved(trial, directory).command
        log = out / "output.txt"
        with log.open("wb") as output:
            try:
                code = self._processes.run(
                    [sys.executable, "-c", _START, command, *own, *rest],
                    cwd=directory,
                    env=_settings() | os.environ | _ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=limit,
                )
            except subprocess.TimeoutExpired:
                return TrialEnding.TIMED_OUT, f"no end within {limit:.0f} s"
        ending = TrialEnding.TRAINED if code == 0 else TrialEnding.RAISED
        return ending, _last_line(log)


def check_origin(record: RunRecord) -> None:
    """Raise `UsageError` unless the record tells how its script is started again."""
    if not record.origin.directory:
        raise UsageError(
            "This run does not tell from where its script was started (it was watched from "
            "Python, or by an older defib): run it again with `defib run --prove`."
        )


def _known(file: Path, trial: Trial) -> TrialResult | None:
    try:
        result = decode(TrialResult, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A machine that was busy, a full disk, somebody's Ctrl-C: the next time may be better.
    is_final = result.ending in (TrialEnding.TRAINED, TrialEnding.VOID)
    return result if result.trial == trial and is_final else None


def _moved(trial: Trial, directory: Path) -> Trial:
    """`trial` with a script that is given by its full path taken from the copy."""
    script, home = Path(trial.script), Path(trial.directory)
    if trial.is_module or not script.is_absolute() or not script.is_relative_to(home):
        return trial
    return replace(trial, script=str(directory / script.relative_to(home)))


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return next((line.strip() for line in reversed(lines) if "Error" in line), "")[:300]
