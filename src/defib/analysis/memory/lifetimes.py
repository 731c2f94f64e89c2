"""When the memory of each tensor is taken and given back while a network runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode

from defib.analysis.memory.batch_norm import BATCH_NORM, batch_norm_results
from defib.analysis.memory.storages import Extent, extent_of, storage_of
from defib.analysis.meta_results import MetaResults
from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced


@final
@dataclass(slots=True)
class Lifetime:
    """A storage from when an operator made it until nothing referred to it any more.

    Times count all births and deaths before; `died` is `None` while it lives.
    """

    extent: Extent
    born: int
    died: int | None = None


@final
class Lifetimes(TorchDispatchMode):
    """Follows the storages that operators make, without keeping any of them alive.

    An operator's results join before its arguments can go: both are alive while it runs.
    `composites` are called in place of operators made of others, where these arrive whole.
    """

    def __init__(
        self,
        ignored: Iterable[int] = (),
        composites: Mapping[Any, Callable[..., Any]] = MappingProxyType({}),
        results: MetaResults | None = None,
    ) -> None:
        super().__init__()
        self.lifetimes: list[Lifetime] = []
        self.peak_bytes = 0
        self.operators: set[Any] = set()
        self._ignored = frozenset(ignored)
        self._composites = composites
        self._results = results or MetaResults()
        self._alive: dict[int, tuple[Lifetime, weakref.ref[Any]]] = {}
        self._bytes = 0
        self._time = 0
        self._peak_time = 0

    def take(self, tensors: Iterable[Tensor]) -> None:
        """Follow tensors that no operator made, such as inputs."""
        for tensor in tensors:
            storage = storage_of(tensor)
            if storage is not None and storage._cdata not in self._ignored:
                self._follow(tensor, storage)
        if self._bytes > self.peak_bytes:
            self.peak_bytes, self._peak_time = self._bytes, self._time

    def alive_at_peak(self) -> tuple[Extent, ...]:
        """The storages that were alive when their bytes were most, oldest first."""
        return tuple(
            each.extent
            for each in self.lifetimes
            if each.born <= self._peak_time and (each.died is None or each.died > self._peak_time)
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        arguments, keywords = _on_one_device((args, kwargs or {}))
        if torch.is_inference_mode_enabled():
            # Without autograd composite operators arrive whole (`linear`, `conv2d`).
            with self:
                run = self._composites.get(func, func.decompose)
                results = run(*arguments, **keywords)
            if results is not NotImplemented:
                return results
        if func is BATCH_NORM and _is_without_numbers(arguments[0]):
            results = batch_norm_results(*arguments)
        else:
            results = self._results.of(func, arguments, keywords)
        self.operators.add(func)
        self.take(tensors_in(results))
        return results

    def _follow(self, tensor: Tensor, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        known = self._alive.get(key)
        if known is not None and known[0].extent.bytes == storage.nbytes():
            return
        if known is not None:
            # Resized in place.
            self._forget(key, known[1])
        self._time += 1
        life = Lifetime(extent_of(tensor, storage), self._time)
        self.lifetimes.append(life)
        self._bytes += life.extent.bytes
        self._alive[key] = (life, weakref.ref(storage, partial(self._forget, key)))

    def _forget(self, key: int, reference: weakref.ref[Any]) -> None:
        life, followed = self._alive.get(key, (None, None))
        if life is not None and followed is reference:
            del self._alive[key]
            self._time += 1
            life.died = self._time
            self._bytes -= life.extent.bytes


def _is_without_numbers(tensor: Tensor) -> bool:
    return tensor.is_meta or isinstance(tensor, FakeTensor)


def _on_one_device(tree: Any) -> Any:
    """The structure with meta tensors only, if any of it is on the meta device.

    Code that makes tensors without naming a device makes them on the processor.
    """
    meta = [each.is_meta for each in tensors_in(tree)]
    if all(meta) or not any(meta):
        return tree
    return with_tensors_replaced(tree, lambda each: each if each.is_meta else each.to("meta"))
