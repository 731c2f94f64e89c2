"""Runs a script until it is about to train a network, and stops it there.

That is its first backward pass, before any optimiser has taken a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, final

from defib.script.after_import import call_after_import
from defib.script.outcome import Ending, Outcome


@final
@dataclass(frozen=True)
class Call:
    """An outermost call of a module; `result` is `None` until it has ended."""

    module: Any  # torch is imported by the script first
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Any = None


@final
@dataclass(frozen=True)
class Moment:
    """The script is about to train `call.module`.

    `losses` are what `backward` was called on; none where an optimiser is about to step
    without one. `optimizers` are those made so far, in order.
    """

    call: Call
    losses: tuple[Any, ...]
    optimizers: tuple[Any, ...]


class Spectator(Protocol):
    """Looks on while the script runs to its first backward pass."""

    def begin(self, torch: ModuleType, patches: Any) -> None:
        """The script has imported torch; what is patched is undone in the end."""
        ...

    def calling(self) -> None:
        """An outermost call of a module begins."""
        ...

    def called(self, call: Call) -> None:
        """It has ended; `result` is `None` where it raised."""
        ...

    def found(self, moment: Moment) -> None:
        """The moment is there; the script is stopped afterwards."""
        ...


@final
class _Stop(SystemExit):
    """Ends the script as its own `sys.exit()` would."""


@final
class FirstBackward:
    """Remembers the last outermost call of each module until something is trained."""

    def __init__(self, spectator: Spectator | None = None) -> None:
        self.moment: Moment | None = None
        self._spectator = spectator
        self._calls: dict[int, Call] = {}
        self._depth = 0
        self._is_looking = False
        """While the spectator looks at the moment, which may run modules itself."""
        self._optimizers: list[Any] = []
        # `Any`: importing the class would import torch before the script does.
        self._patches: Any = None

    def run(self, launch: Callable[[], Outcome]) -> Outcome:
        """How the script ended that `launch` runs; `moment` is `None` if it trained nothing."""
        cancel = call_after_import("torch", self._begin)
        cancel_keras = call_after_import("keras", self._begin_keras)
        try:
            return launch()
        finally:
            cancel()
            cancel_keras()
            if self._patches is not None:
                self._patches.undo()

    def _begin(self, torch: ModuleType) -> None:
        from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

        from defib.discovery.patches import Patches

        self._patches = Patches()
        self._patches.replace(torch.nn.Module, "__call__", self._watched_call)
        self._patches.replace(torch.autograd, "backward", self._watched_backward)
        self._patches.replace(Optimizer, "__init__", self._watched_optimizer)
        # Training with `torch.autograd.grad` has no backward: it ends here.
        hook = register_optimizer_step_pre_hook(self._before_step)
        self._patches.add_undo(hook.remove)
        if self._spectator is not None:
            self._spectator.begin(torch, self._patches)

    def _begin_keras(self, keras: ModuleType) -> None:
        # Layers of Keras are modules of torch with a `__call__` of their own.
        if self._patches is not None:
            self._patches.replace(keras.layers.Layer, "__call__", self._watched_call)

    def _watched_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(module: Any, *arguments: Any, **keywords: Any) -> Any:
            if self._is_looking:
                return original(module, *arguments, **keywords)
            is_outermost = self._depth == 0
            if is_outermost:
                self._begin_call(Call(module, arguments, keywords))
            self._depth += 1
            result = None
            try:
                result = original(module, *arguments, **keywords)
            finally:
                self._depth -= 1
                if is_outermost:
                    self._end_call(Call(module, arguments, keywords, result))
            return result

        return called

    def _begin_call(self, call: Call) -> None:
        self._stop_again()
        self._calls[id(call.module)] = call
        if self._spectator is not None:
            self._spectator.calling()

    def _end_call(self, call: Call) -> None:
        self._calls[id(call.module)] = call
        if self._spectator is not None:
            self._spectator.called(call)

    def _watched_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *arguments: Any, **keywords: Any) -> Any:
            if not self._is_looking:
                self._stop_again()
                losses = (tensors,) if hasattr(tensors, "grad_fn") else tuple(tensors)
                self._stop_if_trained(_parameters_behind(losses), losses)
            return original(tensors, *arguments, **keywords)

        return backward

    def _watched_optimizer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def made(optimizer: Any, *arguments: Any, **keywords: Any) -> None:
            original(optimizer, *arguments, **keywords)
            self._optimizers.append(optimizer)

        return made

    def _before_step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        if not self._is_looking:
            self._stop_again()
            self._stop_if_trained({id(each) for each in held_by(optimizer)}, ())

    def _stop_again(self) -> None:
        # The script may have caught the first one with a bare `except`.
        if self.moment is not None:
            raise _Stop

    def _stop_if_trained(self, trained: set[int], losses: tuple[Any, ...]) -> None:
        def share(call: Call) -> int:
            return sum(id(each) in trained for each in call.module.parameters())

        call = max(self._calls.values(), key=share, default=None)
        if call is None or share(call) == 0:
            return
        self.moment = Moment(call, losses, tuple(self._optimizers))
        if self._spectator is not None:
            self._is_looking = True
            try:
                self._spectator.found(self.moment)
            finally:
                self._is_looking = False
        raise _Stop


_WRAPPERS = {"DistributedDataParallel": "module", "DataParallel": "module"}
_COMPILED = {"OptimizedModule": "_orig_mod"}


def unwrapped(module: Any) -> Any:
    """The user's network within wrappers of torch."""
    inner = (_WRAPPERS | _COMPILED).get(type(module).__name__)
    return module if inner is None else unwrapped(getattr(module, inner))


def held_by(optimizer: Any) -> list[Any]:
    """The parameters of an optimiser."""
    return [each for group in optimizer.param_groups for each in group["params"]]


def nothing_trained(script: str, outcome: Outcome) -> str:
    """Why there is no moment: a sentence for the user."""
    import sys

    from defib.script.definitions import definitions_of

    if outcome.ending in (Ending.RAISED, Ending.INTERRUPTED):
        kind = type(outcome.exception).__name__
        return f"`{script}` stopped with {kind} before it trained a network."
    definitions = definitions_of(sys.modules["__main__"], script)
    return f"`{script}` ended without training a network. {definitions}"


def _parameters_behind(tensors: Iterable[Any]) -> set[int]:
    """Identities of the leaves that the graph of the tensors leads to."""
    waiting = [each.grad_fn for each in tensors]
    seen: set[Any] = set()
    leaves: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        waiting += [following for following, _ in node.next_functions]
    return leaves


def loss_kind_of(losses: Sequence[Any]) -> str:
    """The kind of the only loss, empty where it is not known."""
    from defib.discovery.losses import read_loss

    if len(losses) != 1 or losses[0].grad_fn is None:
        return ""
    kind = read_loss(losses[0].grad_fn, with_tensors=False).kind
    return "" if kind == "unknown" else kind
