"""List the rules: what defib looks for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from itertools import groupby

import click
from rich import box
from rich.console import Console
from rich.table import Table

from defib.errors import UnknownNameError
from defib.rules.base import AnyRule, every_rule


@click.command(help=__doc__)
@click.option("--group", metavar="GROUP", help="Only the rules of this group, e.g. `gradient`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rules(*, group: str | None, as_json: bool) -> None:
    chosen = every_rule() if group is None else rules_of_group(group)
    if as_json:
        click.echo(json.dumps([_as_json(rule) for rule in chosen], indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(table_of(chosen))
    console.print("`defib explain NAME` shows the page of a rule.", style="dim")


def rules_of_group(group: str) -> tuple[AnyRule, ...]:
    """The rules in the folder `group`. Raises `UnknownNameError` if there is none."""
    groups = {rule.group() for rule in every_rule()}
    if group not in groups:
        advice = f"The groups are {', '.join(sorted(groups))}."
        raise UnknownNameError("group of rules", group, groups, advice=advice)
    return tuple(rule for rule in every_rule() if rule.group() == group)


def what_it_detects(rule: AnyRule) -> str:
    """The first line of the docstring of `rule`."""
    return (inspect.getdoc(type(rule)) or "").partition("\n")[0]


def table_of(rules: Iterable[AnyRule]) -> Table:
    """A row for each rule, under the name of its group."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("what it detects")
    for group, members in groupby(rules, key=lambda rule: rule.group()):
        table.add_row(f"[bold]{group}[/bold]")
        for rule in members:
            table.add_row(f"  {rule.name()}", rule.severity.value, what_it_detects(rule))
    return table


def _as_json(rule: AnyRule) -> dict[str, str]:
    return {
        "name": rule.name(),
        "group": rule.group(),
        "severity": rule.severity.value,
        "summary": what_it_detects(rule),
    }
