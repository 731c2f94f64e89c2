import io
import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from defib.errors import UsageError
from defib.schedules.batch_growth import BatchGrowth
from defib.schedules.constant import Constant
from defib.training.growing_batches import (
    GrowingBatches,
    GrowingBatchSampler,
    PlannedBatch,
    backward_in_parts,
)

GROWTH = BatchGrowth(3, 4, 32)


def sampler(**options) -> GrowingBatchSampler:
    return GrowingBatchSampler(100, GROWTH, **options)


def epochs(of: GrowingBatchSampler, count: int) -> list[PlannedBatch]:
    """The planned batches of several epochs, as a training would see them."""
    found: list[PlannedBatch] = []
    for _ in range(count):
        batches = list(of.rest_of_epoch())
        of.step = batches[-1].step + 1
        found += batches
    return found


def test_sizes_follow_the_schedule_and_the_last_of_an_epoch_is_what_is_left():
    sizes = [batch.size for batch in epochs(sampler(), 3)]
    assert sizes == [4, 4, 4, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 4, 32, 32, 32, 4]


def test_without_the_rest_every_batch_is_as_large_as_planned():
    of = sampler(keeps_rest=False)
    sizes = [batch.size for batch in epochs(of, 3)]
    assert sizes == [4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 32, 32, 32]
    of = GrowingBatchSampler(10, BatchGrowth(1, 8, 4096), keeps_rest=False)
    assert [batch.size for batch in epochs(of, 3)] == [8, 10, 10]


def test_every_epoch_holds_each_example_once_in_a_new_order():
    of = sampler()
    orders = []
    for _ in range(3):
        batches = epochs(of, 1)
        orders.append([index for batch in batches for part in batch.parts for index in part])
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_steps_are_numbered_through():
    assert [batch.step for batch in epochs(sampler(), 3)] == list(range(18))


@pytest.mark.parametrize(("largest", "fewest"), [(None, 1), (5, 1), (32, 2), (1, 1), (7, 3)])
def test_parts_are_no_larger_than_allowed_no_fewer_and_nearly_equal(
    largest: int | None, fewest: int
):
    for batch in epochs(sampler(largest_part=largest, fewest_parts=fewest), 2):
        sizes = [len(part) for part in batch.parts]
        assert max(sizes) <= (largest or 32)
        assert len(sizes) >= min(fewest, batch.size)
        assert max(sizes) - min(sizes) <= 1


def test_parts_change_nothing_but_the_parts():
    def indices(batches):
        return [[index for part in batch.parts for index in part] for batch in batches]

    assert indices(epochs(sampler(largest_part=3), 2)) == indices(epochs(sampler(), 2))


def test_a_batch_larger_than_the_data_is_the_whole_of_them():
    of = GrowingBatchSampler(10, BatchGrowth(1, 8, 4096))
    assert [batch.size for batch in epochs(of, 3)] == [8, 2, 10, 10]


def test_the_length_is_the_parts_until_the_end_of_the_epoch():
    of = sampler(largest_part=5)
    assert len(of) == len(list(of))
    of.step = 7
    assert len(of) == len(list(of))


def test_another_seed_is_another_order():
    assert list(sampler(seed=1)) != list(sampler(seed=2))
    assert list(sampler(seed=1)) == list(sampler(seed=1))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GrowingBatchSampler(100, Constant(0.1)), "plans a learning rate"),
        (lambda: GrowingBatchSampler(0, GROWTH), "must be at least 1, and are 0"),
        (lambda: sampler(largest_part=0), "must be at least 1"),
        (lambda: sampler(fewest_parts=0), "must be at least 1"),
    ],
)
def test_what_makes_no_batches_is_refused(make, said: str):
    with pytest.raises(UsageError, match=said):
        make()


# -- resuming ----------------------------------------------------------------------------------

DATA = TensorDataset(torch.arange(100))


def seen(batches: GrowingBatches, steps: int) -> list[list[int]]:
    """The examples of the next `steps` batches."""
    found: list[list[int]] = []
    while len(found) < steps:
        for batch in batches:
            found.append([index for part in batch.parts for index in part.data[0].tolist()])
            if len(found) == steps:
                break
    return found


def saved_and_loaded(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


@pytest.mark.parametrize("stop", [0, 1, 9, 10, 11, 14, 20])
@pytest.mark.parametrize("largest", [None, 5])
@pytest.mark.parametrize("keeps_rest", [True, False])
def test_a_resumed_run_sees_the_same_examples(stop: int, largest: int | None, keeps_rest: bool):
    made = sampler(seed=3, largest_part=largest, keeps_rest=keeps_rest)
    batches = GrowingBatches(DATA, made)
    seen(batches, stop)
    state = saved_and_loaded(batches.state_dict())
    expected = seen(batches, 12)
    resumed = GrowingBatches(DATA, sampler(seed=3, largest_part=2, keeps_rest=keeps_rest))
    resumed.load_state_dict(state)
    assert seen(resumed, 12) == expected


def test_workers_that_run_ahead_are_not_counted():
    batches = GrowingBatches(DATA, sampler(largest_part=5), num_workers=1, prefetch_factor=4)
    expected = seen(GrowingBatches(DATA, sampler()), 12)
    assert seen(batches, 5) == expected[:5]
    assert batches.state_dict()["step"] == 5
    assert seen(batches, 7) == expected[5:]


def test_a_checkpoint_within_the_loop_holds_the_batch_that_was_used():
    batches = GrowingBatches(DATA, sampler(largest_part=5))
    for batch in batches:
        before = batches.state_dict()["step"]
        for _ in batch.parts:
            pass
        assert (before, batches.state_dict()["step"]) == (batch.step, batch.step + 1)


def test_parts_that_were_left_out_do_not_come_with_the_next_batch():
    batches = iter(GrowingBatches(DATA, sampler(largest_part=2)))
    expected = seen(GrowingBatches(DATA, sampler()), 2)
    next(next(batches).parts)
    rest = [index for part in next(batches).parts for index in part.data[0].tolist()]
    assert rest == expected[1]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (GrowingBatchSampler(99, GROWTH), "examples was 100 and is now 99"),
        (sampler(seed=1), "seed was 0 and is now 1"),
        (GrowingBatchSampler(100, BatchGrowth(4, 4, 32)), "every was 3 and is now 4"),
    ],
)
def test_other_batches_are_refused_on_resume(other: GrowingBatchSampler, said: str):
    state = sampler().state_dict()
    with pytest.raises(UsageError, match=said):
        other.load_state_dict(state)
    assert other.step == 0


# -- in parts ----------------------------------------------------------------------------------


def gradients(network: nn.Module, largest: int | None, dtype=torch.float64) -> torch.Tensor:
    """The gradient of the first batch of 64 examples, and its loss, as one vector."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 6, dtype=dtype), torch.randint(3, (64,))
    made = GrowingBatchSampler(64, BatchGrowth(1, 64, 64), largest_part=largest)
    network.to(dtype).zero_grad()
    for batch in GrowingBatches(TensorDataset(inputs, targets), made):
        loss = backward_in_parts(
            batch, lambda data: nn.functional.cross_entropy(network(data[0]), data[1])
        )
    parts = [each.grad.flatten() for each in network.parameters() if each.grad is not None]
    return torch.cat([*parts, loss.reshape(1)])


def network(*middle: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.Tanh(), nn.Linear(8, 3))


@pytest.mark.parametrize("largest", [32, 10, 7, 1])
@pytest.mark.parametrize("middle", [nn.Identity, lambda: nn.LayerNorm(8)])
def test_parts_give_the_gradient_of_the_whole_batch_to_rounding(largest: int, middle):
    whole = gradients(network(middle()), None)
    torch.testing.assert_close(gradients(network(middle()), largest), whole, rtol=1e-12, atol=1e-14)


def test_in_single_precision_the_difference_is_that_of_single_precision():
    whole = gradients(network(), None, torch.float32)
    parts = gradients(network(), 7, torch.float32)
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)


def test_batch_normalisation_is_the_exception():
    whole = gradients(network(nn.BatchNorm1d(8)), None)
    parts = gradients(network(nn.BatchNorm1d(8)), 7)
    assert (parts - whole).norm() / whole.norm() > 0.01


def test_gradients_are_added_to_those_that_are_there():
    model = nn.Linear(1, 1, bias=False)
    model.weight.grad = torch.full_like(model.weight, 5.0)
    data = TensorDataset(torch.ones(4, 1))
    made = GrowingBatchSampler(4, BatchGrowth(1, 4, 4), largest_part=3)
    for batch in GrowingBatches(data, made):
        loss = backward_in_parts(batch, lambda part: model(part[0]).mean())
        assert math.isclose(loss.item(), model.weight.item(), rel_tol=1e-6)
    assert model.weight.grad.item() == pytest.approx(6.0)


def test_batches_that_were_put_into_a_list_are_refused():
    [batch] = list(GrowingBatches(DATA, GrowingBatchSampler(100, BatchGrowth(1, 100, 100))))
    with pytest.raises(UsageError, match="can be gone through once"):
        backward_in_parts(batch, lambda part: part[0].sum())
