"""Noise of pixels, and what a network lets through of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def gaussian(images: Tensor, deviation: float, seed: int) -> Tensor:
    """The images with the same independent noise at every deviation, only larger."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    return images + deviation * noise


def specks(images: Tensor, share: float, seed: int) -> Tensor:
    """The images, of whose pixels a share is black or white; more at a larger share."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(images.shape, generator=generator).to(images.device)
    is_white = torch.rand(images.shape, generator=generator).to(images.device) < 0.5
    return torch.where(drawn < share, torch.where(is_white, images.max(), images.min()), images)


def changes(network: nn.Sequential, images: Tensor, noisy: Tensor) -> list[tuple[float, float]]:
    """By stage: √(mean square change ÷ variance between images), and the same of the fluctuation.

    Squares and variances are summed over the outputs. The fluctuation is what is left of the change
    of an output after its mean over the images.
    """
    found: list[tuple[float, float]] = []
    with torch.no_grad():
        for stage in network:
            images, noisy = stage(images), stage(noisy)
            change = (noisy - images).flatten(1).double()
            spread = images.flatten(1).double().var(dim=0, unbiased=False).sum()
            fluctuation = change.var(dim=0, unbiased=False)
            parts = (change.square().mean(dim=0), fluctuation)
            total, left = (math.sqrt(float(part.sum() / spread)) for part in parts)
            found.append((total, left))
    return found
