"""Labels and features of further batches of the training's loader."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from defib.analysis.nested_tensors import tensors_in
from defib.metrics.label_counts import label_counts
from defib.probes.base import Probe
from defib.probes.loader_batches import LoaderBatches
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

MOST_CLASSES = 1000


@final
class LoaderData(Probe):
    """Batches are drawn by a new sampler with the loader's settings: the user's is untouched.

    `label_count`: examples of each class in batch after batch. `constant_features` and
    `features`: how many columns of a table have one value only, and how many there are;
    `examples`: over how many rows.
    """

    measures = ("label_count", "features")
    order: ClassVar[int] = 20

    def measure(self, setup: Setup, into: Measurements) -> None:
        if setup.loader is None:
            raise CannotMeasure("the batch does not come from a DataLoader")
        inputs = _table(setup)
        input_place = None if inputs is None else _place(setup.loader, inputs)
        targets = class_labels(setup)
        target_place = None if targets is None else _place(setup.loader, targets)
        if input_place is None and target_place is None:
            raise CannotMeasure("inputs and targets are no part of the loader's batch")
        labels: list[Tensor] = []
        rows: list[Tensor] = []
        for batch in setup.loader.some:
            if target_place is not None:
                labels.append(batch[target_place].detach().reshape(-1))
            if input_place is not None:
                rows.append(batch[input_place].detach())
        if labels and targets is not None:
            _add_labels(labels, into)
            call = setup.own_losses[-1]
            is_binary = call.name.startswith("binary")
            classes = 2 if is_binary else call.predictions.shape[1]
            into.single.add("classes", "", float(classes))
        else:
            into.leave_out(["label_count"], "the targets are no class labels of the loader's batch")
        if rows:
            _add_features(torch.cat(rows), into)
        else:
            into.leave_out(["features"], "the inputs are no table of the loader's batch")


def _place(loader: LoaderBatches, tensor: Tensor) -> int | None:
    try:
        return loader.place_of(tensor)
    except CannotMeasure:
        return None


def _table(setup: Setup) -> Tensor | None:
    """The first input with a row for each example and a column for each feature."""
    given = tensors_in((setup.arguments, dict(setup.keywords)))
    return next((each for each in given if each.ndim == 2 and each.is_floating_point()), None)


def class_labels(setup: Setup) -> Tensor | None:
    """Integer targets of a cross-entropy, or the 0 and 1 of a binary one with one output."""
    if not setup.own_losses:
        return None
    call = setup.own_losses[-1]
    if call.name in ("cross_entropy", "nll_loss"):
        is_classes = not call.targets.is_floating_point() and call.targets.ndim == 1
        return call.targets if is_classes else None
    is_single = call.targets.numel() == call.targets.shape[0] if call.targets.ndim else False
    return call.targets if call.name.startswith("binary") and is_single else None


def _add_labels(labels: list[Tensor], into: Measurements) -> None:
    every = torch.cat(labels)
    low, high = int(every.min()), int(every.max())
    if low < 0 or high >= MOST_CLASSES:
        into.leave_out(["label_count"], "the labels are no small classes")
        return
    counts = torch.stack([label_counts(each.long(), high + 1) for each in labels])
    for label, column in enumerate(counts.T.tolist()):
        into.add_sequence("label_count", str(label), column)


def _add_features(rows: Tensor, into: Measurements) -> None:
    low, high = rows.amin(0), rows.amax(0)
    constant = low == high
    into.single.add("constant_features", "", constant.sum())
    into.single.add("first_constant_feature", "", constant.float().argmax())
    into.single.add("features", "", float(rows.shape[1]))
    into.single.add("examples", "", float(rows.shape[0]))
