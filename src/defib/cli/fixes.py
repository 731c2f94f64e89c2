"""List the fixes: what `defib prove` tries, and `defib run --with` applies."""

from __future__ import annotations

import inspect
import json

import click
from rich import box
from rich.console import Console
from rich.table import Table

from defib.fixes.base import Fix, all_fixes


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fixes(*, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in all_fixes()], indent=2))
        return
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fix", no_wrap=True)
    table.add_column("value")
    table.add_column("what it does")
    for fix in all_fixes():
        table.add_row(fix.name(), fix.meaning, what_it_does(fix))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "`defib explain NAME` shows the page of a fix; `defib run --with NAME[=VALUE] train.py` "
        "applies it.",
        style="dim",
    )


def what_it_does(fix: Fix) -> str:
    """The first line of the docstring of `fix`."""
    return (inspect.getdoc(type(fix)) or "").partition("\n")[0]


def _as_json(fix: Fix) -> dict[str, str]:
    return {"name": fix.name(), "value": fix.meaning, "what_it_does": what_it_does(fix)}
