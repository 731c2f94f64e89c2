"""Find the learning rates with which a script trains: an honest learning-rate range test."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import click

from defib.cli.run import RunCommand
from defib.script.launch import run_module, run_script


@click.command(
    cls=RunCommand,
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
)
@click.option("-m", "--module", metavar="MODULE", help="Sweep a module, as `python -m MODULE`.")
@click.option("--start", type=float, default=1e-6, show_default=True, help="First learning rate.")
@click.option("--end", type=float, default=10.0, show_default=True, help="Last learning rate.")
@click.option("--steps", type=int, default=700, show_default=True, help="Optimiser steps.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw losses, marks and other tools' rules into this .png, .svg or .pdf.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lr_range(
    *,
    module: str | None,
    start: float,
    end: float,
    steps: int,
    picture: Path | None,
    as_json: bool,
    script: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Run SCRIPT as `python SCRIPT ARGUMENTS` would, with a growing learning rate, and stop it.

    Its own optimiser steps are taken with learning rates from --start to --end, each parameter
    group in its proportion. The answer is an interval with its spread, or that there is none.
    `torch.save` writes nothing meanwhile; what the script prints goes to standard error.
    """
    if module is not None:
        arguments = (script, *arguments) if script is not None else arguments
        name, launch = module, partial(run_module, module, arguments)
    elif script is not None:
        name, launch = script, partial(run_script, script, arguments)
    else:
        raise click.UsageError(
            "Expected a script or -m MODULE, for instance `defib lr-range train.py`."
        )
    from defib.training.range_options import RangeOptions

    options = RangeOptions(start=start, end=end, steps=steps)
    target = picture.absolute() if picture is not None else None  # the script may change folders
    with redirect_stdout(sys.stderr):  # What the user's code prints must not stand in the JSON.
        from defib.script.lr_range import range_of_script

        found = range_of_script(name, launch, options)
    if target is not None:
        from defib.report.lr_range_picture import save_range_picture

        save_range_picture(target, found)
    if as_json:
        from defib.report.lr_range_json import range_as_json

        content = range_as_json(found)
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from rich.console import Console

        from defib.report.lr_range_text import print_range

        print_range(found, Console(highlight=False, markup=False, emoji=False))
