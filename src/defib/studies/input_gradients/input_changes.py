"""Images changed by the derivative of what a network says of them; pixels are in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

Objective = Callable[[Tensor, Tensor], Tensor]
"""From scores [N, classes] and classes [N] to a number for each image [N], which is to grow."""


def class_probability(scores: Tensor, classes: Tensor) -> Tensor:
    """The softmax probability of each image's class."""
    return scores.softmax(dim=1).gather(1, classes[:, None])[:, 0]


def class_score(scores: Tensor, classes: Tensor) -> Tensor:
    """The score of each image's class before softmax."""
    return scores.gather(1, classes[:, None])[:, 0]


def class_loss(scores: Tensor, classes: Tensor) -> Tensor:
    """The cross-entropy of each image in nats."""
    return functional.cross_entropy(scores, classes, reduction="none")


def input_gradient(
    network: nn.Module, images: Tensor, classes: Tensor, objective: Objective
) -> Tensor:
    """The derivative of each image's objective by its pixels, in evaluation mode."""
    network.eval()
    inputs = images.detach().requires_grad_()
    [gradient] = torch.autograd.grad(objective(network(inputs), classes).sum(), inputs)
    return gradient


def ascent(
    network: nn.Module, images: Tensor, classes: Tensor, objective: Objective, step: float
) -> Iterator[Tensor]:
    """The images, then the same after 1, 2, ... steps uphill, each of Euclidean length `step`.

    After each step pixels that left [0, 1] are put back to its ends.
    """
    changed = images
    while True:
        yield changed
        gradient = input_gradient(network, changed, classes, objective)
        # The length is fixed: at a probability near 0 its derivative is as small.
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-30).view(-1, 1, 1, 1)
        changed = (changed + step * gradient / length).clamp(0, 1)


def sign_step(
    network: nn.Module, images: Tensor, classes: Tensor, objective: Objective, epsilon: float
) -> Tensor:
    """One step of `epsilon` in each pixel, uphill; pixels may leave [0, 1].

    Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples" (2015).
    """
    return images + epsilon * input_gradient(network, images, classes, objective).sign()


def worst_linear_loss(
    weights: Tensor, bias: Tensor, inputs: Tensor, signs: Tensor, epsilon: float
) -> Tensor:
    """The largest logistic loss of each input [N, pixels] within ±ε of each pixel, in nats.

    softplus(ε‖w‖₁ − y(w·x + b)) for y of −1 or 1 (`signs`): the exact maximum, since a linear
    score falls fastest where every pixel moves by ε against the sign of its weight.
    """
    return functional.softplus(epsilon * weights.abs().sum() - signs * (inputs @ weights + bias))


def distances(changed: Tensor, images: Tensor) -> Tensor:
    """Euclidean, between each image and its changed one; a pixel's whole range is 1."""
    return (changed - images).flatten(1).norm(dim=1)
