"""Run the experiments behind what defib says: a question, claims, and the numbers that decide."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defib.cli.run import STRICT_EXIT_CODE

if TYPE_CHECKING:
    from rich.console import Console

    from defib.records.study import StudyResult
    from defib.studies.base import AnyStudy
    from defib.studies.running import Request

STUDIES_FOLDER = "defib-studies"

OUT = click.Option(
    ["--out"],
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=Path(STUDIES_FOLDER),
    show_default=True,
    help="Where results and pages go; a folder for each study.",
)
SIZE = click.Option(["--full", "is_full"], is_flag=True, help="At full size; quick otherwise.")
SEED = click.Option(
    ["--seed"],
    type=click.IntRange(0, 999),
    default=0,
    metavar="N",
    help="Another seed, other initial weights, data and orders.",
)
JOBS = click.Option(
    ["--jobs"],
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes at once; as many as there are processors if not given.",
)
DEVICE = click.Option(
    ["--device"],
    default="",
    metavar="NAME",
    help="Where networks are trained: `cpu`, `cuda`, ...; at full size a GPU, if there is one.",
)
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")
STRICT = click.Option(["--strict"], is_flag=True, help="Exit with 3 unless every claim holds.")
TABLES = click.Option(["--tables", "has_tables"], is_flag=True, help="Print the tables as well.")


def list_studies(*, as_json: bool) -> None:
    """List the studies with the questions that they ask."""
    from defib.report.study_text import print_catalogue
    from defib.studies.base import all_studies

    if as_json:
        content = [
            {"study": each.name, "exercises": list(each.exercises), "question": each.question}
            for each in all_studies()
        ]
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    rows = {each.name: (", ".join(each.exercises), each.question) for each in all_studies()}
    print_catalogue(rows, _console())


def run_study(
    *,
    name: str,
    is_full: bool,
    seed: int,
    jobs: int | None,
    device: str,
    out: Path,
    as_json: bool,
    strict: bool,
    has_tables: bool,
) -> Callable[[], object] | None:
    """Run the study NAME, or go on where an earlier run was interrupted."""
    from defib.errors import UsageError
    from defib.report.study_text import files_text, print_study
    from defib.studies.base import study_called
    from defib.studies.devices import devices_of
    from defib.studies.running import Request

    study = study_called(name)
    _check_device(device)
    if device and not devices_of(study.quick):
        raise UsageError(f"--device: the study {name} has no choice of a device.")
    _provide_data(study)
    request = Request((study,), is_full, seed, _workers(jobs), out, device=device)
    [result] = _run(request)
    if as_json:
        _print_json(result)
    else:
        print_study(result, _console(), question=study.question, has_tables=has_tables)
        click.echo(files_text(request.folder(study)), err=True)
    return _ending([result], strict=strict)


def run_all(
    *, is_full: bool, seed: int, jobs: int | None, device: str, out: Path, strict: bool
) -> Callable[[], object] | None:
    """Run every study and make one site of them: an index, and a page for each.

    A study whose data are neither on this machine nor can be fetched is left out.
    """
    from defib.report.study_text import print_studies
    from defib.studies.base import all_studies
    from defib.studies.running import Request

    _check_device(device)
    studies = tuple(each for each in all_studies() if _has_data(each))
    request = Request(studies, is_full, seed, _workers(jobs), out, has_index=True, device=device)
    results = _run(request)
    print_studies(results, _console())
    click.echo(str(out / "index.html"), err=True)
    return _ending(results, strict=strict)


def _check_device(device: str) -> None:
    from defib.studies.devices import check_device

    if device:
        check_device(device)


def _provide_data(study: AnyStudy) -> None:
    """Fetch what the study needs once, before its jobs ask for it in several processes."""
    from defib.datasets.catalogue import published_set
    from defib.datasets.images import load_images

    if study.dataset:
        load_images(published_set(study.dataset), say=partial(click.echo, err=True))


def _has_data(study: AnyStudy) -> bool:
    from defib.errors import DatasetUnavailableError

    try:
        _provide_data(study)
    except DatasetUnavailableError:
        click.echo(
            f"{study.name} is left out: it needs `defib data fetch {study.dataset}`.", err=True
        )
        return False
    return True


def show(*, result: Path, as_json: bool, has_tables: bool) -> None:
    """Show RESULT, a folder that `defib study run` wrote or the `result.json` in it."""
    from defib.errors import UnknownNameError
    from defib.records.study_json import read_result
    from defib.report.study_text import print_study
    from defib.studies.base import study_called

    found = read_result(result)
    if as_json:
        _print_json(found)
        return
    try:
        question = study_called(found.study).question
    except UnknownNameError:  # The result of a plug-in, or of a later release.
        question = ""
    print_study(found, _console(), question=question, has_tables=has_tables)


study = click.Group(
    "study",
    help=__doc__,
    commands=[
        click.Command("list", callback=list_studies, params=[JSON], help=list_studies.__doc__),
        click.Command(
            "run",
            callback=run_study,
            params=[click.Argument(["name"]), SIZE, SEED, JOBS, DEVICE, OUT, TABLES, JSON, STRICT],
            help=run_study.__doc__,
        ),
        click.Command(
            "show",
            callback=show,
            params=[click.Argument(["result"], type=click.Path(path_type=Path)), TABLES, JSON],
            help=show.__doc__,
        ),
        click.Command(
            "all",
            callback=run_all,
            params=[SIZE, SEED, JOBS, DEVICE, OUT, STRICT],
            help=run_all.__doc__,
        ),
    ],
)
"""One object, because a file of this folder holds one command."""


def _run(request: Request) -> list[StudyResult]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from defib.studies.running import run_studies

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    amounts = Counter(job.study for job, _ in request.jobs())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = {name: progress.add_task(name, total=amount) for name, amount in amounts.items()}
        return list(run_studies(request, lambda job: progress.advance(bars[job.study])))


def _workers(jobs: int | None) -> int:
    return jobs if jobs is not None else os.cpu_count() or 1


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _print_json(result: StudyResult) -> None:
    from defib.records.study_json import json_text, result_as_json

    click.echo(json_text(result_as_json(result)), nl=False)


def _ending(results: list[StudyResult], *, strict: bool) -> Callable[[], object] | None:
    from defib.records.study import Verdict

    all_hold = all(result.count(Verdict.HOLDS) == len(result.claims) for result in results)
    return partial(sys.exit, STRICT_EXIT_CODE) if strict and not all_hold else None
