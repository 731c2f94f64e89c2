"""Weights with which a ReLU layer is less often born dead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from defib.fixes.base import Fix
from defib.fixes.layer_weights import weights_of
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


@final
@dataclass(frozen=True)
class AsymmetricInitialization(Fix):
    """Randomised asymmetric initialisation: one entry of each unit's weights is positive.

    ## What it changes
    Before the first training step each unit's weights and bias are drawn from a normal
    distribution of variance 2 / inputs, and one of them, at random, from a Beta(2, 1) instead.

    ## When it helps
    In deep and narrow ReLU networks, which are often constant from the start.

    ## References
    - Lu, Shin, Su, Karniadakis, *Dying ReLU and Initialization* (2019), arXiv:1903.06733.
    """

    def connect(self, training: LiveTraining) -> None:
        training.on_model(_change)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del record, finding
        return (
            "draw one weight or bias of each unit from Beta(2, 1), the others as He does "
            "(Lu et al., 2019)"
        )


def _change(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    del inputs
    found = weights_of(model)
    beta = torch.distributions.Beta(2.0, 1.0)
    with torch.no_grad():
        for each in found:
            each.draw(partial(nn.init.kaiming_normal_, nonlinearity="relu"))
            rows = each.weight.flatten(1)
            deviation = (2 / rows.shape[1]) ** 0.5
            bias = torch.randn(len(rows), device=rows.device) * deviation
            table = torch.cat([rows, bias.unsqueeze(1).to(rows.dtype)], dim=1)
            last = table.shape[1] if each.bias is not None else rows.shape[1]
            chosen = torch.randint(last, (len(rows), 1), device=rows.device)
            drawn = beta.sample((len(rows), 1)).to(table)
            table.scatter_(1, chosen, drawn)
            each.weight.copy_(table[:, :-1].reshape(each.weight.shape))
            if each.bias is not None:
                each.bias.copy_(table[:, -1])
    return f"randomised asymmetric initialisation: {len(found)} layers" if found else ""
