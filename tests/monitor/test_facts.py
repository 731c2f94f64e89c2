from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from tests.monitor.conftest import record_of, watched


def test_loader_with_a_batch_sampler_is_described_by_that(tmp_path: Path):
    data = TensorDataset(torch.randn(8, 3))
    with watched(tmp_path):
        samplers = (RandomSampler(data), SequentialSampler(data))
        loaders = [
            DataLoader(data, batch_sampler=BatchSampler(each, 4, drop_last=False))
            for each in samplers
        ]
        model = nn.Linear(3, 1)
        model(next(iter(loaders[0]))[0]).sum().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    facts = record_of(tmp_path).loaders
    assert [(each.batch_size, each.shuffle) for each in facts] == [(4, True), (4, False)]
