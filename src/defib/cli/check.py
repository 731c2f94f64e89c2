"""Check a training script before its first step: all that can be known by then, on copies."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial

import click

from defib.cli.run import STRICT_EXIT_CODE, RunCommand
from defib.script.launch import run_module, run_script


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
)
@click.option("-m", "--module", metavar="MODULE", help="Check a module, as `python -m MODULE`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help="Exit with 3 on a finding of severity error.")
@click.option("--verbose", "-v", is_flag=True, help="A line for every rule.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(
    *,
    module: str | None,
    as_json: bool,
    strict: bool,
    verbose: bool,
    script: str | None,
    arguments: tuple[str, ...],
) -> Callable[[], object] | None:
    """Run SCRIPT as `python SCRIPT ARGUMENTS` would, up to its first backward pass, and stop it.

    What can be known by then is measured on copies of the network, the optimiser, the batch and
    the random state. No optimiser takes a step. What the script prints goes to standard error.
    """
    if module is not None:
        arguments = (script, *arguments) if script is not None else arguments
        name, launch = module, partial(run_module, module, arguments)
    elif script is not None:
        name, launch = script, partial(run_script, script, arguments)
    else:
        raise click.UsageError(
            "Expected a script or -m MODULE, for instance `defib check train.py`."
        )
    with redirect_stdout(sys.stderr):  # What the user's code prints must not stand in the JSON.
        from defib.script.preflight import preflight

        record = preflight(name, launch)
    from defib.checkup import check_up

    checkup = check_up(record)
    if as_json:
        from defib.report.check_json import checkup_as_json

        content = checkup_as_json(checkup)
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from rich.console import Console

        from defib.report.check_text import print_checkup

        console = Console(highlight=False, markup=False, emoji=False)
        print_checkup(checkup, console, details=verbose)
    is_bad = any(each.severity.value == "error" for each in checkup.findings)
    return partial(sys.exit, STRICT_EXIT_CODE) if strict and is_bad else None
