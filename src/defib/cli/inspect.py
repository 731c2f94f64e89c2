"""Show what a network is and costs, layer by layer, with the working of every number."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import click

from defib.cli.run import STRICT_EXIT_CODE
from defib.errors import UsageError

if TYPE_CHECKING:
    from defib.analysis.receptive_field.effective_results import EffectiveField
    from defib.analysis.signal_propagation.results import SignalPropagation
    from defib.records.architecture import Architecture
    from defib.records.finding import Finding, NotEvaluated
    from defib.report.architecture_table import TableOptions
    from defib.script.inspected import Request, Subject

LOSSES = (
    "cross-entropy",
    "negative-log-likelihood",
    "binary-cross-entropy",
    "mean-squared-error",
)
"""As `defib run` calls them."""


@final
class InspectCommand(click.Command):
    """Arguments of a script stand behind `--`, so that options may follow the target."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # `--only a b c` takes several names; click's options take one each.
        return super().parse_args(ctx, _several_after("--only", args))


def _several_after(option: str, args: list[str]) -> list[str]:
    result: list[str] = []
    is_listing = False
    for position, each in enumerate(args):
        if each == "--":
            return [*result, *args[position:]]
        is_name = not each.startswith("-")
        if is_listing and is_name and not _is_target(each):
            result += [option, each]
            continue
        is_listing = is_listing and not each.startswith("-")
        if each == option:
            is_listing = True
            continue
        result.append(each)
    return result


def _is_target(text: str) -> bool:
    return ":" in text or text.endswith(".py") or "/" in text


@click.command(cls=InspectCommand)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="SIZES",
    help="Size of an input, as `1x3x224x224` or `2x7:int64`; once for each input.",
)
@click.option(
    "--keyword",
    "keywords",
    multiple=True,
    metavar="NAME=SIZES",
    help="An input that is passed by name, as `mask=2x7:bool`.",
)
@click.option("--dtype", metavar="TYPE", help="Element type of weights and inputs: `bfloat16`.")
@click.option(
    "--arg",
    "constructor",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the class or factory, as `width=64`.",
)
@click.option(
    "--depth", type=click.IntRange(0), metavar="N", help="Fold modules deeper than N, with sums."
)
@click.option(
    "--only", multiple=True, metavar="COLUMN...", help="Show these columns; see `--columns`."
)
@click.option("--columns", "lists_columns", is_flag=True, help="List the columns and stop.")
@click.option("--work", "has_work", is_flag=True, help="Show the arithmetic of every number.")
@click.option("--formulas", is_flag=True, help="Show sizes as formulas of the input's size.")
@click.option("--flops", is_flag=True, help="Count floating point operations, 2 for each MAC.")
@click.option(
    "--signals", "has_signals", is_flag=True, help="Measure signals and gradients by depth."
)
@click.option(
    "--effective",
    "effective_layers",
    multiple=True,
    metavar="LAYER",
    help="Measure the effective receptive field of a layer; may be given several times.",
)
@click.option("--optimizer", metavar="NAME", help="Optimiser of the training memory: `SGD`.")
@click.option("--loss", type=click.Choice(LOSSES), help="The loss that the output goes into.")
@click.option("--json", "layout", flag_value="json", help="Print JSON.")
@click.option("--csv", "layout", flag_value="csv", help="Print CSV.")
@click.option("--markdown", "layout", flag_value="markdown", help="Print Markdown.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with pictures."
)
@click.option("--strict", is_flag=True, help="Exit with 3 on a finding of severity error.")
@click.argument("target", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def inspect(
    *,
    target: str | None,
    arguments: tuple[str, ...],
    inputs: tuple[str, ...],
    keywords: tuple[str, ...],
    dtype: str | None,
    constructor: tuple[str, ...],
    depth: int | None,
    only: tuple[str, ...],
    lists_columns: bool,
    has_work: bool,
    formulas: bool,
    flops: bool,
    has_signals: bool,
    effective_layers: tuple[str, ...],
    optimizer: str | None,
    loss: str | None,
    layout: str | None,
    html: Path | None,
    strict: bool,
) -> Callable[[], object] | None:
    """Inspect TARGET: `file.py:Network`, `package.module:factory`, or a training script.

    A network is built without allocating its weights and run on empty tensors. A script is run
    until its first backward pass; what it trains is inspected at its first batch. Arguments of
    the script stand behind `--`.
    """
    from defib.report.architecture_table import TableOptions

    if lists_columns:
        _list_columns()
        return None
    if target is None:
        raise click.UsageError(
            "Expected a network, for instance `defib inspect net.py:Network --input 1x3x224x224`."
        )
    options = TableOptions(depth, only, flops, formulas, optimizer)
    _ = options.columns  # An unknown column is told before anything runs.
    with redirect_stdout(sys.stderr):  # What the user's code prints must not stand in the JSON.
        from defib.script.inspected import Request, architecture_of, subject_of

        request = Request(target, inputs, keywords, dtype, constructor, arguments)
        subject = subject_of(request)
        architecture = architecture_of(subject, loss)
        if architecture.is_traced:
            from defib.script.start_values import with_start_values

            architecture = with_start_values(request, subject, architecture)
        signals = _signals(request, subject, architecture) if has_signals else None
        fields = _effective_fields(request, subject, architecture, effective_layers)
    findings, silent = _judged(architecture)
    if optimizer is None and subject.optimizer in architecture.memory.optimizer_states:
        options = replace(options, optimizer=subject.optimizer)
    shown = _Shown(architecture, findings, silent, options, has_work, signals, fields)
    if html is not None:
        _write_page(shown, html)
    if html is None or layout is not None:
        _print(shown, layout)
    if not architecture.is_traced:
        raise UsageError(_failure(architecture))
    is_bad = strict and any(each.severity.value == "error" for each in findings)
    return partial(sys.exit, STRICT_EXIT_CODE) if is_bad else None


@final
@dataclass(frozen=True)
class _Shown:
    architecture: Architecture
    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    options: TableOptions
    has_work: bool
    signals: SignalPropagation | None
    effective_fields: Mapping[str, EffectiveField]


def _signals(
    request: Request, subject: Subject, architecture: Architecture
) -> SignalPropagation | None:
    from defib.script.signals import signals_of

    return signals_of(request, subject, architecture) if architecture.is_traced else None


def _effective_fields(
    request: Request, subject: Subject, architecture: Architecture, layers: tuple[str, ...]
) -> Mapping[str, EffectiveField]:
    if not layers or not architecture.is_traced:
        return {}
    from defib.script.effective_fields import effective_fields_of

    return effective_fields_of(request, subject, architecture, layers)


def _print(shown: _Shown, layout: str | None) -> None:
    architecture, findings, options = shown.architecture, shown.findings, shown.options
    if layout == "json":
        from defib.report.architecture_json import architecture_as_json

        content = architecture_as_json(
            architecture, findings, depth=options.depth, optimizer=options.optimizer
        )
        content["not_evaluated"] = [
            {"rule": each.rule, "reason": each.reason} for each in shown.not_evaluated
        ]
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    elif layout == "csv":
        from defib.report.architecture_sheet import architecture_as_csv

        click.echo(architecture_as_csv(architecture, options), nl=False)
    elif layout == "markdown":
        from defib.report.architecture_sheet import architecture_as_markdown

        text = architecture_as_markdown(architecture, options, findings, has_work=shown.has_work)
        click.echo(text, nl=False)
    else:
        _print_for_terminal(shown)


def _print_for_terminal(shown: _Shown) -> None:
    from rich.console import Console

    from defib.report.architecture_table import print_architecture
    from defib.report.architecture_work import print_work

    console = Console(highlight=False, markup=False, emoji=False)
    print_it = print_work if shown.has_work else print_architecture
    architecture = shown.architecture
    if not architecture.is_traced:
        # Why it stopped is told last, as the error of the command.
        architecture = replace(architecture, notes=architecture.notes[1:])
    print_it(architecture, console, shown.options, shown.findings)
    if shown.not_evaluated and architecture.is_traced:
        names = ", ".join(f"{each.rule} ({each.reason})" for each in shown.not_evaluated)
        console.print(f"Not judged: {names}.", style="dim")
    if shown.signals is not None:
        from defib.report.signal_table import print_signals
        from defib.script.born_dead import born_dead_of

        print_signals(shown.signals, console, born_dead_of(shown.signals))
    if shown.effective_fields:
        from defib.report.effective_table import print_effective_fields

        print_effective_fields(shown.effective_fields, architecture, console)


def _write_page(shown: _Shown, file: Path) -> None:
    from defib.report.architecture_page import render_architecture

    text = render_architecture(shown.architecture, shown.options, shown.findings, shown.signals)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The page cannot be written to `{file}` ({error.strerror}). "
            "Name another place with `--html FILE`."
        ) from error
    click.echo(str(file), err=True)


def _judged(
    architecture: Architecture,
) -> tuple[tuple[Finding, ...], tuple[NotEvaluated, ...]]:
    """What the rules that need no run find, and those that could not judge."""
    from defib.rules.judged import judged

    outcome = judged(architecture)
    return outcome.findings, outcome.not_evaluated


def _failure(architecture: Architecture) -> str:
    why = architecture.notes[0] if architecture.notes else "no reason is known."
    return f"`{architecture.name}` could not be run to its end: {why}"


def _list_columns() -> None:
    from defib.report.architecture_columns import COLUMNS

    widest = max(len(column.name) for column in COLUMNS)
    for column in COLUMNS:
        click.echo(f"{column.name.ljust(widest)}  {column.meaning}")
