"""Loaders beside the training's: copies of its examples, another scale, random changes."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from defib.probes.base import Probe
from defib.probes.loader_batches import LoaderBatches
from defib.probes.loader_inputs import input_of_loader
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

_SHAPE = (2, 3, 5, 7, 11, 13)
"""Numbers without a common factor, from which the weights of a fingerprint are made."""


@final
class OtherLoaders(Probe):
    """Loaders that do not shuffle and have given nothing yet: those of evaluations.

    Subject: the number of the loader. `shared_examples`: share of its examples whose input is
    also among those of the training's loader, to the last bit (real numbers only).
    `mean_shift`: difference of the means of all inputs over the training's standard deviation;
    `scale_ratio`: standard deviation over the training's. `changing_examples`: share of the
    examples of its first batch that come out otherwise when it is read again. Up to 100 batches
    of each are read, in this process and for a second.
    """

    measures = ("shared_examples", "mean_shift", "changing_examples")
    order: ClassVar[int] = 24

    def measure(self, setup: Setup, into: Measurements) -> None:
        found = input_of_loader(setup)
        if found is None:
            raise CannotMeasure("the inputs are no part of a loader's batch")
        own, place = found
        inputs = own.column(place)
        others = [each for each in setup.other_loaders if _is_for_evaluation(own, each)]
        if not others:
            raise CannotMeasure("no other loader was made that keeps its order")
        for number, other in enumerate(others):
            self._compare(inputs, place, other, str(number), into)

    def _compare(
        self, own: Tensor, place: int, other: LoaderBatches, name: str, into: Measurements
    ) -> None:
        inputs = other.column(place)
        if inputs.shape[1:] != own.shape[1:] or inputs.dtype != own.dtype:
            raise CannotMeasure("the other loader gives inputs of another shape")
        first, again = (next(iter(other.batches()))[place].detach() for _ in range(2))
        changed = (first != again).flatten(1).any(1)
        into.single.add("changing_examples", name, changed.float().mean())
        if not own.is_floating_point():
            into.leave_out(["shared_examples", "mean_shift"], "the inputs are no real numbers")
            return
        known = set(_fingerprints(own).tolist())
        shared = [each in known for each in _fingerprints(inputs).tolist()]
        into.single.add("shared_examples", name, sum(shared) / len(shared))
        deviation = own.double().std().clamp_min(1e-30)
        shift = (inputs.double().mean() - own.double().mean()) / deviation
        into.single.add("mean_shift", name, shift)
        into.single.add("scale_ratio", name, inputs.double().std() / deviation)
        into.single.add("compared_examples", name, float(len(inputs)))


def _is_for_evaluation(own: LoaderBatches, other: LoaderBatches) -> bool:
    loader: Any = other.loader
    is_ordered = isinstance(loader.sampler, SequentialSampler)
    return is_ordered and loader.dataset is not own.loader.dataset


def _fingerprints(rows: Tensor) -> Tensor:
    """A number for each example, the same for the same content."""
    flat = rows.reshape(len(rows), -1).double()
    steps = torch.arange(flat.shape[1], device=flat.device, dtype=torch.float64)
    weights = sum(torch.sin(steps * prime**0.5) for prime in _SHAPE)
    return (flat * weights).sum(1)
