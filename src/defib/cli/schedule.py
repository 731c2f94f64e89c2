"""Draw a schedule of learning rates or batch sizes before the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import partial
from pathlib import Path
from typing import Any, final, get_type_hints

import click
import numpy as np
from rich.console import Console

from defib.cli.explain import field_docstrings
from defib.errors import UsageError
from defib.report.quantities import count
from defib.report.schedule_text import schedule_plot, schedule_summary
from defib.schedules.base import Quantity, Schedule
from defib.schedules.catalogue import every_schedule, schedule_called
from defib.schedules.warm_up import WarmUp

TERMINAL = "-"
"""What `--plot` without a file means."""
MOST_STEPS = 10_000_000
"""Steps that are computed one by one; more would take minutes."""


@final
class ScheduleFolder(click.Group):
    """A group whose commands are the schedules; their fields are the options."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [each.name() for each in every_schedule() if not _is_wrapper(each)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return _command_of(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-"):
            schedule_called(args[0])
        return super().resolve_command(ctx, args)


@click.group(
    cls=ScheduleFolder,
    help=__doc__,
    epilog="`defib schedule NAME --help` lists the parameters of a schedule.",
)
def schedule() -> None:
    pass


def _is_wrapper(kind: type[Schedule]) -> bool:
    """Whether it goes in front of another schedule, and so is an option of each."""
    return Schedule in get_type_hints(kind).values()


def _command_of(name: str) -> click.Command:
    kind = schedule_called(name)
    if _is_wrapper(kind):
        raise UsageError(
            f"{name} goes in front of another schedule: `defib schedule NAME ... --{name} STEPS`."
        )
    options = [_option_of(kind, field) for field in fields(kind)]
    if kind.quantity is Quantity.LEARNING_RATE:
        options += _warm_up_options()
    first, _, _ = (kind.__doc__ or "").partition("\n")
    return click.Command(
        name,
        callback=partial(_show, kind),
        params=[*options, *_output_options()],
        help=kind.__doc__,
        short_help=first,
    )


# `Field` is generic in a type that nobody can know here.
def _option_of(kind: type[Schedule], field: Field[Any]) -> click.Option:
    type_ = get_type_hints(kind)[field.name]
    spelled = "--" + field.name.removeprefix("is_").replace("_", "-")
    meaning = field_docstrings(kind).get(field.name, "")
    if type_ is bool:
        return click.Option([spelled, field.name], is_flag=True, help=meaning)
    number = int if type_ is int else float
    if field.default is MISSING:
        return click.Option([spelled, field.name], type=number, required=True, help=meaning)
    return click.Option(
        [spelled, field.name],
        type=number,
        default=field.default,
        show_default=field.default is not None,
        help=meaning,
    )


def _warm_up_options() -> list[click.Parameter]:
    meanings = field_docstrings(WarmUp)
    return [
        click.Option(
            ["--warm-up"], type=int, default=0, help=f"Warm up first. {meanings['steps']}"
        ),
        click.Option(["--warm-up-from"], type=float, default=0.0, help=meanings["first"]),
    ]


def _output_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--plot"],
            metavar="[FILE]",
            is_flag=False,
            flag_value=TERMINAL,
            help="Draw it in the terminal, or into a .png, .svg or .pdf file.",
        ),
        click.Option(["--log", "is_log"], is_flag=True, help="Draw on a logarithmic axis."),
        click.Option(["--show"], type=int, help="Steps to show; else its whole course."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print every value as JSON."),
    ]


# `Any`: the options of the schedule, which only it knows.
def _show(
    kind: Callable[..., Schedule],
    *,
    plot: str | None,
    is_log: bool,
    show: int | None,
    as_json: bool,
    warm_up: int = 0,
    warm_up_from: float = 0.0,
    **parameters: Any,
) -> None:
    chosen = kind(**parameters)
    if warm_up:
        chosen = WarmUp(chosen, warm_up, warm_up_from)
    values = chosen.values(_steps_to_show(chosen, show))
    if as_json:
        content = {"parameters": chosen.parameters(), "values": values.tolist()}
        click.echo(json.dumps(content, indent=2))
    else:
        _print(chosen, values, plot, is_log=is_log)


def _steps_to_show(chosen: Schedule, asked: int | None) -> int:
    steps = chosen.extent if asked is None else asked
    if not 1 <= steps <= MOST_STEPS:
        raise UsageError(f"`--show` must be between 1 and {MOST_STEPS:,} steps, and is {steps:,}.")
    return steps


def _print(chosen: Schedule, values: np.ndarray, plot: str | None, *, is_log: bool) -> None:
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    quantity = chosen.quantity.value
    name = f"{chosen.then.name()} after a warm-up" if isinstance(chosen, WarmUp) else chosen.name()
    title = f"{name}: {quantity} over {count(len(values), 'step')}"
    console.print(title)
    for line in schedule_summary(values, is_batch_size=chosen.quantity is Quantity.BATCH_SIZE):
        console.print(f"  {line}")
    if plot == TERMINAL:
        console.print("\n" + "\n".join(schedule_plot(values, is_log=is_log)))
    elif plot is not None:
        # Only here: it brings in matplotlib, which takes longer than all else.
        from defib.report.schedule_figure import save_schedule_figure

        save_schedule_figure(Path(plot), values, title=title, quantity=quantity, is_log=is_log)
        console.print(f"Drawn in {plot}.")
    console.print(f"\n{python_of(chosen)}", style="dim")


def python_of(chosen: Schedule) -> str:
    """The expression that makes `chosen`, with the parameters that differ from their defaults."""
    given = [
        f"{field.name}={python_of(value) if isinstance(value, Schedule) else repr(value)}"
        for field in fields(chosen)
        if (value := getattr(chosen, field.name)) != field.default
    ]
    return f"{type(chosen).__name__}({', '.join(given)})"
