"""Memory behind tensors: which tensors share it, and how many bytes it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from defib.records.expression import Expression, Integer, Product


@final
@dataclass(frozen=True)
class Extent:
    """Bytes of a storage; `dimensions` of the tensor that fills it, if one does."""

    bytes: int
    dimensions: tuple[int, ...] = ()
    element_bytes: int = 1

    @property
    def expression(self) -> Expression:
        """(elements * elements * ...) * bytes each, or only the bytes of a part of a storage."""
        sizes = tuple(Integer(size, "elements") for size in self.dimensions if size != 1)
        if not sizes:
            return Integer(self.bytes, "bytes")
        elements = sizes[0] if len(sizes) == 1 else Product(sizes)
        return Product((elements, Integer(self.element_bytes, "bytes per element")))


def storage_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """The memory of a tensor; `None` for tensors without one of their own (sparse ones)."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def extent_of(tensor: Tensor, storage: torch.UntypedStorage) -> Extent:
    """How many bytes `storage` has, with the arithmetic of a tensor that fills it."""
    size = int(storage.nbytes())
    element_bytes = tensor.element_size()
    if tensor.numel() * element_bytes == size:
        return Extent(size, tuple(map(int, tensor.shape)), element_bytes)
    return Extent(size)


def storages_held_by(network: nn.Module) -> frozenset[int]:
    """Keys of the storages of a network's parameters and buffers."""
    held = (storage_of(each) for each in (*network.parameters(), *network.buffers()))
    return frozenset(each._cdata for each in held if each is not None)
