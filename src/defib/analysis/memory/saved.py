"""What autograd keeps for the backward pass, and which layer gave it to it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import final

from torch import Tensor

from defib.analysis.memory.calls import CallStack, LayerCall
from defib.analysis.memory.storages import Extent, extent_of, storage_of


@final
@dataclass(frozen=True)
class SavedStorage:
    """Memory that is kept for backward, and the layer call that was the first to hand it over."""

    extent: Extent
    call: LayerCall


@final
class SavedForBackward:
    """Hooks for `saved_tensors_hooks` that note what is kept; parameters and buffers are not.

    Autograd owns what `pack` returns: when a graph is freed, what only it kept counts no more.
    """

    def __init__(self, ignored: frozenset[int], calls: CallStack) -> None:
        self._ignored = ignored
        self._calls = calls
        self._kept: list[weakref.ref[_Kept]] = []

    def pack(self, tensor: Tensor) -> _Kept:
        """The tensor as autograd shall hold it."""
        # Detached: a result that its own operation keeps would keep itself alive for ever.
        kept = _Kept(tensor.detach(), self._calls.current)
        self._kept.append(weakref.ref(kept))
        return kept

    @staticmethod
    def unpack(kept: _Kept) -> Tensor:
        """The tensor that was packed."""
        return kept.tensor

    def has_uncounted(self) -> bool:
        """Whether a tensor is kept that has no storage of its own (a sparse one)."""
        kept = (reference() for reference in self._kept)
        return any(each is not None and storage_of(each.tensor) is None for each in kept)

    def storages(self) -> tuple[SavedStorage, ...]:
        """Distinct storages that are kept at present, in the order of handing over."""
        found: dict[int, SavedStorage] = {}
        for reference in self._kept:
            kept = reference()
            storage = None if kept is None else storage_of(kept.tensor)
            if kept is None or storage is None:
                continue
            if storage._cdata not in found and storage._cdata not in self._ignored:
                extent = extent_of(kept.tensor, storage)
                found[storage._cdata] = SavedStorage(extent, kept.call)
        return tuple(found.values())


@final
class _Kept:
    __slots__ = ("__weakref__", "call", "tensor")

    def __init__(self, tensor: Tensor, call: LayerCall) -> None:
        self.tensor = tensor
        self.call = call
