"""Examples of further batches, ready to take the place of those of the first batch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.probes.loader_batches import LoaderBatches
from defib.probes.measurements import CannotMeasure
from defib.probes.setup import Replica, Setup
from defib.probes.tape import LOSS_FUNCTIONS

MOST_EXAMPLES = 2048
MOST_SAVED_BYTES = 1 << 28
"""Of what a pass keeps for its backward: a batch may be as small as it is because of memory."""
READING_SECONDS = 0.5
"""Of the thread's own time; a data set may decode images."""
SEED = 0
"""Of the order of the examples."""


@final
@dataclass(frozen=True, eq=False)
class ExamplePool:
    """By identity of each tensor of the first batch that holds examples: many more of them.

    `batch` is the size of the first batch, `count` how many examples there are here, in a random
    order: a loader may keep one. An epoch of their loader has `epoch_batches`, 0 where they are
    those of the first batch.
    """

    batch: int
    count: int
    tensors: Mapping[int, Tensor]
    epoch_batches: int

    def part(self, rows: slice) -> dict[int, Tensor]:
        """What `Replica.loss` takes as inputs; a copy, for a network may write to its inputs."""
        return {key: each[rows].clone() for key, each in self.tensors.items()}


def example_pool(setup: Setup) -> ExamplePool:
    """Examples of the loader that gave the first batch; without one, those of the first batch."""
    batched = _batched(setup)
    size = min(len(each) for each in batched.values())
    tensors, epoch_batches = _of_loader(setup, batched, size) or (batched, 0)
    count = min(len(each) for each in tensors.values())
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    mixed = {key: each[order.to(each.device)] for key, each in tensors.items()}
    return ExamplePool(size, count, mixed, epoch_batches)


def loss_of_part(replica: Replica, pool: ExamplePool, rows: slice) -> Tensor:
    """The loss of some of the examples. Raises `CannotMeasure` where it needs a whole batch."""
    try:
        return replica.loss(inputs=pool.part(rows))
    except CannotMeasure:
        raise
    except Exception as error:  # whatever the user's code raises for a shape that does not fit
        raise CannotMeasure("the loss cannot be made of a part of the batch") from error


def largest_part(setup: Setup, pool: ExamplePool) -> int:
    """How many examples may go through the network at once: as many as the batch at least."""
    replica = setup.replica()
    own = {each.data_ptr() for each in replica.parameters.values()}
    saved_bytes = 0

    def note(saved: Tensor) -> Tensor:
        nonlocal saved_bytes
        saved_bytes += 0 if saved.data_ptr() in own else saved.numel() * saved.element_size()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        replica.loss(restores_randomness=True)
    return max(pool.batch, MOST_SAVED_BYTES * pool.batch // max(saved_bytes, 1))


def _batched(setup: Setup) -> dict[int, Tensor]:
    """By identity each of the user's tensors that holds the examples of the batch."""
    size = setup.output.shape[0] if setup.output.ndim else 0
    inputs = tensors_in((setup.arguments, dict(setup.keywords)))
    targets = [each.targets for each in setup.own_losses]
    held = {id(each): each.detach() for each in inputs if each.ndim and len(each) == size}
    if not size or not held:
        raise CannotMeasure("which axis of the input counts the samples is not known")
    if any(each.ndim == 0 or len(each) != size for each in targets):
        raise CannotMeasure("the targets are not one for each sample")
    written = {id(each): each for each in _read_by_written_loss(setup) if len(each) == size}
    return held | written | {id(each): each.detach() for each in targets}


def _read_by_written_loss(setup: Setup) -> Iterator[Tensor]:
    """Targets and weights that the user's own code, or a module of it, reads to make the loss.

    Torch's loss functions are left out: their targets are known, and their weights are of classes.
    """
    for step in setup.steps:
        if step.function is not setup.network and step.function not in LOSS_FUNCTIONS:
            for each in tensors_in((step.arguments, dict(step.keywords))):
                if each.ndim and not each.requires_grad:
                    yield each


def _of_loader(
    setup: Setup, batched: dict[int, Tensor], size: int
) -> tuple[dict[int, Tensor], int] | None:
    for loader in reversed(setup.loaders):
        try:
            places = {key: loader.place_of(each) for key, each in batched.items()}
            rows = _read(loader, size)
        except CannotMeasure:
            continue
        if rows:
            joined = {
                key: torch.cat([row[place].detach() for row in rows])
                .reshape(-1, *batched[key].shape[1:])
                .to(batched[key])
                for key, place in places.items()
            }
            return joined, len(loader.loader)
    return None


def _read(loader: LoaderBatches, size: int) -> list[list[Tensor]]:
    """Whole batches, as many as there is time for."""
    end = time.thread_time() + READING_SECONDS
    rows: list[list[Tensor]] = []
    for batch in loader.batches():
        if any(each.ndim == 0 or len(each) != size for each in batch):
            break
        rows.append(batch)
        if size * len(rows) >= MOST_EXAMPLES or time.thread_time() > end:
            break
    return rows
