"""Batches whose size follows a schedule, in parts where a whole one does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from defib.errors import UsageError
from defib.schedules.base import Quantity, Schedule


@final
@dataclass(frozen=True)
class PlannedBatch:
    """The examples of one optimiser step, by index, and the parts in which they come."""

    step: int
    parts: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of examples."""
        return sum(map(len, self.parts))


@final
class GrowingBatchSampler(Sampler[list[int]]):
    """Gives the indices of each part of each batch, until the data were gone through once.

    `schedule` says how many examples the batch of each optimiser step has; the last batch of
    an epoch has what is left, or, without `keeps_rest`, what is left is not used in that epoch
    (a batch as large as all data is). No part is larger than `largest_part`, and each batch has at
    least `fewest_parts`, as far as it has so many examples. `step` counts the batches that are
    done: what comes next depends on it alone, so that a resumed run sees the same examples.

    Raises `UsageError` for a schedule that plans no batch sizes.
    """

    def __init__(
        self,
        examples: int,
        schedule: Schedule,
        *,
        seed: int = 0,
        largest_part: int | None = None,
        fewest_parts: int = 1,
        keeps_rest: bool = True,
    ) -> None:
        if schedule.quantity is not Quantity.BATCH_SIZE:
            raise UsageError(
                f"{schedule.name()} plans a {schedule.quantity.value} and no batch size."
            )
        if examples < 1 or fewest_parts < 1 or (largest_part is not None and largest_part < 1):
            raise UsageError(
                "`examples`, `largest_part` and `fewest_parts` must be at least 1, and are "
                f"{examples}, {largest_part} and {fewest_parts}."
            )
        self.step = 0
        self._examples = examples
        self._schedule = schedule
        self._seed = seed
        self._largest_part = largest_part or examples
        self._fewest_parts = fewest_parts
        self._keeps_rest = keeps_rest

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.rest_of_epoch():
            yield from map(list, batch.parts)

    def __len__(self) -> int:
        """Parts until the end of the epoch."""
        return sum(len(batch.parts) for batch in self.rest_of_epoch())

    def rest_of_epoch(self) -> Iterator[PlannedBatch]:
        """The batches from `step` to the end of the epoch in which it lies."""
        epoch, used = self._position()
        order = np.random.default_rng((self._seed, epoch)).permutation(self._examples)
        step = self.step
        while self._has_batch(step, used):
            indices = order[used : used + self._size(step)]
            yield PlannedBatch(step, _split(indices, self._largest_part, self._fewest_parts))
            used += len(indices)
            step += 1

    def state_dict(self) -> dict[str, Any]:
        """The batches that are done, and all on which the order of the examples depends."""
        return {"step": self.step, "plan": self._plan()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises `UsageError` where it would be with other examples: the data, the seed or the
        schedule are not the same.
        """
        saved, plan = state_dict["plan"], self._plan()
        differing = [
            f"{key} was {saved.get(key)} and is now {plan.get(key)}"
            for key in sorted({*saved, *plan})
            if saved.get(key) != plan.get(key)
        ]
        if differing:
            raise UsageError(
                f"The checkpoint was written with other batches: {'; '.join(differing)}. Resume "
                "with the same, or set `step` for a new order on purpose."
            )
        self.step = int(state_dict["step"])

    def _plan(self) -> dict[str, Any]:
        # Not the parts: they change what fits into memory and nothing else.
        return {
            "examples": self._examples,
            "seed": self._seed,
            "keeps_rest": self._keeps_rest,
            **self._schedule.parameters(),
        }

    def _size(self, step: int) -> int:
        return max(1, int(self._schedule.at(step)))

    def _has_batch(self, step: int, used: int) -> bool:
        """Whether `step` belongs to an epoch of which `used` examples are used up."""
        left = self._examples - used
        needed = 1 if self._keeps_rest else min(self._size(step), self._examples)
        return left >= needed

    def _position(self) -> tuple[int, int]:
        """Epoch of `step`, and the examples of it that are used up."""
        epoch, used = 0, 0
        for step in range(self.step):
            if not self._has_batch(step, used):
                epoch, used = epoch + 1, 0
            used = min(used + self._size(step), self._examples)
        return (epoch, used) if self._has_batch(self.step, used) else (epoch + 1, 0)


def _split(indices: np.ndarray, largest: int, fewest: int) -> tuple[tuple[int, ...], ...]:
    """`indices` in as few parts as allowed, which differ by one example at most."""
    count = max(-(-len(indices) // largest), min(fewest, len(indices)))
    return tuple(tuple(part.tolist()) for part in np.array_split(indices, count))


@final
@dataclass(frozen=True)
class Part:
    """What the loader made of the examples of one part; `weight` is its share of the batch."""

    data: Any  # whatever the data set holds, collated
    size: int
    weight: float


@final
@dataclass(frozen=True)
class GrowingBatch:
    """The batch of one optimiser step. Its parts can be gone through once."""

    step: int
    size: int
    parts: Iterator[Part]


@final
class GrowingBatches:
    """Goes through the data once for each `for` loop, in batches that grow.

        batches = GrowingBatches(data, GrowingBatchSampler(len(data), BatchGrowth(every=500)))
        for batch in batches:
            optimizer.zero_grad()
            loss = backward_in_parts(batch, lambda part: loss_function(model(part[0]), part[1]))
            optimizer.step()

    A batch counts as done as soon as its last part was handed out: a checkpoint that is
    written after `optimizer.step()` holds it, however far ahead the loader's workers are.
    A loop that was left early goes on with the next batch. `options` are those of `DataLoader`.
    """

    # `Any`: options that only `DataLoader` knows.
    def __init__(self, data: Dataset[Any], sampler: GrowingBatchSampler, **options: Any) -> None:
        self.sampler = sampler
        self._loader = DataLoader(data, batch_sampler=sampler, **options)

    def __iter__(self) -> Iterator[GrowingBatch]:
        planned = tuple(self.sampler.rest_of_epoch())
        loaded = iter(self._loader)
        for batch in planned:
            parts = self._parts(batch, loaded)
            yield GrowingBatch(batch.step, batch.size, parts)
            for _ in parts:
                # The loader goes on with the next batch, whatever was left of this one.
                pass

    def state_dict(self) -> dict[str, Any]:
        """As of the sampler."""
        return self.sampler.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As of the sampler; takes effect with the next `for` loop."""
        self.sampler.load_state_dict(state_dict)

    def _parts(self, batch: PlannedBatch, loaded: Iterator[Any]) -> Iterator[Part]:
        for number, indices in enumerate(batch.parts):
            data = next(loaded)
            if number == len(batch.parts) - 1:
                self.sampler.step = batch.step + 1
            yield Part(data, len(indices), len(indices) / batch.size)


def backward_in_parts(batch: GrowingBatch, loss_of: Callable[[Any], Tensor]) -> Tensor:
    """The mean loss over the batch; its gradients are added to those that are there.

    `loss_of` takes the data of a part and gives the mean loss over its examples. To rounding,
    the gradients are those of the whole batch at once, except where an example's loss depends
    on the others of its batch: batch normalisation sees the part alone. Raises `UsageError`
    where the parts were gone through before.
    """
    losses = []
    for part in batch.parts:
        loss = loss_of(part.data) * part.weight
        loss.backward()
        losses.append(loss.detach())
    return total_loss(losses)


def total_loss(losses: Sequence[Tensor]) -> Tensor:
    """The sum of the parts' losses. Raises `UsageError` where there was no part."""
    if not losses:
        raise UsageError(
            "The parts of this batch are gone: they can be gone through once, before the loop "
            "takes the next batch. Do not make a list of the batches."
        )
    return sum(losses[1:], start=losses[0])
