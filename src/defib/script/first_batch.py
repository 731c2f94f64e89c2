"""The network that a script trains, and its first batch: the script runs until it trains.

It is stopped at its first backward pass, before any optimiser has taken a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, final

from defib.errors import UsageError
from defib.script.after_import import call_after_import
from defib.script.launch import run_script
from defib.script.outcome import Ending, Outcome


@final
@dataclass(frozen=True)
class FirstBatch:
    """A network as it was called for the first backward pass of a script.

    `network` is an `nn.Module`. `loss_kind` is that of `discovery.losses`; `optimizer` the
    class that holds its parameters, as `SGD with momentum`. Both empty where not known.
    """

    network: Any  # torch is imported by the script first
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    loss_kind: str = ""
    optimizer: str = ""


@final
class _Stop(SystemExit):
    """Ends the script as its own `sys.exit()` would."""


def first_batch_of(script: str, arguments: Sequence[str]) -> FirstBatch:
    """What `python script arguments` trains first, run in this process.

    Raises `UsageError` where the script ends without a backward pass through a network.
    """
    watch = _Watch()
    cancel = call_after_import("torch", watch.begin)
    try:
        outcome = run_script(script, arguments)
    finally:
        cancel()
        watch.end()
    if watch.found is None:
        raise UsageError(_nothing_trained(script, outcome))
    return watch.found


def _nothing_trained(script: str, outcome: Outcome) -> str:
    import sys

    from defib.script.definitions import definitions_of

    if outcome.ending in (Ending.RAISED, Ending.INTERRUPTED):
        kind = type(outcome.exception).__name__
        return f"`{script}` stopped with {kind} before it trained a network."
    definitions = definitions_of(sys.modules["__main__"], script)
    return f"`{script}` ended without training a network. {definitions}"


@final
@dataclass(frozen=True)
class _Call:
    module: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


@final
class _Watch:
    """Remembers the last outermost call of each module until something is trained."""

    def __init__(self) -> None:
        self.found: FirstBatch | None = None
        self._calls: dict[int, _Call] = {}
        self._depth = 0
        self._optimizers: list[Any] = []
        # `Any`: importing the class would import torch before the script does.
        self._patches: Any = None

    def begin(self, torch: ModuleType) -> None:
        """The script has imported torch."""
        from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

        from defib.discovery.patches import Patches

        self._patches = Patches()
        self._patches.replace(torch.nn.Module, "__call__", self._watched_call)
        self._patches.replace(torch.autograd, "backward", self._watched_backward)
        self._patches.replace(Optimizer, "__init__", self._watched_optimizer)
        # Training with `torch.autograd.grad` has no backward: it ends here.
        hook = register_optimizer_step_pre_hook(self._before_step)
        self._patches.add_undo(hook.remove)

    def end(self) -> None:
        """Put everything back."""
        if self._patches is not None:
            self._patches.undo()

    def _watched_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(module: Any, *arguments: Any, **keywords: Any) -> Any:
            if self._depth == 0:
                self._stop_again()
                self._calls[id(module)] = _Call(module, arguments, keywords)
            self._depth += 1
            try:
                return original(module, *arguments, **keywords)
            finally:
                self._depth -= 1

        return called

    def _watched_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *arguments: Any, **keywords: Any) -> Any:
            self._stop_again()
            losses = [tensors] if hasattr(tensors, "grad_fn") else list(tensors)
            self._stop_if_trained(_parameters_behind(losses), _loss_kind(losses))
            return original(tensors, *arguments, **keywords)

        return backward

    def _watched_optimizer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def made(optimizer: Any, *arguments: Any, **keywords: Any) -> None:
            original(optimizer, *arguments, **keywords)
            self._optimizers.append(optimizer)

        return made

    def _before_step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        del arguments, keywords
        self._stop_again()
        self._stop_if_trained({id(each) for each in _held(optimizer)}, "")

    def _stop_again(self) -> None:
        # The script may have caught the first one with a bare `except`.
        if self.found is not None:
            raise _Stop

    def _stop_if_trained(self, trained: set[int], loss_kind: str) -> None:
        def share(call: _Call) -> int:
            return sum(id(each) in trained for each in call.module.parameters())

        call = max(self._calls.values(), key=share, default=None)
        if call is None or share(call) == 0:
            return
        own = {id(each) for each in call.module.parameters()}
        self.found = FirstBatch(
            _unwrapped(call.module),
            call.arguments,
            dict(call.keywords),
            loss_kind,
            _optimizer_name(self._optimizers, own),
        )
        raise _Stop


_WRAPPERS = {"DistributedDataParallel": "module", "DataParallel": "module"}
_COMPILED = {"OptimizedModule": "_orig_mod"}


def _unwrapped(module: Any) -> Any:
    inner = (_WRAPPERS | _COMPILED).get(type(module).__name__)
    return module if inner is None else _unwrapped(getattr(module, inner))


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


def _loss_kind(losses: Sequence[Any]) -> str:
    from defib.discovery.losses import read_loss

    if len(losses) != 1 or losses[0].grad_fn is None:
        return ""
    kind = read_loss(losses[0].grad_fn, with_tensors=False).kind
    return "" if kind == "unknown" else kind


def _held(optimizer: Any) -> list[Any]:
    return [each for group in optimizer.param_groups for each in group["params"]]


def _optimizer_name(optimizers: Iterable[Any], own: set[int]) -> str:
    def share(optimizer: Any) -> int:
        return sum(id(each) in own for each in _held(optimizer))

    chosen = max(optimizers, key=share, default=None)
    if chosen is None or share(chosen) == 0:
        return ""
    name = type(chosen).__name__
    has_momentum = name == "SGD" and any(group["momentum"] for group in chosen.param_groups)
    return f"{name} with momentum" if has_momentum else name
