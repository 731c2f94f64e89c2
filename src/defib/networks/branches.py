"""Branches that see the same input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConcatenatedBranches(nn.Module):
    """The outputs of all branches for one input, side by side as channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([branch(features) for branch in self.branches], dim=1)
