"""Inputs of mean 0 and variance 1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, default_collate

from defib.discovery.keras_layers import feature_axis
from defib.fixes.base import Fix
from defib.fixes.keras_spelling import spelled
from defib.fixes.keras_training import is_array
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
    examples of the first data loader, or of the first array for `fit` of Keras, whose examples
    look like the input, else from the first batch.

    ## When it helps
    Where features are far from unit scale, or of very different scales.

    ## References
    - LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 4.3.
    """

    def connect(self, training: LiveTraining) -> None:
        loaders: list[dict[str, Any]] = []
        arrays: list[Any] = []

        def remember(arguments: dict[str, Any]) -> str:
            loaders.append(arguments)
            return ""

        def change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
            if not inputs or not inputs[0].is_floating_point() or inputs[0].ndim < 2:
                return ""
            examples = _of_arrays(inputs[0], arrays)
            if examples is None:
                examples = _examples_like(inputs[0], loaders)
            features = feature_axis(model, inputs[0].ndim)
            axes = [axis for axis in range(inputs[0].ndim) if axis != features]
            center = examples.mean(axes, keepdim=True).to(inputs[0])
            scale = examples.std(axes, keepdim=True).to(inputs[0])
            # A constant feature stays as it is, but for its mean.
            scale = torch.where(scale > SMALLEST_DEVIATION, scale, torch.ones_like(scale))
            model.register_forward_pre_hook(_standardizing(center, scale))
            return f"inputs standardised with {len(examples)} examples"

        def remember_fit(model: Any, arguments: dict[str, Any]) -> str:
            del model
            if is_array(arguments["x"]) and not isinstance(arguments["x"], list | tuple | dict):
                arrays.append(arguments["x"])
            return ""

        training.keras.on_fit(remember_fit)
        training.on_loader(remember)
        training.on_model(change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        return spelled(
            record,
            "`inputs = (inputs - mean) / std` with the mean and std of the training set",
            "`x = (x - mean) / std` with the mean and std of the training set, or "
            "`layers.Normalization()` after its `adapt(x)` as the first layer",
        )


def _standardizing(center: Tensor, scale: Tensor) -> Any:
    def standardized(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        del module
        if not arguments or not isinstance(arguments[0], Tensor):
            return None
        return ((arguments[0] - center) / scale, *arguments[1:])

    return standardized


def _of_arrays(batch: Tensor, arrays: list[Any]) -> Tensor | None:
    """Examples with the shape of those in `batch`, spread over the first array that has such."""
    for array in arrays:
        if tuple(array.shape[1:]) == tuple(batch.shape[1:]):
            stride = max(1, len(array) // MOST_EXAMPLES)
            return torch.as_tensor(np.asarray(array)[::stride][:MOST_EXAMPLES]).float()
    return None


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
