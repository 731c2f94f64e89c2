"""Whether inputs and targets are drawn by loaders of their own that shuffle apart."""

from __future__ import annotations

from typing import Any, ClassVar, final

from torch import Tensor
from torch.utils.data import RandomSampler

from defib.analysis.nested_tensors import tensors_in
from defib.probes.base import Probe
from defib.probes.loader_batches import LoaderBatches
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class LoaderPairs(Probe):
    """`shuffled_apart`: 1 where inputs and targets come from two loaders with orders of their own.

    That is, at least one of them shuffles, and not both by generators that began with the same
    seed. 0 where one loader gives both, or both in the order of the data.
    """

    measures = ("shuffled_apart",)
    order: ClassVar[int] = 23

    def measure(self, setup: Setup, into: Measurements) -> None:
        inputs = tensors_in((setup.arguments, dict(setup.keywords)))
        targets = [each.targets for each in setup.own_losses]
        of_inputs, of_targets = _givers(setup, inputs), _givers(setup, targets)
        if not of_inputs or not of_targets:
            raise CannotMeasure("inputs or targets are no part of a loader's batch")
        is_one = any(each is other for each in of_inputs for other in of_targets)
        apart = not is_one and _are_apart(of_inputs[0].loader, of_targets[0].loader)
        into.single.add("shuffled_apart", "", float(apart))


def _givers(setup: Setup, tensors: list[Tensor]) -> list[LoaderBatches]:
    return [
        loader
        for loader in setup.loaders
        if any(_holds(loader, each) for each in tensors if each.numel() > 1)
    ]


def _holds(loader: LoaderBatches, tensor: Tensor) -> bool:
    try:
        loader.place_of(tensor)
    except CannotMeasure:
        return False
    return True


def _are_apart(one: Any, other: Any) -> bool:
    shuffling = [each for each in (one, other) if isinstance(each.sampler, RandomSampler)]
    if len(shuffling) == 2 and one.generator is not other.generator:
        seeds = {each.generator.initial_seed() for each in shuffling if each.generator}
        own = all(each.generator is not None for each in shuffling)
        return not (own and len(seeds) == 1)
    return bool(shuffling)
