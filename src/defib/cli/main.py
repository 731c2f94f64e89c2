"""The `defib` command: finds its commands, which are the other files of this folder.

A file `runs.py` is the command `defib runs`. It holds exactly one click command and starts
with a docstring whose first line is the one-line help. A file is imported only when its
command is called: `defib --help` imports neither torch nor numpy. A command may return a
function: it is called last, where click can no longer catch what it raises, to end the process.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, final

import click

import defib.cli
from defib.errors import DefibError, UnknownNameError, UsageError


@final
class CommandFolder(click.Group):
    """A group whose commands are the files of this folder, each imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(command_files())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name) if cmd_name in command_files() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, first_docstring_line(file)) for name, file in command_files().items()]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.endswith(".py"):
            raise UsageError(f"To watch a script, write `defib run {name}`.")
        if name not in command_files() and not name.startswith("-"):
            advice = "`defib --help` lists the commands."
            raise UnknownNameError("command", name, command_files(), advice=advice)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # what a command returns is its own affair
        try:
            return super().invoke(ctx)
        except DefibError as error:
            raise ClearFailure(str(error)) from error


@final
class ClearFailure(click.ClickException):
    """One sentence on standard error and exit code 2."""

    exit_code = 2


@cache
def command_files() -> Mapping[str, Path]:
    """Each command's name with its file, in alphabetical order; nothing is imported."""
    folder = Path(defib.cli.__path__[0])
    modules = [each.name for each in pkgutil.iter_modules([str(folder)]) if each.name != "main"]
    return {name.replace("_", "-"): folder / f"{name}.py" for name in sorted(modules)}


def first_docstring_line(file: Path) -> str:
    """The first line of the docstring of `file`, without its full stop; empty if none."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".")


def load_command(name: str) -> click.Command:
    """The one click command that the file of the command `name` holds."""
    module = importlib.import_module(f"{defib.cli.__name__}.{command_files()[name].stem}")
    [command] = [value for value in vars(module).values() if isinstance(value, click.Command)]
    return command


@click.group(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`defib COMMAND --help` tells more about a command.",
)
@click.version_option(package_name="defib", message="%(prog)s %(version)s")
def command_line() -> None:
    """Finds out why a neural network does not train.

    Start with `defib run train.py`: it runs the script unchanged, watches the training and
    says what is wrong, on which line, and what to change.
    """


def main() -> NoReturn:
    """Run the command line on `sys.argv` and exit."""
    try:
        ending = command_line.main(prog_name="defib", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)  # What a shell reports of a process that Ctrl-C ended: 128 + SIGINT.
    if callable(ending):
        ending()
    # Where a command exited by itself (`--help`), click returns the exit code.
    sys.exit(ending if isinstance(ending, int) else 0)
