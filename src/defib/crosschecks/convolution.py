"""The gradients of a convolution, by torch's autograd."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch.nn import functional as F

from defib.derivations.comparison import compare
from defib.derivations.convolution import Convolution
from defib.records.derivation import Check, Derivation

MOST_CHANNELS = 2
"""Of the input and of the output that are computed: all channels are alike."""


def checks(problem: Convolution, derivation: Derivation) -> Iterator[Check]:
    """Both gradients with whole numbers, which doubles hold exactly."""
    del derivation
    sliding = problem.sliding
    channels, outputs = min(problem.channels, MOST_CHANNELS), min(problem.out, MOST_CHANNELS)
    image = _whole_numbers((1, channels, *sliding.image), 13)
    kernel = _whole_numbers((outputs, channels, *sliding.kernel), 7)
    upstream = _whole_numbers((1, outputs, *sliding.output), 11)
    image.requires_grad_()
    kernel.requires_grad_()
    output = F.conv2d(
        image, kernel, stride=sliding.stride, padding=sliding.padding, dilation=sliding.dilation
    )
    output.backward(upstream)
    assert image.grad is not None
    assert kernel.grad is not None
    pixels, weights = image.detach(), kernel.detach()
    by_pixel = [
        (
            sum(
                float(upstream[0, o, *output] * weights[o, c, *tap])
                for o in range(outputs)
                for output, tap in sliding.taps_of(pixel)
            ),
            float(image.grad[0, c, *pixel]),
        )
        for c in range(channels)
        for pixel in product(range(sliding.image[0]), range(sliding.image[1]))
    ]
    yield compare("autograd", "the gradient by every pixel", by_pixel)
    by_weight = [
        (
            sum(
                float(upstream[0, o, *output] * pixels[0, c, *pixel])
                for output in product(range(sliding.output[0]), range(sliding.output[1]))
                if sliding.is_inside(pixel := sliding.read(output, tap))
            ),
            float(kernel.grad[o, c, *tap]),
        )
        for o in range(outputs)
        for c in range(channels)
        for tap in product(range(sliding.kernel[0]), range(sliding.kernel[1]))
    ]
    yield compare("autograd", "the gradient by every weight", by_weight)


def _whole_numbers(shape: tuple[int, ...], modulus: int) -> torch.Tensor:
    count = torch.Size(shape).numel()
    # 3 and 5 have no divisor in common with the moduli: neighbours differ.
    numbers = (torch.arange(count, dtype=torch.float64) * 3 + 5) % modulus - modulus // 2
    return numbers.reshape(shape)
