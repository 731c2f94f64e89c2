"""A network that overfits on screenshots of questions, and what is done against it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.datasets.question_screenshots import SIDE, Screenshots, screenshots
from defib.networks.dense import dense_network
from defib.studies.diagnosed import watched
from defib.studies.image_sets import device_called
from defib.training.in_memory import Quality, ShuffledBatches, scores_of
from defib.training.seeding import seed_everything

LEARNABLE, BEYOND = "comparison", "arithmetic"
"""Questions whose answers carry over to new ones, and some that no network here answers."""
BASE = "nothing done"
WEIGHT_DECAY, DROPOUT, MORE_DATA = "weight decay", "dropout", "more data"
SMALLER, AUGMENTED, STOPPED = "smaller network", "augmentation", "early stopping"
BATCH_SIZE = 40
LEARNING_RATE = 3e-4
"""Of AdamW."""
MORE = 4
"""Times as many examples."""
FARTHEST = 1
"""Pixels by which an augmented screenshot is shifted at most, in either direction."""
PATIENCE = 5
"""Epochs without a new lowest validation loss before an early stop."""
EVERY = 3
"""Epochs from one row of the course to the next."""

Pair = tuple[Tensor, Tensor]
"""Images [N, 3, 45, 45] and answers [N, 1]."""


@final
@dataclass(frozen=True)
class Arm:
    """What differs from the base; `narrowing` divides the width of both hidden layers."""

    weight_decay: float = 0.0
    dropout: float = 0.0
    narrowing: int = 1
    has_more_data: bool = False
    is_augmented: bool = False
    stops_early: bool = False


ARMS: Mapping[str, Arm] = {
    BASE: Arm(),
    WEIGHT_DECAY: Arm(weight_decay=10.0),
    DROPOUT: Arm(dropout=0.5),
    MORE_DATA: Arm(has_more_data=True),
    SMALLER: Arm(narrowing=5),
    AUGMENTED: Arm(is_augmented=True),
    STOPPED: Arm(stops_early=True),
}


@final
@dataclass(frozen=True, eq=False)
class Questions:
    """`more` begins with the examples of `training`; all are standardised as those are."""

    training: Pair
    more: Pair
    validation: Pair
    test: Pair


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A training at its end; `course` has the epoch, and the losses and accuracies of training and
    test, after every few epochs that were trained."""

    training: Quality
    test: Quality
    course: tuple[tuple[float, ...], ...]
    rules: tuple[str, ...]


def questions_of(family: str, examples: int, held_out: int, seed: int, device: str) -> Questions:
    """Training, validation and test questions, none in two of them."""
    drawn = screenshots(family, (examples, (MORE - 1) * examples, held_out, held_out), seed)
    first = torch.from_numpy(drawn[0].images).float()
    mean, deviation = first.mean(), first.std()
    name = device_called(device)

    def pair(part: Screenshots) -> Pair:
        images = (torch.from_numpy(part.images).float() - mean) / deviation
        return images.to(name), torch.from_numpy(part.answers)[:, None].to(name)

    training, further, validation, test = map(pair, drawn)
    images, answers = (torch.cat(both) for both in zip(training, further, strict=True))
    return Questions(training, (images, answers), validation, test)


def trained(name: str, questions: Questions, width: int, epochs: int, seed: int) -> Trained:
    """The training of an arm under defib's watch, as long as the base's in steps."""
    seed_everything(seed)
    arm = ARMS[name]
    examples = questions.more if arm.has_more_data else questions.training
    epochs = epochs // MORE if arm.has_more_data else epochs
    with watched() as seen:
        hidden = width // arm.narrowing
        network = dense_network((3 * SIDE * SIDE, hidden, hidden, 1), dropout=arm.dropout)
        network.to(examples[0].device)
        course = _course(network, arm, examples, questions, epochs)
    return Trained(judged(network, examples), judged(network, questions.test), course, seen.rules)


def _course(
    network: nn.Module, arm: Arm, examples: Pair, questions: Questions, epochs: int
) -> tuple[tuple[float, ...], ...]:
    """Trains; an arm that stops early ends with the weights of the lowest validation loss."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=LEARNING_RATE, weight_decay=arm.weight_decay
    )
    change: Callable[[Tensor], Tensor] = shifted if arm.is_augmented else _unchanged
    batches = ShuffledBatches(*examples, BATCH_SIZE)
    rows: list[tuple[float, ...]] = []
    best, best_epoch, weights = float("inf"), 0, copy.deepcopy(network.state_dict())
    for epoch in range(1, epochs + 1):
        for images, answers in batches:
            optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(network(change(images)), answers)
            loss.backward()
            optimizer.step()
        if epoch % EVERY == 0:
            own, test = judged(network, examples), judged(network, questions.test)
            rows.append((epoch, own.loss, own.accuracy, test.loss, test.accuracy))
        if not arm.stops_early:
            continue
        validation = judged(network, questions.validation)
        if validation.loss < best:
            best, best_epoch, weights = validation.loss, epoch, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            break
    if arm.stops_early:
        network.load_state_dict(weights)
    return tuple(rows)


def judged(network: nn.Module, pair: Pair) -> Quality:
    """By the logistic loss, in evaluation mode; the network is left in training mode."""
    images, answers = pair
    outputs = scores_of(network, images)
    with torch.no_grad():
        loss = functional.binary_cross_entropy_with_logits(outputs, answers)
    return Quality(loss.item(), ((outputs > 0) == (answers > 0.5)).double().mean().item())


def shifted(images: Tensor) -> Tensor:
    """Each image moved by up to `FARTHEST` pixels in both directions; its edge fills the gap."""
    padded = functional.pad(images, (FARTHEST,) * 4, mode="replicate")
    offsets = torch.randint(2 * FARTHEST + 1, (2, len(images), 1)).to(images.device)
    places = torch.arange(images.shape[-1], device=images.device)
    rows, columns = offsets[0] + places, offsets[1] + places
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _unchanged(images: Tensor) -> Tensor:
    return images
