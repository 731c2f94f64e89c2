"""The plain loop of healthy trainings that have a loss of their own, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

from defib.datasets.bundled import Split
from defib.healthy.base import Live, no_gradient

LossOf = Callable[..., Tensor]
"""The loss of one batch, whose tensors are its arguments."""


def live(
    optimizer: Optimizer,
    batches: Iterable[Any],
    loss_of: LossOf,
    error: Callable[[], Any],
    *,
    epochs: int = 9,
) -> Live:
    """A training by `fit`; `error` is computed without a graph."""
    return Live(partial(fit, optimizer, batches, loss_of, epochs=epochs), no_gradient(error))


def fit(optimizer: Optimizer, batches: Iterable[Any], loss_of: LossOf, *, epochs: int) -> None:
    for _ in range(epochs):
        for batch in batches:
            loss = loss_of(*batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def loader_of(*tensors: Tensor, seed: int, **more: Any) -> DataLoader:
    """Shuffled batches of 32, unless `more` says otherwise."""
    generator = torch.Generator().manual_seed(seed)
    arguments: dict[str, Any] = {"batch_size": 32, "shuffle": True} | more
    return DataLoader(TensorDataset(*tensors), generator=generator, **arguments)


def loader(split: Split, seed: int, **more: Any) -> DataLoader:
    """The training examples of `split`, as `loader_of`."""
    return loader_of(split.inputs, split.targets, seed=seed, **more)


def steps(count: int) -> list[tuple[()]]:
    """Batches without data, for a loss that draws its own."""
    return [()] * count


def wrong_share(model: Callable[[Tensor], Tensor], split: Split) -> Tensor:
    """Share of validation examples whose largest score is not at their label."""
    return share_wrong(model, split.validation_inputs, split.validation_targets)


def share_wrong(model: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
    set_mode(model, is_training=False)
    with torch.no_grad():
        wrong = (model(inputs).argmax(dim=1) != labels).float().mean()
    set_mode(model, is_training=True)
    return wrong


def set_mode(model: object, *, is_training: bool) -> None:
    if isinstance(model, nn.Module):
        model.train(is_training)


def mean_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Cross-entropy in evaluation mode, by batches of 256, as a tutorial computes it."""
    model.eval()
    with torch.no_grad():
        losses = [
            F.cross_entropy(model(some_inputs), some_targets)
            for some_inputs, some_targets in zip(inputs.split(256), targets.split(256), strict=True)
        ]
    model.train()
    return float(torch.stack(losses).mean())
