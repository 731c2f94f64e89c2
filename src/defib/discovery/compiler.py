"""Work with torch's optimisers and dispatch modes without loading torch's compiler."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

COMPILER = "torch._dynamo"
_MARK = "__dynamo_disable"


@contextmanager
def compiler_unloaded() -> Iterator[None]:
    """Within, steps of an optimiser and runs under a dispatch mode do not load the compiler.

    They would, for 0.6 to 1 s of import, only to tell it to leave them alone. Where it is
    loaded already nothing changes; where something else of it is asked for, it is loaded.
    """
    if COMPILER in sys.modules:
        yield
        return
    stand_in = _StandIn(COMPILER)
    sys.modules[COMPILER] = stand_in
    torch.__dict__["_dynamo"] = stand_in
    try:
        yield
    finally:
        stand_in.leave()


class _StandIn(ModuleType):
    """Answers the two calls that torch itself makes; anything else comes from the compiler."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._told: list[Callable[..., Any]] = []

    def disable(self, function: Callable[..., Any], *_: object, **__: object) -> Callable[..., Any]:
        """Of a compiler that is not there, `function` need not be protected."""
        self._told.append(function)
        return function

    def graph_break(self, *_: object, **__: object) -> None:
        """There is no graph."""

    def leave(self) -> None:
        """Undo everything, so that a compiler that comes later is told of each function."""
        for function in self._told:
            function.__dict__.pop(_MARK, None)
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
            torch.__dict__.pop("_dynamo", None)

    def __getattr__(self, name: str) -> Any:
        self.leave()
        return getattr(importlib.import_module(COMPILER), name)
