import pytest
import torch
from torch import nn

from defib.training.in_memory import ShuffledBatches, quality, scores_of, train_epoch


def labelled(count: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs whose first number tells the label."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(3, (count,), generator=generator)
    inputs = torch.randn(count, 4, generator=generator) / 4
    inputs[:, 0] += targets
    return inputs, targets


def test_an_epoch_shows_each_example_once_and_leaves_out_the_rest():
    batches = ShuffledBatches(torch.arange(96.0), torch.arange(96), 10)
    seen = [float(example) for examples, _ in batches for example in examples]
    assert len(batches) == 9
    assert len(seen) == len(set(seen)) == 90


def test_inputs_stay_with_their_targets():
    batches = ShuffledBatches(torch.arange(96.0), torch.arange(96), 10)
    assert all(torch.equal(inputs.long(), targets) for inputs, targets in batches)


def test_each_epoch_has_another_order_that_the_seed_decides():
    batches = ShuffledBatches(*labelled(), 32)
    torch.manual_seed(3)
    first, second = next(iter(batches))[1], next(iter(batches))[1]
    torch.manual_seed(3)
    assert not torch.equal(first, second)
    assert torch.equal(first, next(iter(batches))[1])


def test_quality_leaves_the_network_training():
    network = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    found = quality(network, *labelled())
    assert network.training
    assert 0 <= found.accuracy <= 1
    assert found.loss > 0


def test_scores_are_those_of_evaluation_whatever_the_number_of_examples():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    inputs, _ = labelled(2500)
    scores = scores_of(network, inputs)
    assert not scores.requires_grad
    torch.testing.assert_close(scores, network.eval()(inputs).detach())


def test_epochs_lower_the_loss_and_move_a_schedule_at_each_step():
    torch.manual_seed(0)
    network, batches = nn.Linear(4, 3), ShuffledBatches(*labelled(), 16)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 6, gamma=0.9)
    epochs = [
        train_epoch(network, optimizer, batches, after_step=scheduler.step) for _ in range(10)
    ]
    assert len(epochs[0]) == 6
    assert sum(epochs[-1]) < sum(epochs[0]) * 0.7
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.9**10)
