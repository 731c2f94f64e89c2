"""Rare classes that are drawn as often as frequent ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, WeightedRandomSampler

from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.keras_training import is_array
from defib.fixes.live_training import LiveTraining
from defib.metrics.one_hot import is_one_hot
from defib.records.finding import Finding
from defib.records.run import RunRecord

_LABELS = ("targets", "labels")
"""Attributes under which data sets, those of torchvision among them, keep their classes."""


KERAS_BATCH = 32
"""Examples in a batch of `fit`, if it is not told how many."""
_OF_EXAMPLES = ("sample_weight", "class_weight", "steps_per_epoch")
_DONE = "classes drawn equally often"


@final
@dataclass(frozen=True)
class BalancedSampler(Fix):
    """Training examples drawn so that every class comes equally often.

    ## What it changes
    Every `DataLoader` that is made to shuffle, over a data set that tells its classes (a
    `TensorDataset`, one with `targets` or `labels`, or a `Subset` of these), draws its examples
    with replacement, with a probability inverse to how frequent their class is. An epoch stays
    as long as it is. So does `fit` of Keras that shuffles an array, where each target is a class.

    ## When it helps
    Where the network answers with the most frequent class because the others are rare.

    ## What it cannot do
    Know the classes of other data sets, or change batches that a script cuts by hand.

    ## References
    - Buda, Maki, Mazurowski, *A Systematic Study of the Class Imbalance Problem* (2018):
      oversampling.
    """

    compares_balanced: ClassVar[bool] = True

    def connect(self, training: LiveTraining) -> None:
        training.on_loader(_balanced)
        training.keras.on_fit(_balanced_fit)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`DataLoader(..., sampler=WeightedRandomSampler(1 / examples_of_each_class[classes], "
            "len(classes)))` instead of `shuffle=True`",
            "`fit` of a `DataLoader` with a `WeightedRandomSampler` that draws every class equally "
            "often, instead of the array",
        )


def _balanced(arguments: dict[str, Any]) -> str:
    has_order = any(arguments.get(name) is not None for name in ("sampler", "batch_sampler"))
    classes = _classes_of(arguments["dataset"]) if arguments.get("shuffle") else None
    if has_order or classes is None or len(classes) == 0:
        return ""
    arguments["sampler"] = _sampler(classes, arguments.get("generator"))
    arguments["shuffle"] = False
    return _DONE


def _balanced_fit(model: Any, arguments: dict[str, Any]) -> str:
    del model
    inputs, targets = arguments["x"], arguments["y"]
    # What else belongs to single examples would have to be drawn with them.
    is_plain = all(arguments[name] is None for name in _OF_EXAMPLES)
    is_single = is_array(inputs) and not isinstance(inputs, list | tuple | dict)
    if not (arguments["shuffle"] and is_plain and is_single and is_array(targets)):
        return ""
    inputs, targets = torch.as_tensor(np.asarray(inputs)), torch.as_tensor(np.asarray(targets))
    known = math.floor(len(inputs) * (1 - (arguments["validation_split"] or 0)))
    data = TensorDataset(inputs[:known], targets[:known])
    is_coded = targets.ndim == 2 and targets.shape[1] > 1 and bool(is_one_hot(targets))
    classes = targets[:known].argmax(1) if is_coded else _classes_of(data)
    if classes is None or len(classes) == 0:
        return ""
    if known < len(inputs):
        arguments["validation_data"] = (inputs[known:], targets[known:])
    size = arguments["batch_size"] or KERAS_BATCH
    loader = DataLoader(data, batch_size=size, sampler=_sampler(classes, None))
    arguments |= {"x": loader, "y": None, "batch_size": None, "shuffle": False}
    arguments["validation_split"] = 0.0
    return _DONE


def _sampler(classes: Tensor, generator: torch.Generator | None) -> WeightedRandomSampler:
    _, places, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    weights = (1 / counts)[places]
    return WeightedRandomSampler(weights.tolist(), len(classes), generator=generator)


def _classes_of(data: Dataset[Any]) -> Tensor | None:
    """The class of each example; `None` where the data set does not tell."""
    if isinstance(data, Subset):
        classes = _classes_of(data.dataset)
        return None if classes is None else classes[torch.as_tensor(data.indices)]
    known = data.tensors[-1] if isinstance(data, TensorDataset) else _attribute(data)
    if known is None:
        return None
    classes = torch.as_tensor(known)
    is_single = classes.ndim > 0 and classes.numel() == classes.shape[0]
    is_class = not classes.is_floating_point() or bool(((classes == 0) | (classes == 1)).all())
    return classes.reshape(-1).cpu() if is_single and is_class else None


def _attribute(data: Dataset[Any]) -> Any:
    return next((getattr(data, name) for name in _LABELS if hasattr(data, name)), None)
