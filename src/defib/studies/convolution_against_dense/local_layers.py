"""Convolutional, locally connected and dense networks: what they cost, and what shifts do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from defib.networks.dense import dense_network
from defib.networks.locally_connected import (
    convolutional_stack,
    dense_stack,
    locally_connected_stack,
)
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images
from defib.training.in_memory import quality, train_epoch
from defib.training.seeding import seed_everything

SHARED, LOCAL, DENSE = "convolutional", "locally connected", "dense"
KINDS = (SHARED, LOCAL, DENSE)
BATCH_SIZE = 32
LEARNING_RATE = 2e-3
STRIDE = 2
_MEGA = 1e6


@final
@dataclass(frozen=True)
class Task:
    """`channels` of the layers, the images' first; at least `updates` for every network, and then
    to the end of the epoch.

    `hidden` are the widths of the dense network; without them it has as many units as the others,
    layer by layer. `examples` are numbers of training images.
    """

    channels: tuple[int, ...]
    examples: tuple[int, ...]
    updates: int
    held_out: int
    outputs: int = 10
    hidden: tuple[int, ...] = ()
    device: str = "cpu"

    def network(self, kind: str, edge: int) -> nn.Sequential:
        """Of that kind, for images of that side."""
        if kind == DENSE and self.hidden:
            return dense_network((self.channels[0] * edge**2, *self.hidden, self.outputs))
        return MAKERS[kind](self.channels, self.outputs, edge=edge)


MAKERS: dict[str, Callable[..., nn.Sequential]] = {
    SHARED: convolutional_stack,
    LOCAL: locally_connected_stack,
    DENSE: dense_stack,
}


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training on so many `examples`.

    `seconds` are those of 1,000 examples in the fastest epoch, in which the machine had least
    else to do.
    """

    examples: int
    network: nn.Sequential
    accuracy: float
    train_accuracy: float
    megabytes: float
    seconds: float
    rules: tuple[str, ...]


def trained(task: Task, kind: str, data: Images, count: int, seed: int) -> Trained:
    """On the first `count` training images, watched."""
    part = Images(
        data.images[:count], data.labels[:count], data.validation_images, data.validation_labels
    )
    seed_everything(seed)
    with watched() as watch:
        network = task.network(kind, data.images.shape[-1]).to(data.images.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        batches = part.batches(BATCH_SIZE)
        # The same order for every kind, whose weights took different numbers of random numbers.
        seed_everything(seed)
        seconds: list[float] = []
        while len(seconds) * len(batches) < task.updates:
            begun = time.perf_counter()
            train_epoch(network, optimizer, batches)
            seconds.append(time.perf_counter() - begun)
    fitted = quality(network, part.images[:1000], part.labels[:1000]).accuracy
    megabytes = bytes_of_training(network, optimizer) / _MEGA
    fastest = 1000 * min(seconds) / (len(batches) * BATCH_SIZE)
    return Trained(
        examples=count,
        network=network,
        accuracy=part.quality(network).accuracy,
        train_accuracy=fitted,
        megabytes=megabytes,
        seconds=fastest,
        rules=watch.rules,
    )


def bytes_of_training(network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Parameters, their gradients and what the optimiser keeps for them; no activations."""
    kept = [entry for state in optimizer.state.values() for entry in state.values()]
    tensors = [each for each in kept if isinstance(each, Tensor) and each.dim() > 0]
    for parameter in network.parameters():
        tensors += [parameter] if parameter.grad is None else [parameter, parameter.grad]
    return sum(each.numel() * each.element_size() for each in tensors)


def parameter_count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def weight_count(network: nn.Module) -> int:
    """Without the biases."""
    return sum(each.numel() for name, each in network.named_parameters() if "weight" in name)


def shifted(images: Tensor, down: int, right: int) -> Tensor:
    """Moved by whole pixels; what comes in is the page, the darkest value."""
    moved = torch.full_like(images, float(images.min()))
    height, width = images.shape[-2:]
    to, came = _overlap(down, height), _overlap(-down, height)
    to_side, came_side = _overlap(right, width), _overlap(-right, width)
    moved[..., to, to_side] = images[..., came, came_side]
    return moved


def accuracy_by_shift(
    network: nn.Module, data: Images, pixels: Sequence[int]
) -> list[tuple[int, float]]:
    """On held-out images moved by so many pixels up, down, left and right."""
    found: list[tuple[int, float]] = []
    for by in pixels:
        places = ((by, 0), (-by, 0), (0, by), (0, -by)) if by else ((0, 0),)
        right = [
            quality(network, shifted(data.validation_images, *place), data.validation_labels)
            for place in places
        ]
        found.append((by, sum(each.accuracy for each in right) / len(right)))
    return found


def shift_error(network: nn.Sequential, images: Tensor) -> float:
    """How far the first maps are from moving with the image, relative to themselves.

    ‖f(image moved by a stride) − (f(image) moved by a place)‖ / ‖f(image)‖ over the places that
    have seen nothing new; 0 for a layer that treats all places alike.
    """
    with torch.no_grad():
        before, after = network[0](images), network[0](shifted(images, 0, STRIDE))
        still, moved = before[..., :-1], after[..., 1:]
        return float(torch.linalg.vector_norm(moved - still) / torch.linalg.vector_norm(still))


def _overlap(by: int, length: int) -> slice:
    """Where the rows that stay in the image end up when they are moved by `by`."""
    return slice(by, length) if by >= 0 else slice(0, length + by)
