"""One forward pass of the user's network that leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from defib.discovery.keras_layers import takes_training


def trial_pass(
    model: nn.Module, inputs: tuple[Tensor, ...], handles: Iterable[RemovableHandle]
) -> Any:
    """The output of `model`, called in evaluation mode, without gradients; then the hooks
    `handles` are removed.

    In evaluation mode dropout passes on what it gets, and no batch statistics are taken in.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    # Layers of Keras do not look at their mode, but at how the outermost model is called.
    keywords = {"training": False} if takes_training(model) else {}
    try:
        with torch.no_grad():
            return model(*inputs, **keywords)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for handle in handles:
            handle.remove()
