"""Classes come equally often, where the data set tells them."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from defib.fixes.balanced_sampler import BalancedSampler
from tests.fixes.applied import applied

CLASSES = torch.tensor([0] * 90 + [1] * 10)
INPUTS = torch.arange(100.0)


class Labelled(Dataset[tuple[float, int]]):
    def __init__(self) -> None:
        self.targets = CLASSES.tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[float, int]:
        return float(index), self.targets[index]


@pytest.mark.parametrize(
    "data",
    [
        TensorDataset(INPUTS, CLASSES),
        TensorDataset(INPUTS, CLASSES[:, None].float()),
        Labelled(),
        Subset(Labelled(), range(100)),
    ],
    ids=["tensors", "a column of numbers", "targets", "a part"],
)
def test_a_rare_class_is_drawn_as_often_as_a_frequent_one(data: Dataset[object]):
    torch.manual_seed(0)
    with applied(BalancedSampler()) as training:
        loader = DataLoader(data, batch_size=100, shuffle=True)
        shares = [float(next(iter(loader))[1].float().mean()) for _ in range(20)]
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.05)
    assert len(loader) == 1
    assert training.activity == {"classes drawn equally often": 1}


@pytest.mark.parametrize(
    ("targets", "shuffle"),
    [(CLASSES, False), (INPUTS, True), (torch.zeros(100, 3).long(), True)],
    ids=["an evaluation", "a regression", "several questions"],
)
def test_other_loaders_stay_as_they_are(targets: torch.Tensor, shuffle: bool):
    with applied(BalancedSampler()) as training:
        DataLoader(TensorDataset(INPUTS, targets), shuffle=shuffle)
    assert not training.activity
