"""Inputs of further batches: tokens out of range, padding, and labels of nearest neighbours."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.utils.data import BatchSampler

from defib.analysis.nested_tensors import tensors_in
from defib.discovery.graph import LayerUse
from defib.monitor.transfer import is_true
from defib.probes.base import Probe
from defib.probes.loader_batches import LoaderBatches
from defib.probes.loader_data import class_labels
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

MOST_NEIGHBOURS = 1000
"""Examples among which the nearest is sought: a million distances."""
_FLOAT = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@final
class LoaderInputs(Probe):
    """`neighbour_excess`: how far the labels of nearest neighbours agree more than by chance.

    In standard errors of the agreement that shuffled labels have; with its `neighbour_agreement`
    and `chance_agreement` (in [0, 1]), over `neighbour_examples`. Distances are Euclidean, between
    examples of the loader; copies of the same example are left out. `lowest_token`,
    `highest_token` and `embedding_rows`: of inputs that an embedding reads. `trailing_share`:
    share of tokens at the ends of sequences that are all the same one. `last_batch_size`: what is
    left for the last batch of an epoch (0: none is smaller).
    """

    measures = ("neighbour_excess", "embedding_rows", "trailing_share", "last_batch_size")
    order: ClassVar[int] = 22

    def measure(self, setup: Setup, into: Measurements) -> None:
        found = input_of_loader(setup)
        if found is None:
            raise CannotMeasure("the inputs are no part of a loader's batch")
        loader, place = found
        into.single.add("last_batch_size", "", float(_last_batch_size(loader.loader)))
        inputs = loader.column(place)
        if inputs.dtype in _FLOAT:
            into.leave_out(["embedding_rows", "trailing_share"], "the inputs are no tokens")
            _add_neighbours(setup, loader, inputs, into)
        else:
            into.leave_out(["neighbour_excess"], "the inputs are no numbers")
            _add_tokens(setup, inputs, loader.given(place), into)


def input_of_loader(setup: Setup) -> tuple[LoaderBatches, int] | None:
    """The loader and place in its batches from which the network's first input comes."""
    for tensor in tensors_in((setup.arguments, dict(setup.keywords))):
        for loader in reversed(setup.loaders):
            try:
                return loader, loader.place_of(tensor)
            except CannotMeasure:
                continue
    return None


def _last_batch_size(loader: Any) -> int:
    sampler = loader.batch_sampler
    if type(sampler) is not BatchSampler or sampler.drop_last:
        return 0
    try:
        return len(sampler.sampler) % sampler.batch_size  # type: ignore[arg-type]
    except TypeError:
        return 0


def _add_tokens(setup: Setup, tokens: Tensor, first: Tensor, into: Measurements) -> None:
    rows = [
        each.tensor.shape[0]
        for use in setup.graph.layers
        if use.node.name().startswith("Embedding") and _reads(use, first)
        for each in setup.parameters
        if (each.layer or each.name) == use.layer and each.tensor.ndim == 2
    ]
    if not rows or not tokens.numel() or tokens.dtype == torch.bool:
        into.leave_out(["embedding_rows", "trailing_share"], "no embedding reads the inputs")
        return
    into.single.add("embedding_rows", "", float(min(rows)))
    into.single.add("lowest_token", "", tokens.min().float())
    into.single.add("highest_token", "", tokens.max().float())
    if tokens.ndim == 2 and tokens.shape[1] > 1:
        same = tokens == tokens[:, -1:].mode(0).values
        # From the end backwards, as long as it is the same token: padding.
        run = same.flip(1).long().cumprod(1).sum(1)
        into.single.add("trailing_share", "", run.float().mean() / tokens.shape[1])
    else:
        into.leave_out(["trailing_share"], "the tokens are no sequences")


def _reads(use: LayerUse, tokens: Tensor) -> bool:
    """Whether an embedding reads just these tokens: others may read other columns."""
    read = use.input() if use.reads_input else None
    if read is None or read.numel() != tokens.numel():
        return False
    return is_true((read.reshape(-1) == tokens.reshape(-1).to(read.device)).all())


def _add_neighbours(
    setup: Setup, loader: LoaderBatches, inputs: Tensor, into: Measurements
) -> None:
    labels = class_labels(setup)
    if labels is None:
        into.leave_out(["neighbour_excess"], "the targets are no class labels")
        return
    column = loader.column(loader.place_of(labels)).reshape(-1).long()[:MOST_NEIGHBOURS]
    points = inputs[:MOST_NEIGHBOURS].reshape(min(len(inputs), MOST_NEIGHBOURS), -1).float()
    if len(column) != len(points):
        raise CannotMeasure("inputs and labels are not of the same length")
    # Features far from 0 that hardly vary would leave of the distances only rounding.
    points = points - points.mean(0)
    deviation = points.std(0)
    points = (points / deviation.clamp_min(1e-6 * float(deviation.max()) + 1e-30)).nan_to_num()
    distances = torch.cdist(points, points)
    # An example that was drawn twice is no neighbour of itself.
    distances[distances <= 1e-6 * distances.mean()] = torch.inf
    agreement = (column[distances.argmin(1)] == column).double().mean()
    shares = torch.bincount(column - column.min()).double() / len(column)
    chance = shares.square().sum()
    error = (chance * (1 - chance) / len(column)).sqrt().clamp_min(1e-9)
    into.single.add("neighbour_excess", "", (agreement - chance) / error)
    into.single.add("neighbour_agreement", "", agreement)
    into.single.add("chance_agreement", "", chance)
    into.single.add("neighbour_examples", "", float(len(column)))
