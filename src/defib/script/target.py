"""What the user asked to run: a file, a folder or archive with `__main__.py`, or a module."""

from __future__ import annotations

import os
import pkgutil
import runpy
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn, final

from defib.errors import ScriptError

# The standard library's own `pdb` and `trace` use these two: the only functions that find a
# module exactly as `python -m` does. `Any`: they are not in the type stubs.
_runpy: Any = runpy


@final
@dataclass(frozen=True)
class FoundModule:
    """A module that can be executed as `__main__`."""

    spec: ModuleSpec
    code: CodeType

    @property
    def origin(self) -> str:
        """File of the module: what `python -m` puts in `sys.argv[0]`."""
        return self.spec.origin or ""


class _ModuleNotFoundByRunpyError(Exception):
    """What we let `runpy` raise, to tell it from errors of the user's own packages."""


def absolute_path(typed: str) -> str:
    """`__file__` of a script: `.`, `..` and links stay as typed (CPython, `_Py_abspath`)."""
    return typed if Path(typed).is_absolute() else f"{Path.cwd()}{os.sep}{typed}"


def script_directory(typed: str) -> str:
    """The script's folder, links resolved: its `sys.path[0]`."""
    return str(Path(typed).resolve().parent)


def is_folder_or_archive(path: str) -> bool:
    """Whether imports can be made from `path`, so that its `__main__.py` is run."""
    return pkgutil.get_importer(path) is not None


def read_source(typed: str) -> bytes:
    """Source of a script, undecoded: its encoding is declared inside."""
    if typed.endswith(".pyc"):
        _refuse_script(typed, "is compiled")
    try:
        return Path(typed).read_bytes()
    except FileNotFoundError:
        _refuse_script(typed, "does not exist")
    except OSError as error:
        _refuse_script(typed, f"cannot be read ({error.strerror})")


def _refuse_script(typed: str, problem: str) -> NoReturn:
    raise ScriptError(
        f"Expected a Python source file to run, but `{typed}` {problem} "
        f"(working directory `{Path.cwd()}`). Give the path of a script, such as `train.py`."
    ) from None


def find_module(name: str) -> FoundModule:
    """The module or, for a package, its `__main__`, found as `python -m` finds it.

    Parent packages are imported: what they raise is theirs and passes through.
    """
    try:
        _, spec, code = _runpy._get_module_details(name, _ModuleNotFoundByRunpyError)
    except _ModuleNotFoundByRunpyError as error:
        raise ScriptError(
            f"Expected a module to run, but `{name}` cannot be run: {error} (working directory "
            f"`{Path.cwd()}`). Check the name, or give the path of a script instead."
        ) from None
    return FoundModule(spec, code)


def find_main_of(path: str) -> FoundModule:
    """`__main__` of the folder or archive that is first in `sys.path`."""
    try:
        _, spec, code = _runpy._get_main_module_details(_ModuleNotFoundByRunpyError)
    except _ModuleNotFoundByRunpyError:
        raise ScriptError(
            f"Expected a script, or a folder or archive with a `__main__.py`, but `{path}` "
            f"has none. Give the path of the script inside it."
        ) from None
    return FoundModule(spec, code)
