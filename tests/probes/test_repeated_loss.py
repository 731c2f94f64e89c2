"""What repeating the first loss tells of randomness that no seed governs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice, repeat

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.probes.first_batches import record_of


def repeated_loss_difference(factors: Iterable[float]) -> float:
    """Of a network that multiplies its scores by the next of `factors` whenever it runs."""
    remaining: Iterator[float] = iter(factors)

    class Unsteady(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input) * next(remaining)

    def train() -> None:
        torch.manual_seed(0)
        model = Unsteady(6, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = F.mse_loss(model(torch.ones(4, 6)), torch.zeros(4, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return record_of(train).value("repeated_loss_difference")


def test_equal_losses_differ_by_nothing():
    assert repeated_loss_difference(repeat(1.0)) == 0


@pytest.mark.parametrize("begins_at", range(4))
def test_two_losses_that_are_close_by_chance_hide_no_randomness(begins_at: int):
    factors = islice(cycle((1.0, 1.00001, 1.0, 2.0)), begins_at, None)
    assert repeated_loss_difference(factors) > 0.5
