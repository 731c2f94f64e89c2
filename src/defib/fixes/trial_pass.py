"""One forward pass of the user's network that leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


def trial_pass(
    model: nn.Module, inputs: tuple[Tensor, ...], handles: Iterable[RemovableHandle]
) -> None:
    """Call `model` once in evaluation mode, without gradients; then remove the hooks `handles`.

    In evaluation mode dropout passes on what it gets, and no batch statistics are taken in.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for handle in handles:
            handle.remove()
