import torch
from torch import nn

from defib.studies.diagnosed import EVERY_STEP, watched
from defib.training.in_memory import ShuffledBatches, train_epoch


def rules_at(learning_rate: float) -> tuple[str, ...]:
    torch.manual_seed(0)
    targets = torch.randint(3, (512,))
    inputs = torch.randn(512, 4) / 4
    inputs[:, 0] += targets
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    with watched(EVERY_STEP) as result:
        for _ in range(10):
            train_epoch(network, optimizer, ShuffledBatches(inputs, targets, 16))
    return result.rules


def test_a_training_that_diverges_is_named():
    assert "learning-rate-too-high" in rules_at(1000.0)


def test_a_training_that_learns_is_left_alone():
    assert rules_at(0.1) == ()
