"""Rare classes that are drawn as often as frequent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, TensorDataset, WeightedRandomSampler

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

_LABELS = ("targets", "labels")
"""Attributes under which data sets, those of torchvision among them, keep their classes."""


@final
@dataclass(frozen=True)
class BalancedSampler(Fix):
    """Training examples drawn so that every class comes equally often.

    ## What it changes
    Every `DataLoader` that is made to shuffle, over a data set that tells its classes (a
    `TensorDataset`, one with `targets` or `labels`, or a `Subset` of these), draws its examples
    with replacement, with a probability inverse to how frequent their class is. An epoch stays
    as long as it is.

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

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "`DataLoader(..., sampler=WeightedRandomSampler(1 / examples_of_each_class[classes], "
            "len(classes)))` instead of `shuffle=True`"
        )


def _balanced(arguments: dict[str, Any]) -> str:
    has_order = any(arguments.get(name) is not None for name in ("sampler", "batch_sampler"))
    classes = _classes_of(arguments["dataset"]) if arguments.get("shuffle") else None
    if has_order or classes is None or len(classes) == 0:
        return ""
    _, places, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    weights = (1 / counts)[places]
    generator = arguments.get("generator")
    arguments["sampler"] = WeightedRandomSampler(
        weights.tolist(), len(classes), generator=generator
    )
    arguments["shuffle"] = False
    return "classes drawn equally often"


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
