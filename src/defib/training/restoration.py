"""Puts back everything that a training changes in the objects that it is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from defib.discovery.random_state import random_state, restore

Undo = Callable[[], None]

# Only what holds the state of a training: any other object may be shared with half the program.
_STATEFUL = (nn.Module, Optimizer, torch.amp.GradScaler)


@final
class Restoration:
    """Remembers the state of objects, and puts it back into the same objects.

    Tensors get their numbers back in place, containers their members, modules and optimisers
    their attributes, so that whoever holds a reference to any of them sees nothing changed.
    Held meanwhile: a copy of every tensor. The global random state of torch, NumPy and Python
    is always remembered.
    """

    def __init__(self) -> None:
        self._undos: list[Undo] = []
        self._known: dict[int, object] = {}
        self._randomness = random_state()

    def remember(self, *objects: object) -> None:
        """Remember modules, optimisers, gradient scalers, and containers and tensors in them.

        Of any other object, such as a loader, the random generators that it draws from.
        """
        for each in objects:
            if isinstance(each, (*_STATEFUL, Tensor, dict, list)):
                self._remember(each)
            else:
                for generator in _generators_of(each):
                    self._remember(generator)

    def restore(self) -> None:
        """Put everything back."""
        with torch.no_grad():
            for undo in self._undos:
                undo()
        restore(self._randomness)

    def _remember(self, value: object) -> None:
        if id(value) in self._known:
            return
        # Kept alive, so that no other object gets its identity meanwhile.
        self._known[id(value)] = value
        undo = self._undo_of(value)
        if undo is not None:
            self._undos.append(undo)

    def _undo_of(self, value: Any) -> Undo | None:
        if isinstance(value, Tensor):
            return self._undo_of_tensor(value)
        if isinstance(value, dict):
            return self._undo_of_dictionary(value)
        if isinstance(value, list | deque | set):
            return self._undo_of_collection(value)
        if isinstance(value, torch.Generator):
            state = value.get_state()
            return lambda: _ignore(value.set_state(state))
        if isinstance(value, tuple):
            for each in value:
                self._remember(each)
        elif isinstance(value, _STATEFUL):
            self._remember(vars(value))
        return None

    def _undo_of_tensor(self, tensor: Tensor) -> Undo | None:
        gradient = tensor.grad if tensor.is_leaf else None
        if gradient is not None:
            self._remember(gradient)
        if is_lazy(tensor) or tensor.layout is not torch.strided or 0 in tensor.stride():
            # Without numbers, or expanded: nothing can be written into it.
            return None
        data = tensor.detach()
        numbers = data.clone()

        def undo() -> None:
            data.copy_(numbers)
            if tensor.data_ptr() != data.data_ptr():  # `tensor.data` was set to another one
                tensor.data = data
            if tensor.is_leaf:
                tensor.grad = gradient

        return undo

    def _undo_of_dictionary(self, value: dict[Any, Any]) -> Undo:
        before = list(value.items())
        for key, each in before:
            self._remember(key)
            self._remember(each)

        def undo() -> None:
            value.clear()
            value.update(before)

        return undo

    def _undo_of_collection(self, value: Any) -> Undo:
        before = list(value)
        for each in before:
            self._remember(each)

        def undo() -> None:
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(before)

        return undo


def _generators_of(loader: object) -> Iterator[torch.Generator]:
    """The generators of a data loader and of its samplers; not what its data set holds."""
    waiting = [loader]
    while waiting:
        attributes = getattr(waiting.pop(), "__dict__", {})
        for name, value in attributes.items():
            if isinstance(value, torch.Generator):
                yield value
            elif name in ("sampler", "batch_sampler"):
                waiting.append(value)


def _ignore(_: object) -> None:
    return
