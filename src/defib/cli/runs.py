"""List the runs of a directory, the newest first, each with its verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, final

import click
from rich import box
from rich.console import Console
from rich.table import Table

from defib.errors import RunDirectoryError
from defib.records.run_directory import DIAGNOSIS_FILE, RUNS_FOLDER
from defib.records.storage import RUN_FILE
from defib.report.printable import printable

NO_DIAGNOSIS = "no diagnosis"

Known = TypeVar("Known")


@click.command(help=__doc__)
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(*, directory: Path | None, as_json: bool) -> None:
    found = summaries(directory or Path(RUNS_FOLDER), is_required=directory is not None)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    if found:
        console.print(table_of(found))
    else:
        console.print(f"No runs in `{directory or RUNS_FOLDER}`. `defib run train.py` makes one.")


@final
@dataclass(frozen=True)
class RunSummary:
    """A run in one line. What is not known is `None`; `started` is in ISO 8601."""

    name: str
    script: str | None
    started: str | None
    steps: int | None
    status: str
    primary_rule: str | None
    """The rule of the first cause."""


def summaries(directory: Path, *, is_required: bool) -> tuple[RunSummary, ...]:
    """The runs in `directory`, the newest first.

    Raises `RunDirectoryError` if `directory` does not exist although it `is_required`.
    """
    if not directory.is_dir():
        if is_required:
            raise RunDirectoryError(f"There is no directory `{directory}`.")
        return ()
    found = [summary(each) for each in sorted(directory.iterdir()) if _is_run(each)]
    return tuple(sorted(found, key=_age_in_seconds))


def summary(run: Path) -> RunSummary:
    """What the header and the diagnosis of `run` say; neither need be there or be whole."""
    header = _first_object(run / RUN_FILE)
    diagnosis = _object(_text(run / DIAGNOSIS_FILE))
    return RunSummary(
        name=run.name,
        script=_known(diagnosis, "script", str) or _known(header, "script", str),
        started=_known(header, "started", str),
        steps=_known(diagnosis, "steps", int),
        status=_known(diagnosis, "status", str) or NO_DIAGNOSIS,
        primary_rule=_primary_rule(diagnosis),
    )


def table_of(runs: Iterable[RunSummary]) -> Table:
    """A row for each run."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("name", "script", "started"):
        table.add_column(column, overflow="fold")
    table.add_column("steps", justify="right")
    table.add_column("status")
    table.add_column("primary rule", overflow="fold")
    for run in runs:
        steps = "" if run.steps is None else f"{run.steps:,}"
        cells = (run.name, run.script, _minute(run.started), steps, run.status, run.primary_rule)
        table.add_row(*(printable(cell or "") for cell in cells))
    return table


def _is_run(directory: Path) -> bool:
    return any((directory / file).is_file() for file in (RUN_FILE, DIAGNOSIS_FILE))


def _age_in_seconds(run: RunSummary) -> float:
    # Runs without a time come last.
    moment = _moment(run.started)
    return float("inf") if moment is None else -moment.timestamp()


def _moment(started: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(started or "")
    except ValueError:
        return None


def _minute(started: str | None) -> str:
    moment = _moment(started)
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _primary_rule(diagnosis: Mapping[str, Any]) -> str | None:
    causes = _known(diagnosis, "findings", list) or []
    ranked = [each for each in causes if isinstance(each, dict) and _known(each, "rank", int)]
    first = min(ranked, key=lambda cause: cause["rank"], default={})
    return _known(first, "rule", str)


def _known(content: Mapping[str, Any], key: str, kind: type[Known]) -> Known | None:
    value = content.get(key)
    return value if isinstance(value, kind) else None


def _first_object(file: Path) -> Mapping[str, Any]:
    return _object(_text(file).partition("\n")[0])


def _object(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`; an empty one where it is anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
