"""The `__main__` module of a script, as the interpreter builds it."""

from __future__ import annotations

import builtins
import sys
from importlib.machinery import BuiltinImporter, ModuleSpec, SourceFileLoader
from types import ModuleType

NAME = "__main__"
FILE_ATTRIBUTES = ("__file__", "__cached__")


def install_main_module() -> ModuleType:
    """An empty `__main__`, which `sys.modules` now has in place of defib's own.

    It must be a registered module object: classes defined in it are pickled by reference,
    and spawned processes read from it which file to import as `__mp_main__`.
    """
    main = ModuleType(NAME)
    attributes = vars(main)
    attributes["__loader__"] = BuiltinImporter
    # From 3.14 on, an entry would hide the annotations, which are computed when asked for.
    if sys.version_info < (3, 14):
        attributes["__annotations__"] = {}
    # `exec` would add the dictionary; scripts find the module.
    attributes["__builtins__"] = builtins
    sys.modules[NAME] = main
    return main


def describe_file(main: ModuleType, path: str) -> None:
    """Set what `python path` sets; there is no `__spec__`, so children import by path."""
    attributes = vars(main)
    attributes["__loader__"] = SourceFileLoader(NAME, path)
    attributes["__file__"] = path
    attributes["__cached__"] = None


def forget_file(main: ModuleType) -> None:
    """Remove the file attributes, as the interpreter does before its exit handlers run."""
    for name in FILE_ATTRIBUTES:
        vars(main).pop(name, None)


def describe_module(main: ModuleType, spec: ModuleSpec) -> None:
    """Set what `python -m` sets; the name stays `__main__`, `__spec__.name` is the real one."""
    vars(main).update(
        __file__=spec.origin,
        __cached__=spec.cached,
        __loader__=spec.loader,
        __package__=spec.parent,
        __spec__=spec,
    )
