"""A batch too small or too large is named with its cost; its twin is not, and gets further."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.checkup import check_up
from defib.records.finding import Finding
from defib.records.preflight import PreflightRecord
from defib.training.seeding import seed_everything
from tests.probes.batch_sizes import Sized, too_large, too_small
from tests.probes.first_batches import record_of

both = pytest.mark.parametrize("case", [too_small(), too_large()], ids=lambda case: case.rule)


def named(case: Sized, size: int) -> list[Finding]:
    seed_everything(0)
    checkup = check_up(record_of(lambda: case.train(size)))
    return [each for each in checkup.findings if each.rule.startswith("batch-size")]


@both
def test_the_size_is_named(case: Sized):
    [finding] = named(case, case.broken_size)
    assert finding.rule == case.rule
    assert finding.evidence["batch_examples"] == case.broken_size


@both
def test_the_twin_is_silent(case: Sized):
    assert named(case, case.healthy_size) == []


def test_no_larger_batch_is_tried_where_it_may_not_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("defib.probes.example_pool.MOST_SAVED_BYTES", 1000)
    case = too_small()
    record = record_of(lambda: case.train(case.broken_size))
    assert record.not_measured["batch_trial_progress"] == "a batch of 32 may not fit into memory"


@both
def test_after_as_many_examples_it_is_worse_than_its_twin(case: Sized):
    for seed in range(5):
        broken = case.loss_after(case.broken_size, seed)
        assert broken > 1.1 * case.loss_after(case.healthy_size, seed)


def of_first_batch(
    loss: Callable[[Tensor, Tensor], Tensor], network: nn.Module, inputs: Tensor
) -> PreflightRecord:
    def train() -> None:
        targets = torch.linspace(0, 1, len(inputs))[:, None]
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        loss(network(inputs), targets).backward()
        optimizer.step()

    return record_of(train)


NOISE = ("gradient_noise", "gradient_signal", "batch_examples")


# With 40 examples a part is one of them, whose output would fit all targets unseen.
@pytest.mark.parametrize("count", [40, 100])
def test_targets_of_a_written_loss_are_parted_as_the_inputs_are(count: int):
    seed_everything(0)
    inputs, network = torch.randn(count, 3), nn.Linear(3, 1)
    record = of_first_batch(lambda found, wanted: ((found - wanted) ** 2).mean(), network, inputs)
    expected = of_first_batch(F.mse_loss, network, inputs)
    assert record.value("gradient_noise") > 0
    for metric in NOISE:
        assert record.value(metric) == pytest.approx(expected.value(metric), rel=1e-4)


def test_sparse_gradients_are_compared_as_dense_ones():
    seed_everything(0)
    tokens = torch.randint(9, (64,))
    network = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, 1))
    dense = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 1))
    dense.load_state_dict(network.state_dict())
    record = of_first_batch(F.mse_loss, network, tokens)
    expected = of_first_batch(F.mse_loss, dense, tokens)
    for metric in NOISE:
        assert record.value(metric) == pytest.approx(expected.value(metric), rel=1e-4)


def test_a_loss_of_whole_batches_says_so():
    seed_everything(0)

    def loss(found: Tensor, wanted: Tensor) -> Tensor:
        return ((found - found.T) - (wanted - wanted.T).abs()).pow(2).mean() + found.view(64).mean()

    record = of_first_batch(loss, nn.Linear(3, 1), torch.randn(64, 3))
    reason = "the loss cannot be made of a part of the batch"
    assert record.not_measured["gradient_noise"] == reason
