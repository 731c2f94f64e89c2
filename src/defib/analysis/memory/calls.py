"""Which layer is running: the stack of module calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

from torch import nn

from defib.discovery.patches import Patches


@final
@dataclass(frozen=True)
class LayerCall:
    """One call of a module: its qualified name, and how often it was called before.

    Named as in a trace: empty for the network, `(Type)` for a module that is not part of it.
    """

    name: str
    count: int = 0


@final
class CallStack:
    """The module calls that are running, and inside of which other call each one began."""

    def __init__(self, network: nn.Module) -> None:
        self.parents: dict[LayerCall, LayerCall] = {}
        self._names = {id(module): name for name, module in network.named_modules()}
        self._counts: dict[int, int] = {}
        self._running: list[LayerCall] = []

    @property
    def current(self) -> LayerCall:
        """The innermost call that is running; the network's own outside of any."""
        return self._running[-1] if self._running else LayerCall("")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follow all calls of modules meanwhile."""
        patches = Patches()
        try:
            patches.replace(nn.Module, "__call__", self._followed)
            yield
        finally:
            patches.undo()

    def _followed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def followed(module: nn.Module, *arguments: Any, **keywords: Any) -> Any:
            count = self._counts.get(id(module), 0)
            self._counts[id(module)] = count + 1
            call = LayerCall(self._names.get(id(module), f"({type(module).__name__})"), count)
            # Modules without a name of their own may share one, also with what is inside them.
            if self._running and call != self.current:
                self.parents.setdefault(call, self.current)
            self._running.append(call)
            try:
                return original(module, *arguments, **keywords)
            finally:
                self._running.pop()

        return followed
