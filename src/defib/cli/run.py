"""Run a training script unchanged, watch it, and say what keeps it from training."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, final

import click

from defib.errors import DefibError
from defib.fixes.names import check_fix
from defib.records.finding import Diagnosis, Severity
from defib.records.run import Origin, RunEnding
from defib.records.run_directory import RUNS_FOLDER, new_run_directory, write_diagnosis
from defib.script.after_import import call_after_import
from defib.script.launch import run_module, run_script
from defib.script.outcome import Ending, Outcome, exit_like_python
from defib.script.rerun import Conditions, Rerun

STRICT_EXIT_CODE = 3

_ENDINGS = {
    Ending.COMPLETED: RunEnding.COMPLETED,
    Ending.EXITED: RunEnding.COMPLETED,
    Ending.RAISED: RunEnding.RAISED,
    Ending.INTERRUPTED: RunEnding.INTERRUPTED,
}


@final
class RunCommand(click.Command):
    """Everything behind the script, or behind `-m MODULE`, is the script's own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [each for each in self.params if isinstance(each, click.Option)]
        with_value = {name for each in options if not each.is_flag for name in each.opts}
        before, module = _split_at_module(args, with_value - {"-m", "--module"})
        if module is not None:
            args = [*before, "--module", module[0], "--", *module[1:]]
        return super().parse_args(ctx, args)


def _split_at_module(
    args: list[str], with_value: Container[str]
) -> tuple[list[str], list[str] | None]:
    """What stands before a leading `-m`, and what behind it."""
    position = 0
    while position < len(args) and args[position].startswith("-"):
        if args[position] == "-m" and position + 1 < len(args):
            return args[:position], args[position + 1 :]
        position += 2 if args[position] in with_value else 1
    return args, None


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
)
@click.option("-m", "--module", metavar="MODULE", help="Run a module, as `python -m MODULE`.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help=f"Write the run here instead of {RUNS_FOLDER}/<script>-<time>.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PERCENT",
    help="Share of the training's time that watching may take; the first steps are watched "
    "whatever that costs.",
)
@click.option(
    "--with",
    "fixes",
    multiple=True,
    metavar="FIX[=VALUE]",
    help="Apply a fix from outside; may be given several times. `defib fixes` lists them.",
)
@click.option("--steps", type=click.IntRange(1), help="Stop the script after so many steps.")
@click.option(
    "--seed-shift",
    type=click.IntRange(0),
    metavar="K",
    help="Add K to the seeds that the script sets; seed what it leaves unseeded.",
)
@click.option(
    "--write-only-in",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Refuse what the script would write elsewhere.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 on a finding of severity error.")
@click.option("--prove", is_flag=True, help="Then re-run the script with the fixes, as `prove`.")
@click.option("--verbose", "-v", is_flag=True, help="Also list the rules that could not judge.")
@click.option("--live/--no-live", default=True, help="A live line, on a terminal.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    *,
    module: str | None,
    out: Path | None,
    budget: float,
    fixes: tuple[str, ...],
    steps: int | None,
    seed_shift: int | None,
    write_only_in: Path | None,
    strict: bool,
    prove: bool,
    verbose: bool,
    live: bool,
    script: str | None,
    arguments: tuple[str, ...],
) -> Callable[[], NoReturn]:
    """Run SCRIPT exactly as `python SCRIPT ARGUMENTS` would, and watch the training in it.

    What defib says goes to standard error; the exit code is the script's own.
    """
    if module is not None:
        arguments = (script, *arguments) if script is not None else arguments
        launch = partial(run_module, module, arguments)
    elif script is not None:
        launch = partial(run_script, script, arguments)
    else:
        raise click.UsageError("Expected a script or -m MODULE, for instance `defib run train.py`.")
    # Keras trains on torch unless the user says otherwise; defib watches torch.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    for fix in fixes:
        check_fix(fix)
    # The record is defib's own to write, wherever it goes.
    own = (out.absolute(),) if out is not None else (Path.cwd() / RUNS_FOLDER,)
    writable = (write_only_in, *own) if write_only_in is not None else ()
    conditions = Conditions(fixes, steps, seed_shift, writable)
    watched = WatchedScript(
        script if module is None else module,
        arguments,
        WatchSettings(out, budget / 100, live, is_module=module is not None),
        conditions,
    )
    outcome = watched.run(launch)
    if not outcome.is_watched_process():
        return partial(exit_like_python, outcome)
    diagnosis = watched.report(outcome, is_verbose=verbose)
    if prove:
        watched.prove(diagnosis)
    is_bad = diagnosis is not None and any(
        finding.severity is Severity.ERROR for finding in diagnosis.findings
    )
    if strict and is_bad and outcome.exit_code == 0:
        return partial(sys.exit, STRICT_EXIT_CODE)
    return partial(exit_like_python, outcome)


@final
@dataclass(frozen=True)
class WatchSettings:
    """`out` is where the run goes, `budget` the share of the time that watching may take."""

    out: Path | None
    budget: float
    is_live: bool
    is_module: bool


@final
class WatchedScript:
    """One script under watch, from before its first line to the printed verdict."""

    def __init__(
        self,
        name: str | None,
        arguments: tuple[str, ...],
        settings: WatchSettings,
        conditions: Conditions,
    ) -> None:
        self._name = name or ""
        self._arguments = arguments
        self._folder = Path.cwd() / RUNS_FOLDER
        self._out = settings.out.absolute() if settings.out else None
        self._budget = settings.budget
        self._live = settings.is_live
        self._origin = Origin(str(Path.cwd()), settings.is_module)
        self._rerun = Rerun(conditions)
        self._stream = sys.stderr
        self._directory: Path | None = None
        self._is_unwatched = False
        self._begun = time.perf_counter()
        # `Any`: torch must not be imported before the script does it.
        self._watching: Any = None
        self._display: Any = None

    def run(self, launch: Callable[[], Outcome]) -> Outcome:
        """Run the script; the watch begins when it imports torch."""
        self._rerun.start()
        try:
            outcome = self._launched(launch)
            if outcome.is_watched_process() and self._watching is not None:
                self._finish(outcome)
        finally:
            # Last, as it was there first: the monitor's replacements stand on those of fixes.
            self._rerun.stop()
        return outcome

    def _launched(self, launch: Callable[[], Outcome]) -> Outcome:
        cancel = call_after_import("torch", self._begin)
        cancel_keras = call_after_import("keras", self._connect_keras)
        try:
            return launch()
        finally:
            cancel()
            cancel_keras()
            if self._display is not None:
                self._display.close()

    def _finish(self, outcome: Outcome) -> None:
        error = outcome.exception
        has_failed = error is not None and outcome.ending is not Ending.EXITED
        text = f"{type(error).__name__}: {error}"[:2000] if has_failed else ""
        for event in self._rerun.events():
            self._watching.monitor.observer.event(event)
        self._watching.finish(_ENDINGS[outcome.ending], text)

    def report(self, outcome: Outcome, *, is_verbose: bool) -> Diagnosis | None:
        """Diagnose, write `diagnosis.json`, print the verdict; `None` where that cannot be."""
        if self._is_unwatched:
            return None
        try:
            return self._report(is_verbose)
        except Exception as error:
            # The script's own end counts; defib's trouble is told and changes nothing.
            print(
                f"defib: the verdict could not be given ({type(error).__name__}: {error}). "
                f"The script itself ended as usual with exit code {outcome.exit_code}."
                + (f" Its record is in {self._directory}." if self._directory else ""),
                file=self._stream,
            )
            return None

    def prove(self, diagnosis: Diagnosis | None) -> None:
        """Re-run the script with the fixes of what was found; its own end counts for all that."""
        if diagnosis is None or self._directory is None or not diagnosis.causes:
            return
        from defib.cli.prove import prove_run

        try:
            prove_run(self._directory)
        except DefibError as error:
            print(f"defib: nothing could be proved: {error}", file=self._stream)

    def _report(self, is_verbose: bool) -> Diagnosis:
        from rich.console import Console

        from defib.diagnosis import diagnose
        from defib.records.reading import read_run
        from defib.records.run import RunRecord
        from defib.report.machine import diagnosis_as_json
        from defib.report.text import print_verdict

        if self._directory is not None:
            record = read_run(self._directory)
        else:
            record = RunRecord(script=self._name, arguments=self._arguments)
        diagnosis = diagnose(record)
        if self._directory is not None:
            write_diagnosis(self._directory, diagnosis_as_json(diagnosis))
        print_verdict(
            diagnosis,
            Console(file=self._stream),
            details=is_verbose,
            run_directory=_shown(self._directory),
        )
        return diagnosis

    def _begin(self, torch: ModuleType) -> None:
        """The script has imported torch. Nothing that goes wrong here may reach it."""
        try:
            from defib.monitor.watching import Watching, WatchOptions

            # Before the monitor: it is to see what the fixes have done.
            self._rerun.begin(torch)
            self._directory = self._make_directory()
            if self._live:
                self._open_display()
            on_progress = self._display.update if self._display is not None else None
            self._watching = Watching(
                self._directory,
                script=self._name,
                arguments=self._arguments,
                origin=self._origin,
                options=WatchOptions(
                    budget=self._budget, on_progress=on_progress, begun=self._begun
                ),
            )
            self._rerun.watched_by(self._watching)
        except Exception as error:
            self._is_unwatched = True
            print(
                f"defib: the script runs unwatched ({type(error).__name__}: {error}).",
                file=self._stream,
            )

    def _connect_keras(self, keras: ModuleType) -> None:
        """The script has imported Keras, and with it torch, if Keras trains on that."""
        if self._watching is None:
            return
        try:
            from defib.integrations.keras import connect_keras

            connect_keras(self._watching, keras)
        except Exception as error:
            print(
                f"defib: what Keras trains is not watched ({type(error).__name__}: {error}).",
                file=self._stream,
            )

    def _make_directory(self) -> Path:
        if self._out is not None:
            self._out.mkdir(parents=True, exist_ok=True)
            return self._out
        directory = new_run_directory(self._name, self._folder)
        if directory.parent != self._folder:
            print(
                f"defib: `{self._folder}` cannot be written; the run goes to `{directory}`.",
                file=self._stream,
            )
        return directory

    def _open_display(self) -> None:
        from defib.report.live_line import LiveLine
        from defib.script.live_verdict import LiveVerdict

        if LiveLine.fits(self._stream) and self._directory is not None:
            self._display = LiveVerdict(LiveLine(self._stream), self._directory)


def _shown(directory: Path | None) -> str | None:
    if directory is None:
        return None
    try:
        return str(directory.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(directory)
