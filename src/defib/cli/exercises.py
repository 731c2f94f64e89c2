"""List the exercises of the course and the commands that answer them."""

from __future__ import annotations

import json

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from defib.concepts.catalogue import Exercise, exercises
from defib.concepts.shown_by import studies_for
from defib.errors import UnknownNameError


@click.command(name="exercises")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def exercises_command(*, name: str | None, as_json: bool) -> None:
    """Show which command answers which exercise; NAME is one of them, as `B9`, or a sheet, `B`."""
    rows = [(each, commands_of(each), missing_of(each)) for each in chosen(name)]
    if as_json:
        content = [
            {"exercise": each.name, "asked": each.asked, "commands": commands, "missing": missing}
            for each, commands, missing in rows
        ]
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("asked", ratio=2)
    table.add_column("answered by", ratio=3)
    for each, commands, missing in rows:
        lines = [Text(command, "cyan") for command in commands]
        if missing:
            lines.append(Text(f"not yet: {missing}", "dim"))
        table.add_row(each.name, each.asked, Text("\n").join(lines))
    Console(highlight=False).print(table)


def chosen(name: str | None) -> tuple[Exercise, ...]:
    """The exercises of a name or a sheet; all without one. Raises `UnknownNameError`."""
    known = exercises()
    wanted = "" if name is None else name.upper()
    if wanted in known:
        return (known[wanted],)
    found = tuple(each for each in known.values() if each.name.rstrip("0123456789") == wanted)
    if not wanted:
        return tuple(known.values())
    if not found:
        advice = "`defib exercises` lists them."
        raise UnknownNameError("exercise", wanted, known, advice=advice)
    return found


def commands_of(exercise: Exercise) -> list[str]:
    """The commands that answer an exercise, the studies that name it last."""
    studies = [f"defib study run {study.name}" for study in studies_for((exercise.name,))]
    return [*(f"defib {command}" for command in exercise.commands), *studies]


def missing_of(exercise: Exercise) -> str:
    """What no command answers yet; empty where a study does."""
    return "" if studies_for((exercise.name,)) else exercise.missing
