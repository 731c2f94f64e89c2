"""Re-run a script with and without the fixes of its leading causes, and say which work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from defib.errors import UsageError
from defib.records.reading import read_run
from defib.records.run_directory import RUNS_FOLDER, newest_run
from defib.verification.plan import LARGEST_COST


@click.command(help=__doc__)
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--cost",
    type=click.FloatRange(2),
    default=LARGEST_COST,
    show_default=True,
    help="What all re-runs may take, in times of the watched run, training and as a whole.",
)
@click.option("--jobs", type=click.IntRange(1), help="Re-runs at once; by default one per core.")
@click.option(
    "--allow-side-effects",
    is_flag=True,
    help="Re-run in the working directory itself, not in a copy; files may be overwritten.",
)
def prove(*, run: Path | None, cost: float, jobs: int | None, allow_side_effects: bool) -> None:
    directory = run or newest_run(Path(RUNS_FOLDER))
    if directory is None:
        raise UsageError(f"There is no run in `{RUNS_FOLDER}`; give the directory of one.")
    prove_run(directory, cost=cost, jobs=jobs, allows_side_effects=allow_side_effects)


def prove_run(
    directory: Path,
    *,
    cost: float = LARGEST_COST,
    jobs: int | None = None,
    allows_side_effects: bool = False,
) -> None:
    """Prove the run in `directory`, write `proof.json` and the diagnosis anew, print both."""
    from rich.console import Console

    from defib.diagnosis import diagnose
    from defib.records.run_directory import write_diagnosis
    from defib.report.machine import diagnosis_as_json
    from defib.report.proof_text import print_proof
    from defib.verification.child_processes import ended_by_signals
    from defib.verification.conclusion import concluded, write_proof
    from defib.verification.ledger import ProofOptions
    from defib.verification.proof import prove
    from defib.verification.trial_process import TrialProcesses, check_origin

    console = Console(file=sys.stderr)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    record = read_run(directory)
    check_origin(record)
    folder = directory / "trials"
    trials = TrialProcesses(folder, allows_side_effects=allows_side_effects)
    options = ProofOptions(
        folder=folder,
        run=trials,
        stop=trials.stop,
        cost=cost,
        jobs=jobs or cores or 1,
        report=lambda line: console.print(f"  {line}", style="dim", highlight=False),
    )
    with ended_by_signals():
        proof = prove(record, options)
    write_proof(directory, proof)
    diagnosis = concluded(diagnose(record), proof)
    write_diagnosis(directory, diagnosis_as_json(diagnosis))
    print_proof(diagnosis, proof, console)
