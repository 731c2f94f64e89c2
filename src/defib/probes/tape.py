"""Remembers how the user's code made a loss, so that copies can make it again.

Recorded are the outermost calls of modules and the torch functions between them: exactly what
the script itself does with a network's output before it calls `backward`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from defib.analysis.nested_tensors import tensors_in
from defib.discovery.random_state import RandomState, restore
from defib.discovery.sites import calling_site
from defib.records.site import Site

LONGEST = 4000
"""Operations that are remembered: a script may compute for long before it trains."""

LOSS_FUNCTIONS: Mapping[Any, str] = {
    function: function.__name__
    for function in (
        F.cross_entropy,
        F.nll_loss,
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        F.mse_loss,
        F.l1_loss,
        F.smooth_l1_loss,
        F.huber_loss,
        F.soft_margin_loss,
        F.kl_div,
        F.poisson_nll_loss,
        F.gaussian_nll_loss,
    )
}


class CannotReplay(Exception):
    """The loss cannot be made again; says why."""


@final
@dataclass(frozen=True, eq=False)
class Entry:
    """A call of a module or function, with what it was given and what it gave."""

    function: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Any
    autocast: tuple[tuple[str, torch.dtype], ...] = ()
    """Devices with mixed precision, each with its element type."""
    state: RandomState | None = None
    """Of a module's call: the random state before it."""


@final
@dataclass(frozen=True, eq=False)
class SeenLoss:
    """A call of one of torch's loss functions, with its arguments."""

    name: str
    function: Any
    predictions: Tensor
    targets: Tensor
    keywords: Mapping[str, Any]
    result: Tensor
    site: Site | None

    def at(self, predictions: Tensor) -> Tensor:
        """The loss of other predictions for the same targets."""
        return self.function(predictions, self.targets, **self.keywords)


@final
class Tape(TorchFunctionMode):
    """Records while it is entered and gradients are on; `stop` ends it for good."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: deque[Entry] = deque(maxlen=LONGEST)
        self.losses: deque[SeenLoss] = deque(maxlen=64)
        self.depth = 0
        """Modules that are being called."""
        self._is_on = True

    def stop(self) -> None:
        self._is_on = False

    def add_call(self, entry: Entry) -> None:
        """An outermost call of a module has ended."""
        if self._is_on and torch.is_grad_enabled() and _is_in_graph(entry.result):
            self.entries.append(entry)

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        keywords = kwargs or {}
        result = func(*args, **keywords)
        if self._is_on and torch.is_grad_enabled():
            if self.depth == 0 and _is_in_graph(result):
                self.entries.append(Entry(func, tuple(args), dict(keywords), result, autocast()))
            if func in LOSS_FUNCTIONS:
                self._note_loss(func, args, keywords, result)
        return result

    def _note_loss(
        self, function: Any, arguments: Sequence[Any], keywords: Mapping[str, Any], result: Any
    ) -> None:
        if len(arguments) >= 2 and all(isinstance(each, Tensor) for each in arguments[:2]):
            predictions, targets = arguments[:2]
            name = LOSS_FUNCTIONS[function]
            self.losses.append(
                SeenLoss(
                    name, function, predictions, targets, dict(keywords), result, calling_site()
                )
            )


def autocast() -> tuple[tuple[str, torch.dtype], ...]:
    """The devices with mixed precision now, each with its element type."""
    return tuple(
        (device, torch.get_autocast_dtype(device))
        for device in ("cpu", "cuda")
        if torch.is_autocast_enabled(device)
    )


def _is_in_graph(result: Any) -> bool:
    return any(each.grad_fn is not None for each in tensors_in(result))


def steps_to(loss: Tensor, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries that `loss` depends on. Raises `CannotReplay` where one was not seen."""
    needed = {id(loss): loss}
    made: set[int] = set()
    kept: list[Entry] = []
    for entry in reversed(entries):
        results = {id(each) for each in tensors_in(entry.result)}
        if needed.keys() & results:
            kept.append(entry)
            made |= results
            given = tensors_in((entry.arguments, dict(entry.keywords)))
            needed |= {id(each): each for each in given}
    if any(each.grad_fn is not None and key not in made for key, each in needed.items()):
        raise CannotReplay("the loss depends on operations that were not seen")
    return tuple(reversed(kept))


def modules_of(steps: Iterable[Entry]) -> tuple[nn.Module, ...]:
    """The modules that were called, each once."""
    called = [each.function for each in steps if isinstance(each.function, nn.Module)]
    return tuple({id(each): each for each in called}.values())


def replayed(
    loss: Tensor,
    steps: Sequence[Entry],
    replaced: Mapping[int, Any],
    *,
    restores_randomness: bool,
) -> tuple[Tensor, Mapping[int, Any]]:
    """The loss made again with `replaced[id(thing)]` in place of each thing, and all results."""
    values: dict[int, Any] = dict(replaced)

    def value(leaf: Any) -> Any:
        if id(leaf) not in values and isinstance(leaf, Tensor):
            # A copy: the network may write to its inputs, and backward to a loose parameter.
            values[id(leaf)] = leaf.detach().clone().requires_grad_(leaf.requires_grad)
        return values.get(id(leaf), leaf)

    def given(tree: Any) -> Any:
        return tree_map(value, tree)

    is_first = True
    for step in steps:
        if step.state is not None and (restores_randomness and is_first):
            restore(step.state)
            is_first = False
        function = values.get(id(step.function), step.function)
        with ExitStack() as contexts:
            for device, dtype in step.autocast:
                contexts.enter_context(torch.autocast(device, dtype))
            result = function(*given(step.arguments), **given(dict(step.keywords)))
        before, after = tensors_in(step.result), tensors_in(result)
        if len(before) != len(after):
            raise CannotReplay("a call gave another number of results the second time")
        values |= {id(old): new for old, new in zip(before, after, strict=True)}
    if id(loss) not in values:
        raise CannotReplay("the making of the loss was not seen")
    return values[id(loss)], values
