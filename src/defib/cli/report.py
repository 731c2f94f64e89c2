"""Make one self-contained HTML page of a run, or print its diagnosis as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import click

from defib.errors import RunDirectoryError, UsageError
from defib.records.run_directory import RUNS_FOLDER, newest_run

PAGE_FILE = "report.html"


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Where to write the page; {PAGE_FILE} in the run directory if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON instead.")
def report(*, run: Path | None, output: Path | None, as_json: bool) -> None:
    """Write the report of RUN (the newest run if none is given)."""
    from defib.diagnosis import diagnose
    from defib.records.reading import read_run
    from defib.report.machine import diagnosis_as_json
    from defib.verification.conclusion import concluded, read_proof

    directory = run or _newest()
    record = read_run(directory)
    diagnosis = diagnose(record)
    proof = read_proof(directory)
    if proof is not None:
        diagnosis = concluded(diagnosis, proof)
    if as_json:
        click.echo(json.dumps(diagnosis_as_json(diagnosis), indent=2, ensure_ascii=False))
        return
    from defib.report.page import render_html

    page = output or directory / PAGE_FILE
    text = render_html(record, diagnosis, proof)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to `{page}` ({error.strerror}). "
            "Name another place with `--output FILE`."
        ) from error
    click.echo(str(page))


def _newest() -> Path:
    newest = newest_run(Path(RUNS_FOLDER))
    if newest is None:
        raise RunDirectoryError(
            f"There is no run in `{RUNS_FOLDER}`. Make one with `defib run train.py`, "
            "or name a run directory."
        )
    return newest
