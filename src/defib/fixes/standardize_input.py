"""Inputs of mean 0 and variance 1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, default_collate

from defib.fixes.base import Fix
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

MOST_EXAMPLES = 1024
"""From which mean and variance are taken."""
SMALLEST_DEVIATION = 1e-8


@final
@dataclass(frozen=True)
class StandardizeInput(Fix):
    """Inputs with mean 0 and standard deviation 1, each feature by itself.

    ## What it changes
    What the network is called with is shifted and scaled before its first layer: features of
    tables by themselves, images and sequences by channel. The numbers come from up to 1,024
    examples of the first data loader whose examples look like the input, else from the first
    batch.

    ## When it helps
    Where features are far from unit scale, or of very different scales.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 4.3.
    """

    def connect(self, training: LiveTraining) -> None:
        loaders: list[dict[str, Any]] = []

        def remember(arguments: dict[str, Any]) -> str:
            loaders.append(arguments)
            return ""

        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            if not inputs or not inputs[0].is_floating_point() or inputs[0].ndim < 2:
                return ""
            examples = _examples_like(inputs[0], loaders)
            axes = [axis for axis in range(inputs[0].ndim) if axis != 1]
            center = examples.mean(axes, keepdim=True).to(inputs[0])
            scale = examples.std(axes, keepdim=True).to(inputs[0])
            # A constant feature stays as it is, but for its mean.
            scale = torch.where(scale > SMALLEST_DEVIATION, scale, torch.ones_like(scale))
            model.register_forward_pre_hook(_standardizing(center, scale))
            return f"inputs standardised with {len(examples)} examples"

        training.on_loader(remember)
        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return "`inputs = (inputs - mean) / std` with the mean and std of the training set"


def _standardizing(center: Tensor, scale: Tensor) -> Any:
    def standardized(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        del module
        if not arguments or not isinstance(arguments[0], Tensor):
            return None
        return ((arguments[0] - center) / scale, *arguments[1:])

    return standardized


def _examples_like(batch: Tensor, loaders: list[dict[str, Any]]) -> Tensor:
    """Examples with the shape of those in `batch`; `batch` itself where no loader has such."""
    for arguments in loaders:
        dataset = arguments.get("dataset")
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
            continue
        count = min(len(dataset), MOST_EXAMPLES)  # pyright: ignore[reportArgumentType]
        stride = max(1, len(dataset) // count)  # pyright: ignore[reportArgumentType]
        loader = DataLoader(
            torch.utils.data.Subset(dataset, range(0, count * stride, stride)),  # pyright: ignore[reportArgumentType]
            batch_size=count,
            collate_fn=arguments.get("collate_fn") or default_collate,
        )
        for found in islice(loader, 1):
            inputs = found[0] if isinstance(found, list | tuple) else found
            if isinstance(inputs, Tensor) and inputs.shape[1:] == batch.shape[1:]:
                return inputs.float()
    return batch.detach().float()
