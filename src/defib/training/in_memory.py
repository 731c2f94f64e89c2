"""Training on examples that lie in memory as tensors: nothing is done for each one in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

_AT_ONCE = 1000
"""Examples, where nothing is trained; bounds the memory."""


@final
class ShuffledBatches:
    """Pairs of inputs and targets, in a new order for each `for` loop.

    The order comes from torch's global random state; a rest smaller than `size` is left out.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, size: int) -> None:
        self._inputs, self._targets = inputs, targets
        self._size = size

    def __len__(self) -> int:
        return len(self._inputs) // self._size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self._inputs)).to(self._inputs.device)
        for indices in order.split(self._size)[: len(self)]:
            # A third of the time of `[indices]` on a CPU.
            yield self._inputs.index_select(0, indices), self._targets.index_select(0, indices)


@final
@dataclass(frozen=True)
class Quality:
    """Mean cross-entropy in nats, and the share that is classified rightly."""

    loss: float
    accuracy: float


def quality(network: nn.Module, inputs: Tensor, targets: Tensor) -> Quality:
    """Of the network in evaluation mode; it is left in training mode."""
    scores = scores_of(network, inputs)
    accuracy = (scores.argmax(dim=1) == targets).double().mean()
    return Quality(float(functional.cross_entropy(scores, targets)), float(accuracy))


def scores_of(network: nn.Module, inputs: Tensor) -> Tensor:
    """The outputs in evaluation mode, without gradients; it is left in training mode."""
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(each) for each in inputs.split(_AT_ONCE)])
    network.train()
    return scores


def train_epoch(
    network: nn.Module,
    optimizer: Optimizer,
    batches: ShuffledBatches,
    *,
    loss_function: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
    after_step: Callable[[], object] | None = None,
) -> tuple[float, ...]:
    """The loss of each step, before it; `after_step` may move a schedule on."""
    network.train()
    losses: list[Tensor] = []
    for inputs, targets in batches:
        optimizer.zero_grad()
        loss = loss_function(network(inputs), targets)
        loss.backward()
        optimizer.step()
        # Not read here: on a GPU each reading would wait for the device.
        losses.append(loss.detach())
        if after_step is not None:
            after_step()
    return tuple(torch.stack(losses).tolist()) if losses else ()
