"""Work the mathematics out, step by step and exactly, and check it in the same run."""

from __future__ import annotations

import inspect
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import click

from defib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from defib.derivations.base import Option, Problem
    from defib.records.derivation import Derivation

DISAGREEMENT_EXIT_CODE = 1
"""Of a derivation that a check contradicts."""


@final
class DerivationFolder(click.Group):
    """A group whose commands are the derivations, each with the options of its problem."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [problem.name() for problem in _problems().every_problem()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return command_of(_problems().problem_called(cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-"):
            _problems().problem_called(name)  # Raises the error that offers near names.
        return super().resolve_command(ctx, args)


def _problems() -> Any:  # the module of the problems
    try:
        from defib.derivations import base
    except ModuleNotFoundError as error:
        if error.name != "sympy":
            raise
        raise UsageError(
            "Derivations need SymPy. Install it with `pip install 'defib[derivations]'`."
        ) from error
    return base


@click.group(
    cls=DerivationFolder,
    epilog="`defib derive NAME --help` tells what each can be asked.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def derive() -> None:
    """Work the mathematics out, step by step and exactly, for your own numbers.

    Fractions stay fractions. Every derivation ends with a check by another way: autograd,
    brute force, an exact enumeration.
    """


def command_of(problem: type[Problem]) -> click.Command:
    """The command of a problem: its options, and those that every derivation has."""
    from defib.derivations.base import options_of

    help_text = inspect.cleandoc(problem.__doc__ or "")
    return click.Command(
        problem.name(),
        params=[*map(_parameter, options_of(problem)), *_layouts()],
        callback=partial(_derive, problem),
        help=help_text,
        short_help=help_text.partition("\n")[0].removesuffix("."),
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _parameter(option: Option) -> click.Parameter:
    if option.is_argument:
        kind = click.Path(path_type=Path) if option.kind is Path else option.kind
        shown = f"[{option.name.upper()}]" if option.default is None else option.name.upper()
        return click.Argument(
            [option.name],
            type=kind,
            default=option.default,
            required=option.default == "",
            metavar=shown,
        )
    flag = f"--{option.name.removesuffix('_').replace('_', '-')}"
    if option.kind is bool:
        return click.Option([flag, option.name], is_flag=True, help=option.meaning)
    has_default = option.default not in ("", None)
    return click.Option(
        [flag, option.name],
        type=click.Path(path_type=Path) if option.kind is Path else option.kind,
        default=option.default,
        show_default=has_default,
        help=option.meaning,
    )


def _layouts() -> list[click.Parameter]:
    flags = {
        "markdown": "Print Markdown.",
        "latex": "Print a LaTeX document.",
        "json": "Print JSON.",
    }
    return [
        *(
            click.Option([f"--{name}", "layout"], flag_value=name, help=meaning)
            for name, meaning in flags.items()
        ),
        click.Option(
            ["--html"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Write a page whose formulas a browser draws.",
        ),
    ]


def _derive(
    problem: type[Problem], *, layout: str | None, html: Path | None, **options: Any
) -> Callable[[], object] | None:
    from defib.crosschecks.base import confirmed

    derivation = confirmed(problem(**options))
    if html is not None:
        _write_page(derivation, html)
    if html is None or layout is not None:
        _print(derivation, layout)
    return None if derivation.is_confirmed else partial(sys.exit, DISAGREEMENT_EXIT_CODE)


def _print(derivation: Derivation, layout: str | None) -> None:
    if layout == "json":
        from defib.report.derivation_json import derivation_as_json

        content = derivation_as_json(derivation)
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
    elif layout == "latex":
        from defib.report.derivation_latex import derivation_as_latex

        click.echo(derivation_as_latex(derivation), nl=False)
    elif layout == "markdown":
        from defib.report.derivation_markdown import derivation_as_markdown

        click.echo(derivation_as_markdown(derivation), nl=False)
    else:
        from rich.console import Console

        from defib.report.derivation_text import print_derivation

        print_derivation(derivation, Console(highlight=False, markup=False, emoji=False))


def _write_page(derivation: Derivation, file: Path) -> None:
    from defib.report.derivation_page import render_derivation

    try:
        file.write_text(render_derivation(derivation), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The page cannot be written to `{file}` ({error.strerror}). "
            "Name another place with `--html FILE`."
        ) from error
    click.echo(str(file), err=True)
