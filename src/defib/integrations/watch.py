"""Watching a training from Python: a notebook cell or a loop of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from torch import nn

from defib.diagnosis import diagnose
from defib.integrations.keras import connect_keras
from defib.monitor.watching import Watching, WatchOptions
from defib.records.finding import Diagnosis
from defib.records.reading import read_run
from defib.records.run import RunEnding, RunRecord
from defib.records.run_directory import RUNS_FOLDER, new_run_directory, write_diagnosis
from defib.report.machine import diagnosis_as_json
from defib.report.notebook import render_notebook
from defib.report.page import render_html
from defib.script.after_import import Cancel, call_after_import

# Anything that steps like a torch optimiser.
Optimizer = Any


def watch(
    model: nn.Module | Iterable[nn.Module] = (),
    optimizer: Optimizer | Iterable[Optimizer] = (),
    *,
    out: Path | str | None = None,
    budget: float = 0.01,
) -> Watch:
    """A watch over the training that happens inside its `with` block.

    `model` and `optimizer` (or several of each) are what is trained; what the block itself
    makes is found without being named. `budget` is the share of the training's wall time
    that watching may take. The record goes to `out`, else to a new directory under
    `defib-runs/`.

        with defib.watch(model, optimizer) as monitor:
            for inputs, targets in loader:
                ...
        monitor.diagnosis
    """
    models = (model,) if isinstance(model, nn.Module) else tuple(model)
    optimizers = tuple(optimizer) if isinstance(optimizer, Iterable) else (optimizer,)
    return Watch(models, optimizers, out=Path(out) if out else None, budget=budget)


@final
class Watch:
    """A watch: a context manager that can be asked for its diagnosis at any time."""

    def __init__(
        self,
        models: tuple[nn.Module, ...],
        optimizers: tuple[Optimizer, ...],
        *,
        out: Path | None,
        budget: float,
    ) -> None:
        self._models = models
        self._optimizers = optimizers
        self._out = out
        self._budget = budget
        self._watching: Watching | None = None
        self._cancel: Cancel = lambda: None

    def __enter__(self) -> Self:
        directory = self._out or new_run_directory("watch", Path.cwd() / RUNS_FOLDER)
        options = WatchOptions(budget=self._budget)
        self._watching = Watching(directory, script="watch", options=options)
        self._cancel = call_after_import("keras", partial(connect_keras, self._watching))
        self._watching.adopt(self._models, self._optimizers)
        _show_diagnoses_in_notebooks()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._watching is not None
        self._cancel()
        self._watching.finish(_ending(error), "" if error is None else f"{kind}: {error}")
        write_diagnosis(self.directory, diagnosis_as_json(self.diagnosis))

    @property
    def directory(self) -> Path:
        """The run directory. Raises `RuntimeError` before the `with` block."""
        if self._watching is None:
            raise RuntimeError("Nothing was watched yet: use `with defib.watch(...) as monitor:`.")
        return self._watching.directory

    @property
    def record(self) -> RunRecord:
        """What was recorded so far."""
        directory = self.directory
        assert self._watching is not None
        self._watching.flush()
        return read_run(directory)

    @property
    def diagnosis(self) -> Diagnosis:
        """The verdict on what was recorded so far."""
        return diagnose(self.record)

    def report(self, path: Path | str) -> Path:
        """Write the HTML report to `path`."""
        record = self.record
        target = Path(path)
        target.write_text(render_html(record, diagnose(record)), encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        return render_notebook(self.diagnosis)


def _ending(error: BaseException | None) -> RunEnding:
    if error is None:
        return RunEnding.COMPLETED
    interrupted = isinstance(error, KeyboardInterrupt)
    return RunEnding.INTERRUPTED if interrupted else RunEnding.RAISED


def _show_diagnoses_in_notebooks() -> None:
    """Have IPython, where it runs, show a `Diagnosis` as a page and not as a dataclass."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(Diagnosis, render_notebook)
