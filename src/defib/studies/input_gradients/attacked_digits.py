"""Networks that learn MNIST from pixels in [0, 1], to be led astray by changed images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.networks.dense import dense_network
from defib.networks.lenet import lenet_5
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images, ImageScale, images_of
from defib.studies.input_gradients.input_changes import sign_step, worst_linear_loss
from defib.training.in_memory import ShuffledBatches, train_epoch
from defib.training.seeding import seed_everything

DATASET = "mnist"
BATCH_SIZE = 64
PAIR = (3, 7)
"""The two digits of the paper's logistic regression."""


@final
@dataclass(frozen=True)
class Kind:
    """A network, and the learning rate of Adam at which it is trained."""

    build: Callable[[], nn.Sequential]
    learning_rate: float


LINEAR, DENSE, LENET = "softmax regression", "240-240, dropout 0.5", "LeNet-5"
KINDS: Mapping[str, Kind] = {
    LINEAR: Kind(lambda: dense_network((784, 10)), 5e-3),
    DENSE: Kind(lambda: dense_network((784, 240, 240, 10), dropout=0.5), 1e-3),
    LENET: Kind(lambda: lenet_5(activation=nn.ReLU, pooling=nn.MaxPool2d), 1e-3),
}


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A network, and the rules that defib named while it was trained."""

    network: nn.Sequential
    rules: tuple[str, ...]


@final
@dataclass(frozen=True)
class LinearCase:
    """The logistic regression of two digits under the sign step.

    `gap` is the largest difference between the loss after the sign step and the closed form of the
    worst case, relative to the latter; `worse` counts the random corners of the box that are worse.
    """

    clean_error: float
    error: float
    gap: float
    worse: int
    corners: int


def digits_in_pixels(scale: ImageScale, seed: int) -> Images:
    """MNIST with pixels in [0, 1], as its files have them."""
    data = images_of(DATASET, scale, seed)
    # The darkest and the brightest pixels are 0 and 255 in every part of MNIST.
    low, high = data.images.min(), data.images.max()
    return Images(
        (data.images - low) / (high - low),
        data.labels,
        (data.validation_images - low) / (high - low),
        data.validation_labels,
    )


def trained_under_watch(name: str, data: Images, epochs: int, seed: int) -> Trained:
    """A network of that kind after its training, in evaluation mode."""
    seed_everything(seed)
    kind = KINDS[name]
    with watched() as seen:
        network = kind.build().to(data.images.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=kind.learning_rate)
        for _ in range(epochs):
            train_epoch(network, optimizer, data.batches(BATCH_SIZE))
    return Trained(network.eval(), seen.rules)


def linear_case(data: Images, epochs: int, epsilon: float, corners: int, seed: int) -> LinearCase:
    """A logistic regression of 3 against 7, trained and then led astray."""
    seed_everything(seed)
    inputs, signs = _pair(data.images, data.labels)
    layer = nn.Linear(inputs.shape[1], 1).to(inputs.device)
    optimizer = torch.optim.Adam(layer.parameters(), lr=5e-3)
    batches = ShuffledBatches(inputs, (signs[:, None] > 0).float(), BATCH_SIZE)
    for _ in range(epochs):
        loss = functional.binary_cross_entropy_with_logits
        train_epoch(layer, optimizer, batches, loss_function=loss)
    return _led_astray(
        layer.double(),
        *_pair(data.validation_images, data.validation_labels),
        epsilon=epsilon,
        corners=corners,
    )


def _led_astray(
    layer: nn.Linear, inputs: Tensor, signs: Tensor, *, epsilon: float, corners: int
) -> LinearCase:
    inputs, signs = inputs.double(), signs.double()
    weights, bias = layer.weight.detach()[0], layer.bias.detach()[0]

    def losses(changed: Tensor) -> Tensor:
        return functional.softplus(-signs * (changed @ weights + bias))

    changed = sign_step(
        layer,
        inputs,
        signs,
        lambda scores, sign: functional.softplus(-sign * scores[:, 0]),
        epsilon,
    )
    after = losses(changed)
    worst = worst_linear_loss(weights, bias, inputs, signs, epsilon)
    worse = 0
    for _ in range(corners):
        corner = epsilon * (2.0 * torch.randint_like(inputs, 2) - 1.0)
        worse += int((losses(inputs + corner) > worst * (1 + 1e-9)).any())
    return LinearCase(
        clean_error=float((signs * (inputs @ weights + bias) <= 0).double().mean()),
        error=float((signs * (changed @ weights + bias) <= 0).double().mean()),
        gap=float(((after - worst).abs() / worst).max()),
        worse=worse,
        corners=corners,
    )


def _pair(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The images of the two digits as rows, and 1 for the first digit, −1 for the second."""
    chosen = (labels == PAIR[0]) | (labels == PAIR[1])
    return images[chosen].flatten(1), torch.where(labels[chosen] == PAIR[0], 1.0, -1.0)
