"""Further batches of the user's data loader, without taking any from the user's iterator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from defib.analysis.nested_tensors import tensors_in
from defib.monitor.transfer import is_true
from defib.probes.measurements import CannotMeasure

SEED = 0
"""Of the order in which examples are drawn anew."""
SECONDS = 1.0
"""For reading batches; a data set may decode images."""
MOST_BATCHES = 100
MOST_ELEMENTS = 1 << 24
"""Of what is kept for statistics: 64 MB."""


@final
@dataclass(frozen=True, eq=False)
class LoaderBatches:
    """A loader, and the last batch that it gave; `None` of one that gave none yet."""

    loader: DataLoader[Any]
    first: Any

    def batches(self) -> Iterator[list[Tensor]]:
        """The tensors of batch after batch, from a new sampler with the loader's settings.

        Raises `CannotMeasure` where the loader's data can be read only once, or its sampler
        cannot be made again.
        """
        loader = self.loader
        if isinstance(loader.dataset, IterableDataset):
            raise CannotMeasure("the loader reads an iterable data set, which gives data once")
        try:
            len(loader.dataset)  # pyright: ignore[reportArgumentType]
        except TypeError as error:
            raise CannotMeasure("the loader's data set has no length") from error
        again = DataLoader(
            loader.dataset, batch_sampler=_batch_sampler(loader), collate_fn=loader.collate_fn
        )
        for batch in again:
            yield tensors_in(batch)

    @cached_property
    def some(self) -> tuple[list[Tensor], ...]:
        """Up to 100 batches, read within a second, and once for all who ask."""
        end = time.perf_counter() + SECONDS
        found: list[list[Tensor]] = []
        elements = 0
        for batch in self.batches():
            found.append(batch)
            elements += sum(each.numel() for each in batch)
            is_enough = len(found) >= MOST_BATCHES or elements > MOST_ELEMENTS
            if is_enough or time.perf_counter() > end:
                break
        return tuple(found)

    def column(self, place: int) -> Tensor:
        """The tensor at `place` of `some` batches, joined; of those that have the same shape."""
        parts = [batch[place].detach() for batch in self.some if len(batch) > place]
        alike = [each for each in parts if each.shape[1:] == parts[0].shape[1:]]
        if not alike or not alike[0].ndim:
            raise CannotMeasure("the loader gives no examples of one shape")
        return torch.cat(alike)

    def given(self, place: int) -> Tensor:
        """The tensor at `place` of the batch that the script got."""
        return tensors_in(self.first)[place]

    def place_of(self, tensor: Tensor) -> int:
        """Which tensor of a batch is `tensor`, perhaps moved, cast or reshaped since."""
        for place, each in enumerate(tensors_in(self.first)):
            if each.numel() == tensor.numel() and _are_equal(each, tensor):
                return place
        raise CannotMeasure("the targets are no part of the loader's batch")


def _are_equal(one: Tensor, other: Tensor) -> bool:
    flat = one.detach().reshape(-1).to(other.device, torch.float64)
    return is_true((flat == other.detach().reshape(-1).double()).all())


def _batch_sampler(loader: DataLoader[Any]) -> BatchSampler:
    known = loader.batch_sampler
    if type(known) is not BatchSampler:
        raise CannotMeasure(f"the loader's batches come from a {type(known).__name__}")
    return BatchSampler(_sampler(known.sampler, loader.dataset), known.batch_size, known.drop_last)


def _sampler(sampler: Any, data: Any) -> Any:
    generator = torch.Generator().manual_seed(SEED)
    kind = type(sampler)
    if kind is SequentialSampler:
        return SequentialSampler(data)
    if kind is RandomSampler:
        return RandomSampler(data, sampler.replacement, sampler._num_samples, generator=generator)
    if kind is WeightedRandomSampler:
        return WeightedRandomSampler(
            sampler.weights, sampler.num_samples, sampler.replacement, generator=generator
        )
    if kind is SubsetRandomSampler:
        return SubsetRandomSampler(sampler.indices, generator=generator)
    if kind is DistributedSampler:
        return DistributedSampler(
            data, sampler.num_replicas, sampler.rank, sampler.shuffle, SEED, sampler.drop_last
        )
    raise CannotMeasure(f"the loader's sampler is a {kind.__name__}")
