"""Whether one sample of a batch changes the output for another."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced
from defib.monitor.transfer import is_true
from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

TOLERANCE = 1e-4
"""Change of an output that rounding explains, relative to the largest output (float32)."""


@final
class MixedSamples(Probe):
    """One sample of the batch is replaced on a copy in evaluation mode.

    `mixed_sample_fraction`: the share of the other samples whose output changes, the largest
    over three replaced samples. `own_sample_fraction`: how many of the three changed their own.
    """

    measures = ("mixed_sample_fraction", "own_sample_fraction", "square_input")
    order: ClassVar[int] = 100

    def measure(self, setup: Setup, into: Measurements) -> None:
        network, given = setup.evaluation_copy()
        _require_no_batch_statistics(network)
        batch, axis = _main_input(given, setup.output)
        with torch.no_grad():
            before = _outputs(network, given)
            again = _outputs(network, given)
            size = batch.shape[axis]
            if before.shape[0] != size:
                raise CannotMeasure("which axis of the output counts the samples is not known")
            if is_true((before != again).any()):
                raise CannotMeasure("two runs in evaluation mode differ")
            if batch.ndim == 1 and _is_length_fixed(network, given, size):
                raise CannotMeasure("the only axis of the input holds features of one sample")
            mixed, own = [], []
            for sample in sorted({0, size // 2, size - 1}):
                changed = _changed_samples(network, given, batch, axis, sample, before)
                own.append(changed[sample].float())
                mixed.append((changed.float().sum() - changed[sample].float()) / (size - 1))
        into.single.add("mixed_sample_fraction", "", torch.stack(mixed).max())
        into.single.add("own_sample_fraction", "", torch.stack(own).mean())
        into.single.add("square_input", "", float(_has_square(network, given, size)))


def _require_no_batch_statistics(network: nn.Module) -> None:
    for name, module in network.named_modules():
        is_normalization = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if is_normalization and module.running_mean is None:
            raise CannotMeasure(f"`{name}` uses the statistics of the batch, by its options")


def _main_input(given: Any, output: Tensor) -> tuple[Tensor, int]:
    """The first tensor with an axis of samples, and that axis: 0, or 1 for sequences."""
    if output.ndim == 0 or output.shape[0] < 2:
        raise CannotMeasure("the batch holds fewer than 2 samples")
    for axis in (0, 1):
        for each in tensors_in(given):
            is_data = each.dtype != torch.bool and not each.is_complex() and each.numel() > 1
            if is_data and each.ndim > axis and each.shape[axis] == output.shape[0]:
                if axis == 1 and output.ndim > 1 and each.shape[0] == output.shape[1]:
                    raise CannotMeasure("time or samples may come first in the output")
                return each, axis
    raise CannotMeasure("which axis of the input counts the samples is not known")


def _is_length_fixed(network: nn.Module, given: Any, size: int) -> bool:
    """Whether the network needs just as many entries: weights fix how many features there are,
    while a batch may have one less."""
    shorter = with_tensors_replaced(
        given, lambda each: each[:-1] if each.ndim and len(each) == size else each
    )
    try:
        return len(_outputs(network, shorter)) != size - 1
    except Exception:  # whatever the user's code raises for a shape that does not fit
        return True


def _outputs(network: nn.Module, given: Any) -> Tensor:
    # Copies: the network may write to its inputs.
    arguments, keywords = with_tensors_replaced(given, lambda each: each.detach().clone())
    found = [
        each for each in tensors_in(network(*arguments, **keywords)) if each.is_floating_point()
    ]
    return found[0]


def _changed_samples(
    network: nn.Module, given: Any, batch: Tensor, axis: int, sample: int, before: Tensor
) -> Tensor:
    changed_batch = batch.detach().clone()
    row, other = _rows(changed_batch, axis, sample)
    if batch.is_floating_point():
        generator = torch.Generator().manual_seed(sample)
        noise = torch.randn(row.shape, generator=generator).to(row.device, row.dtype)
        row.copy_(other + row.std().nan_to_num(1.0).clamp_min(1e-3) * noise)
    else:
        # Another sample's tokens are valid ones; alike samples are rolled.
        row.copy_(other.clone() if is_true((row != other).any()) else row.roll(1))
    after = _outputs(
        network, with_tensors_replaced(given, lambda each: changed_batch if each is batch else each)
    )
    difference = (after - before).abs().flatten(1).amax(1) if before.ndim > 1 else after - before
    return difference.abs() > TOLERANCE * before.abs().max().clamp_min(1e-6)


def _rows(batch: Tensor, axis: int, sample: int) -> tuple[Tensor, Tensor]:
    other = (sample + 1) % batch.shape[axis]
    return batch.select(axis, sample), batch.select(axis, other)


def _has_square(network: nn.Module, given: Any, size: int) -> bool:
    """Whether something has an entry for each pair of samples: a graph of nodes, say."""
    tensors = [*tensors_in(given), *network.buffers()]
    tensors += [each for module in network.modules() for each in tensors_in(vars(module))]
    return any(each.ndim >= 2 and tuple(each.shape[-2:]) == (size, size) for each in tensors)
