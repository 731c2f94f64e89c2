"""The gradient noise scale of a training, measured while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

import torch
from torch import Tensor

from defib.metrics.gradient_noise import GradientNoise, gradient_noise
from defib.training.growing_batches import GrowingBatch, total_loss

FAR = 10.0
"""Factor between batch size and noise scale from which a batch is called too small or too
large: it then takes at least 11 times the steps, or the examples, that it could."""


class BatchSize(Enum):
    """How a batch size stands to the noise scale."""

    TOO_SMALL = "too small"
    """Larger batches would need far fewer steps, at next to no cost in examples."""
    FITTING = "fitting"
    TOO_LARGE = "too large"
    """Smaller batches would need far fewer examples, at next to no cost in steps."""
    UNKNOWN = "unknown"
    """The measurement does not tell."""


@final
@dataclass(frozen=True)
class NoiseScale:
    """tr(Σ) / |G|² in examples, with its standard error over `batches` measured batches.

    `nan` where the gradient cannot be told from noise; more batches are needed then.
    """

    examples: float
    standard_error: float
    batches: int

    def steps_factor(self, batch_size: float) -> float:
        """Steps over the fewest with which any batch size gets as far: 1 + scale / size."""
        return 1 + self.examples / batch_size

    def examples_factor(self, batch_size: float) -> float:
        """Examples over the fewest with which any batch size gets as far: 1 + size / scale."""
        return 1 + batch_size / self.examples if self.examples > 0 else math.inf

    def judge(self, batch_size: float) -> BatchSize:
        """Whether `batch_size` is more than `FAR` times too small or too large.

        Not judged unless that holds at both ends of two standard errors.
        """
        low = self.examples - 2 * self.standard_error
        high = self.examples + 2 * self.standard_error
        if not math.isfinite(low + high):
            return BatchSize.UNKNOWN
        if batch_size * FAR < low:
            return BatchSize.TOO_SMALL
        if batch_size > FAR * max(high, 0.0):
            return BatchSize.TOO_LARGE
        return BatchSize.FITTING if low > 0 else BatchSize.UNKNOWN


def noise_scale(measured: Iterable[GradientNoise]) -> NoiseScale:
    """The noise scale of several batches: mean noise over mean signal.

    Single ratios are biased and may be negative: the means are taken first. The standard error
    is the jackknife's, which leaves out one batch after the other.
    """
    pairs = [(float(each.noise), float(each.signal)) for each in measured]
    noises, signals = [noise for noise, _ in pairs], [signal for _, signal in pairs]
    count = len(pairs)
    value = _ratio(sum(noises), sum(signals))
    if count < 2 or not math.isfinite(value):
        return NoiseScale(value, math.nan, count)
    left_out = [_ratio(sum(noises) - noise, sum(signals) - signal) for noise, signal in pairs]
    mean = sum(left_out) / count
    spread = sum((each - mean) ** 2 for each in left_out)
    return NoiseScale(value, math.sqrt(spread * (count - 1) / count), count)


def measured_backward(
    batch: GrowingBatch,
    loss_of: Callable[[Any], Tensor],
    parameters: Sequence[Tensor],
) -> tuple[Tensor, GradientNoise]:
    """As `backward_in_parts`, together with the noise of the batch's gradient.

    It needs memory for one more copy of the gradients, and batches of at least two parts
    (`fewest_parts=2`); the noise of a single part is `nan`. At least one parameter must get a
    gradient.
    """
    losses, squares, sizes = [], [], []
    whole = [torch.zeros_like(each) for each in parameters]
    for part in batch.parts:
        before = [None if each.grad is None else each.grad.clone() for each in parameters]
        loss = loss_of(part.data) * part.weight
        loss.backward()
        losses.append(loss.detach())
        sizes.append(part.size)
        own = [_difference(each.grad, old) for each, old in zip(parameters, before, strict=True)]
        squares.append(_square(own) / part.weight**2)
        for total, each in zip(whole, own, strict=True):
            if each is not None:
                total += each
    loss = total_loss(losses)
    return loss, gradient_noise(torch.stack(squares), _square(whole), sizes)


def _ratio(noise: float, signal: float) -> float:
    return noise / signal if signal > 0 else math.nan


def _difference(now: Tensor | None, before: Tensor | None) -> Tensor | None:
    if now is None:
        return None
    return now.clone() if before is None else now - before


def _square(gradients: Iterable[Tensor | None]) -> Tensor:
    present = [each for each in gradients if each is not None]
    return torch.stack([each.double().square().sum() for each in present]).sum()
