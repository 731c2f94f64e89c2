"""Healthy trainings of classifiers of images, with the networks, methods and loop of the studies.

Their images need no download: scikit-learn's digits, enlarged to the 28 x 28 pixels of MNIST, and
in the place of CIFAR-10 the same digits in colours on pages of other colours. One arm of the study
of normalisation is left out: of dropout before batch normalisation `defib check` warns rightly
(`normalization-after-dropout`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adadelta, Adagrad, Adam, Optimizer, RMSprop

from defib.datasets.bundled import Split, digits
from defib.healthy.base import HealthyTraining, Live, no_gradient
from defib.healthy.loops import wrong_share
from defib.networks.dense import dense_network
from defib.networks.downsampling import downsampling_network
from defib.networks.lenet import lenet_5
from defib.networks.regularized_lenet import regularized_lenet_5
from defib.networks.small_convnet import small_convnet
from defib.schedules.one_cycle import OneCycle
from defib.training.in_memory import ShuffledBatches, quality, train_epoch
from defib.training.scheduled_learning_rate import ScheduledLearningRate
from defib.training.seeding import seed_everything

EDGE = 28
"""Of MNIST's images, in pixels."""
COLOUR_EDGE = 16
INPUT_DROPOUT, HIDDEN_DROPOUT = 0.2, 0.5
DECAY = 5e-4
"""The strength of L2 in the study of methods."""


@cache
def enlarged_digits(edge: int) -> Split:
    """`digits` with images of `edge` x `edge` pixels, standardised over all of them."""
    split = digits()
    made = [
        F.interpolate(each, size=(edge, edge), mode="bilinear")
        for each in (split.inputs, split.validation_inputs)
    ]
    return with_images(split, *_standardized(*made))


@cache
def coloured_digits() -> Split:
    """`digits` as 3 x 16 x 16: ink of a random bright colour, a page of a dark one, noise."""
    split, generator = digits(), torch.Generator().manual_seed(0)

    def coloured(images: Tensor) -> Tensor:
        size = (COLOUR_EDGE, COLOUR_EDGE)
        ink = F.interpolate(images, size=size, mode="bilinear")
        colours = torch.rand(2, len(images), 3, 1, 1, generator=generator)
        mixed = ink * (0.4 + 0.6 * colours[0]) + (1 - ink) * 0.4 * colours[1]
        return mixed + 0.05 * torch.randn(mixed.shape, generator=generator)

    made = coloured(split.inputs), coloured(split.validation_inputs)
    return with_images(split, *_standardized(*made))


def _standardized(images: Tensor, held_out: Tensor) -> tuple[Tensor, Tensor]:
    center, scale = images.mean(), images.std()
    return (images - center) / scale, (held_out - center) / scale


def with_images(split: Split, images: Tensor, held_out: Tensor) -> Split:
    """The labels of `split` with other images."""
    return Split(images, split.targets, held_out, split.validation_targets)


def classified(
    data: Callable[[], Split],
    network: Callable[[], nn.Module],
    optimizer: Callable[[Iterable[Tensor]], Optimizer],
    *,
    epochs: int = 6,
    batch_size: int = 64,
    peak_rate: float | None = None,
) -> HealthyTraining:
    """A training by the loop of the studies, judged on held-out images after each epoch.

    With `peak_rate` the learning rate takes one cycle. The error is the share of held-out images
    that are classified wrongly.
    """

    def begin(seed: int) -> Live:
        seed_everything(seed)
        split, model = data(), network()
        method = optimizer(model.parameters())
        batches = ShuffledBatches(split.inputs, split.targets, batch_size)
        plan = None if peak_rate is None else OneCycle(peak_rate, steps=epochs * len(batches))
        schedule = None if plan is None else ScheduledLearningRate(method, plan)
        after_step = None if schedule is None else schedule.step

        def train() -> None:
            for _ in range(epochs):
                train_epoch(model, method, batches, after_step=after_step)
                quality(model, split.validation_inputs, split.validation_targets)

        return Live(train, no_gradient(lambda: wrong_share(model, split)))

    return HealthyTraining(begin)


def channels_last_of(make: Callable[[], nn.Module]) -> nn.Module:
    """A new network in the order of memory in which studies train convolutions."""
    # torch's own annotations lack this form, which its documentation names.
    return make().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def two_hidden(*, has_dropout: bool) -> nn.Sequential:
    """Two hidden layers of ReLU, with dropout of the input and of both of them."""
    inputs, hidden = 3 * COLOUR_EDGE**2, 200
    dropouts = [nn.Dropout(rate) for rate in (INPUT_DROPOUT, HIDDEN_DROPOUT, HIDDEN_DROPOUT)]
    first, second, third = dropouts if has_dropout else [nn.Identity() for _ in dropouts]
    return nn.Sequential(
        nn.Flatten(),
        *(first, nn.Linear(inputs, hidden), nn.ReLU()),
        *(second, nn.Linear(hidden, hidden), nn.ReLU()),
        *(third, nn.Linear(hidden, 10)),
    )


PLAIN_ADAM = partial(Adam, lr=1e-3)
FUSED_ADAM = partial(Adam, lr=1e-3, fused=True)
METHODS: Mapping[str, Callable[[Iterable[Tensor]], Optimizer]] = {
    "adagrad": partial(Adagrad, lr=1e-2, weight_decay=DECAY),
    "rmsprop": partial(RMSprop, lr=1e-3, alpha=0.9, weight_decay=DECAY),
    "adadelta": partial(Adadelta, lr=1.0, rho=0.95, eps=1e-6, weight_decay=DECAY),
    "adam": partial(Adam, lr=1e-3, weight_decay=DECAY),
}
LENETS: Mapping[str, Callable[[], nn.Module]] = {
    "lenet": regularized_lenet_5,
    "lenet-normalized": partial(regularized_lenet_5, normalizes_hidden=True),
    "lenet-normalized-input": partial(
        regularized_lenet_5, normalizes_hidden=True, normalizes_input=True
    ),
    "lenet-dropout": partial(
        regularized_lenet_5, input_dropout=INPUT_DROPOUT, hidden_dropout=HIDDEN_DROPOUT
    ),
}
POOLINGS: Mapping[str, Callable[[int], nn.Module] | None] = {
    "maximum": nn.MaxPool2d,
    "average": nn.AvgPool2d,
    "stride": None,
}

LARGE = partial(enlarged_digits, EDGE)

TRAININGS: Mapping[str, HealthyTraining] = {
    **{name: classified(LARGE, network, PLAIN_ADAM) for name, network in LENETS.items()},
    **{
        f"two-hidden-{name}{ending}": classified(
            coloured_digits,
            partial(two_hidden, has_dropout=has_dropout),
            method,
            epochs=12,
            batch_size=128,
        )
        for name, method in METHODS.items()
        for ending, has_dropout in (("", False), ("-dropout", True))
    },
    **{
        f"downsampled-by-{name}": classified(
            LARGE,
            partial(channels_last_of, partial(downsampling_network, pooling, edge=EDGE)),
            FUSED_ADAM,
        )
        for name, pooling in POOLINGS.items()
    },
    "lenet-maximum": classified(
        LARGE,
        partial(channels_last_of, partial(lenet_5, activation=nn.ReLU, pooling=nn.MaxPool2d)),
        FUSED_ADAM,
    ),
    "two-hidden-240": classified(
        LARGE, lambda: dense_network((784, 240, 240, 10), dropout=0.5), PLAIN_ADAM
    ),
    "convnet-dropout": classified(
        LARGE,
        partial(channels_last_of, partial(small_convnet, dropout=HIDDEN_DROPOUT)),
        FUSED_ADAM,
        epochs=4,
        batch_size=32,
    ),
    "convnet-one-cycle": classified(
        LARGE,
        partial(channels_last_of, partial(small_convnet, (16, 32), 128, dropout=0.25)),
        FUSED_ADAM,
        peak_rate=3e-3,
    ),
}
