"""Being told when the user's script has imported a module, without importing it first."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import TypeAlias, final

Cancel: TypeAlias = Callable[[], None]
"""Stops waiting for the import; may be called at any time and more than once."""

_EXECUTE = "exec_module"


def call_after_import(module_name: str, callback: Callable[[ModuleType], None]) -> Cancel:
    """How to stop waiting for the first import of a top-level module.

    `callback` gets the module once its code has run, in the thread that imports it and before
    the `import` statement returns; at once if the module is there already. Nothing happens in
    forked children, and for built-in, frozen and namespace modules.

    What `callback` raises reaches the user's `import`: the caller passes it through the
    monitor's guard. It must not wait for a thread that imports the same module.
    """
    module = sys.modules.get(module_name)
    if module is not None:
        callback(module)
        return _cancel_nothing
    finder = _AfterImport(module_name, callback)
    sys.meta_path.insert(0, finder)
    return finder.cancel


def _cancel_nothing() -> None:
    return


@final
class _AfterImport:
    """A finder that finds nothing itself, but marks the loader that another one found."""

    def __init__(self, module_name: str, callback: Callable[[ModuleType], None]) -> None:
        self._module_name = module_name
        self._callback = callback
        self._process_id = os.getpid()
        self._is_waiting = True

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._module_name or not self._is_needed():
            return None
        spec = self._found_by_later_finders(name, path, target)
        if spec is not None and spec.loader is not None:
            _call_after_execution(spec.loader, name, self._after_execution)
        return spec

    def cancel(self) -> None:
        self._is_waiting = False
        # A new list: removing in place would make another thread that is just looking for a
        # module skip a finder.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def _is_needed(self) -> bool:
        return self._is_waiting and os.getpid() == self._process_id

    def _found_by_later_finders(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        finders = list(sys.meta_path)
        # Only later ones: two that wait for the same module would ask each other for ever.
        for finder in finders[finders.index(self) + 1 :] if self in finders else ():
            find_spec = getattr(finder, "find_spec", None)
            spec = None if find_spec is None else find_spec(name, path, target)
            if spec is not None:
                return spec
        return None

    def _after_execution(self, module: ModuleType) -> None:
        if self._is_needed():
            self.cancel()
            self._callback(module)


def _call_after_execution(
    loader: Loader, module_name: str, callback: Callable[[ModuleType], None]
) -> None:
    """Shadow `loader.exec_module` until it is called, on the instance alone.

    The loader stays the object that the user's code expects in `__loader__` and `__spec__`.
    """
    attributes = getattr(loader, "__dict__", None)
    execute = getattr(loader, _EXECUTE, None)
    if execute is None or not isinstance(attributes, dict):
        return
    shadowed = attributes.get(_EXECUTE)

    def exec_module(module: ModuleType) -> None:
        # One loader may serve many modules, as that of a zip archive does.
        if module.__name__ != module_name:
            execute(module)
            return
        _put_back(attributes, shadowed)
        execute(module)
        callback(sys.modules.get(module_name, module))

    attributes[_EXECUTE] = _disguised(exec_module)


def _put_back(attributes: dict[str, object], shadowed: object | None) -> None:
    if shadowed is None:
        attributes.pop(_EXECUTE, None)
    else:
        attributes[_EXECUTE] = shadowed


def _disguised(function: FunctionType) -> FunctionType:
    """`function`, with the name of the frame that CPython drops together with an import's.

    Otherwise the traceback of a failed import would show the whole import machinery, and
    `warnings.warn(..., stacklevel=2)` at the top of a module would name this file, not the
    line that imports it.
    """
    function.__code__ = function.__code__.replace(
        co_filename="<frozen importlib._bootstrap>",
        co_name="_call_with_frames_removed",
        co_qualname="_call_with_frames_removed",
    )
    return function
