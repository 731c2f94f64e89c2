"""The effective receptive field: how far the input really matters, measured by gradients.

Never to be confused with the theoretical field: of that, which says where the input *can*
matter, only a part of about its square root matters in a deep network (Luo et al. 2016).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from defib.analysis.receptive_field.effective_results import EffectiveAxis, EffectiveField
from defib.discovery.random_state import randomness_restored

MASS_INSIDE = 0.95
"""Share of the squared gradient inside `radius`: two standard deviations of a Gaussian."""


def effective_field(
    network: nn.Module,
    input_shape: Sequence[int],
    *,
    layer: str = "",
    samples: int = 16,
    seed: int = 0,
) -> EffectiveField:
    """The field of the centre of `layer`'s output (the network's own if empty).

    Mean of the squared gradient over `samples` inputs of standard normal numbers of shape
    N x C x space, the channels of the centre summed with random signs, so that they do not
    cancel. Computed on a copy in evaluation mode: the network is left as found.
    Source: Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks" (2016), arXiv:1701.04128.
    """
    twin = copy.deepcopy(network).eval().requires_grad_(False)
    first = next((each for each in twin.parameters() if each.is_floating_point()), None)
    device = torch.device("cpu") if first is None else first.device
    dtype = torch.get_default_dtype() if first is None else first.dtype
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(tuple(input_shape[2:]), dtype=torch.float64, device=device)
    with randomness_restored(), _outputs_of(twin, layer) as outputs:
        for _ in range(samples):
            numbers = torch.randn(tuple(input_shape), generator=generator, dtype=torch.float64)
            image = numbers.to(device, dtype).requires_grad_()
            outputs.clear()
            with torch.enable_grad():
                twin(image)
                center = _center(outputs[0], len(input_shape) - 2)
                signs = torch.randint(0, 2, center.shape, generator=generator) * 2 - 1
                weighted = (center * signs.to(center)).sum()
            (gradient,) = torch.autograd.grad(weighted, image)
            total += gradient.double().square().sum(dim=(0, 1))
    profile = total / total.sum().clamp_min(torch.finfo(torch.float64).tiny)
    axes = tuple(_axis(profile, dim) for dim in range(profile.ndim))
    return EffectiveField(axes, profile.cpu().numpy(), samples)


@contextmanager
def _outputs_of(network: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, result: Any) -> None:
        outputs.append(next(each for each in tree_leaves(result) if isinstance(each, Tensor)))

    handle = network.get_submodule(layer).register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()


def _center(output: Tensor, axes: int) -> Tensor:
    """All channels at the middle position; everything if the output has no positions."""
    if output.ndim < axes + 2:
        return output
    return output[(..., *(size // 2 for size in output.shape[-axes:]))]


def _axis(profile: Tensor, dim: int) -> EffectiveAxis:
    others = [each for each in range(profile.ndim) if each != dim]
    mass = profile.sum(dim=others) if others else profile
    places = torch.arange(len(mass), dtype=mass.dtype, device=mass.device)
    center = (mass * places).sum()
    deviation = (mass * (places - center).square()).sum().sqrt()
    distance = (places - center.round()).abs()
    inside = torch.stack([mass[distance <= radius].sum() for radius in range(len(mass))])
    radius = (inside < MASS_INSIDE * mass.sum()).sum()
    middle, spread, reach = torch.stack([center, deviation, radius.to(center)]).tolist()
    return EffectiveAxis(middle, spread, int(reach))
