"""The healthy trainings into which faults are put."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import final

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from defib.datasets.bundled import Split, breast_cancer, diabetes, digits
from defib.datasets.sequences import SYMBOLS, first_symbols, topic_words, waves
from defib.networks.autoencoder import Autoencoder
from defib.networks.bag_of_words import BagOfWords
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.networks.forecasting import Forecaster
from defib.networks.recurrent import RecurrentNetwork
from defib.networks.transformer import TransformerNetwork
from defib.training.seeding import seed_everything
from defib.training.setup import TrainingSetup

MakeOptimizer = Callable[..., Optimizer]
"""Takes the parameters, and keywords that replace its own."""


@final
@dataclass(frozen=True)
class Task:
    """What is learnt, from which data, by which network, how.

    Faults are put in by `dataclasses.replace`. Every part is a function, so that each
    training has its own.
    """

    name: str
    data: Callable[[], Split]
    network: Callable[[], nn.Module]
    loss_function: Callable[[], nn.Module]
    optimizer: MakeOptimizer
    steps: int
    batch_size: int = 32
    is_shuffled: bool = True


def set_up(task: Task, seed: int) -> TrainingSetup:
    """The training of `task`; `seed` decides on initial weights, dropout and data order."""
    seed_everything(seed)
    split = task.data()
    model = task.network()
    loader = DataLoader(
        TensorDataset(split.inputs, split.targets),
        batch_size=task.batch_size,
        shuffle=task.is_shuffled,
        generator=torch.Generator().manual_seed(seed),
    )
    return TrainingSetup(
        name=task.name,
        model=model,
        optimizer=task.optimizer(model.parameters()),
        loss_function=task.loss_function(),
        batches=lambda _: loader,
        steps=task.steps,
        validation=(split.validation_inputs, split.validation_targets),
    )


def with_data(task: Task, change: Callable[[Split], Split]) -> Task:
    """`task` with `change` applied to its data."""
    return replace(task, data=lambda: change(task.data()))


def with_inputs(task: Task, change: Callable[[Tensor], Tensor]) -> Task:
    """`task` with `change` applied to its inputs, those for training and for validation."""
    return with_data(
        task,
        lambda split: replace(
            split, inputs=change(split.inputs), validation_inputs=change(split.validation_inputs)
        ),
    )


def with_weights(task: Task, change: Callable[[nn.Module], None]) -> Task:
    """`task` with `change` applied to every module of the network after it was made."""
    return replace(task, network=lambda: task.network().apply(change))


def standardized(split: Split, *, with_targets: bool = False) -> Split:
    """Each feature with mean 0 and standard deviation 1 over the training set."""
    center, scale = split.inputs.mean(0), split.inputs.std(0)
    split = replace(
        split,
        inputs=(split.inputs - center) / scale,
        validation_inputs=(split.validation_inputs - center) / scale,
    )
    return standardized_targets(split) if with_targets else split


def standardized_targets(split: Split) -> Split:
    """Each target with mean 0 and standard deviation 1 over the training set."""
    center, scale = split.targets.mean(0), split.targets.std(0)
    return replace(
        split,
        targets=(split.targets - center) / scale,
        validation_targets=(split.validation_targets - center) / scale,
    )


@cache
def standardized_breast_cancer() -> Split:
    """`breast_cancer` with standardised features."""
    return standardized(breast_cancer())


@cache
def standardized_diabetes() -> Split:
    """`diabetes` with standardised features and targets."""
    return standardized(diabetes(), with_targets=True)


@cache
def digits_as_targets() -> Split:
    """`digits` with each image, flat, as its own target."""
    split = digits()
    return replace(
        split,
        targets=split.inputs.flatten(1),
        validation_targets=split.validation_inputs.flatten(1),
    )


@cache
def digits_with_centers() -> Split:
    """`digits` with the standardised centre of the ink, right and down, as targets (N, 2)."""
    split = digits()
    return standardized_targets(
        replace(
            split,
            targets=_centers(split.inputs),
            validation_targets=_centers(split.validation_inputs),
        )
    )


@cache
def odd_digits() -> Split:
    """`digits` with targets (N, 1): 1 of an odd digit, 0 of an even one."""
    return with_binary_targets(digits(), lambda labels: labels % 2)


@cache
def upper_symbols(count: int = 2400) -> Split:
    """`first_symbols` with targets (N, 1): 1 where the first symbol is of the upper half."""
    return with_binary_targets(first_symbols(count), lambda labels: labels >= SYMBOLS // 2)


def with_binary_targets(split: Split, is_true: Callable[[Tensor], Tensor]) -> Split:
    """`split` with targets (N, 1) of 1 and 0, in place of its class numbers."""
    return replace(
        split,
        targets=is_true(split.targets)[:, None].float(),
        validation_targets=is_true(split.validation_targets)[:, None].float(),
    )


def _centers(images: Tensor) -> Tensor:
    ink = images[:, 0] / images.sum(dim=(1, 2, 3))[:, None, None]
    places = torch.arange(images.shape[-1], dtype=images.dtype)
    return torch.stack((ink.sum(1) @ places, ink.sum(2) @ places), dim=1)


DIGITS_DENSE = Task(
    "digits-dense",
    data=cache(digits),
    network=lambda: dense_network((64, 64, 32, 10)),
    loss_function=nn.CrossEntropyLoss,
    optimizer=partial(Adam, lr=2e-3),
    steps=400,
)
"""Handwritten digits by a multi-layer perceptron."""

DIGITS_CONVOLUTIONAL = Task(
    "digits-convolutional",
    data=cache(digits),
    network=ConvolutionalNetwork,
    loss_function=nn.CrossEntropyLoss,
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
    steps=400,
)
"""Handwritten digits by a small convolutional network."""

TUMOURS = Task(
    "tumours",
    data=standardized_breast_cancer,
    network=lambda: dense_network((30, 16, 16, 1)),
    loss_function=nn.BCEWithLogitsLoss,
    optimizer=partial(AdamW, lr=2e-3, weight_decay=1e-2),
    steps=300,
)
"""Malignant or benign, from 30 standardised features."""

DIABETES = Task(
    "diabetes",
    data=standardized_diabetes,
    network=lambda: dense_network((10, 16, 16, 1)),
    loss_function=nn.MSELoss,
    optimizer=partial(AdamW, lr=2e-3, weight_decay=1e-1),
    steps=200,
)
"""Progression of a disease: a regression."""

SYMBOLS_RECURRENT = Task(
    "symbols-recurrent",
    data=cache(first_symbols),
    network=RecurrentNetwork,
    loss_function=nn.CrossEntropyLoss,
    optimizer=partial(Adam, lr=5e-3),
    steps=300,
)
"""Remember the first symbol of a sequence, by a GRU."""

SYMBOLS_TRANSFORMER = Task(
    "symbols-transformer",
    data=cache(first_symbols),
    network=TransformerNetwork,
    loss_function=nn.CrossEntropyLoss,
    optimizer=partial(AdamW, lr=2e-3),
    steps=250,
)
"""Remember the first symbol of a sequence, by a transformer encoder."""

DIGITS_AUTOENCODER = Task(
    "digits-autoencoder",
    data=digits_as_targets,
    network=Autoencoder,
    loss_function=nn.MSELoss,
    optimizer=partial(Adam, lr=3e-3),
    steps=400,
)
"""Handwritten digits through a narrow middle, by an autoencoder."""

DIGITS_CENTERS = Task(
    "digits-centers",
    data=digits_with_centers,
    network=lambda: ConvolutionalNetwork(classes=2),
    loss_function=nn.MSELoss,
    optimizer=partial(Adam, lr=3e-3),
    steps=300,
)
"""Where the ink of a digit is, by a convolutional network: a regression from images."""

DIGITS_ODD = Task(
    "digits-odd",
    data=odd_digits,
    network=lambda: ConvolutionalNetwork(classes=1),
    loss_function=nn.BCEWithLogitsLoss,
    optimizer=partial(Adam, lr=3e-3),
    steps=400,
)
"""Whether a digit is odd, by a convolutional network: a binary classification of images."""

SYMBOLS_UPPER = Task(
    "symbols-upper",
    data=upper_symbols,
    network=lambda: RecurrentNetwork(classes=1),
    loss_function=nn.BCEWithLogitsLoss,
    optimizer=partial(Adam, lr=5e-3),
    steps=300,
)
"""Whether the first symbol of a sequence is of the upper half, by a GRU: a binary
classification of sequences."""

TOPICS = Task(
    "topics",
    data=cache(topic_words),
    network=BagOfWords,
    loss_function=nn.CrossEntropyLoss,
    optimizer=partial(Adam, lr=1e-2),
    steps=300,
)
"""What a text is about, by an embedding of its words: most words are rare."""

WAVES = Task(
    "waves",
    data=cache(waves),
    network=Forecaster,
    loss_function=nn.MSELoss,
    optimizer=partial(Adam, lr=1e-2),
    steps=250,
)
"""The next value of a noisy wave, by an LSTM: a regression from sequences."""

ALL_TASKS = (
    DIGITS_DENSE,
    DIGITS_CONVOLUTIONAL,
    TUMOURS,
    DIABETES,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    DIGITS_AUTOENCODER,
    DIGITS_CENTERS,
    DIGITS_ODD,
    SYMBOLS_UPPER,
    TOPICS,
    WAVES,
)
