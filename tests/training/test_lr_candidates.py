import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from defib.errors import UsageError
from defib.training.lr_candidates import measure_candidates
from defib.training.lr_range_test import RangeTraining


def make(*, is_learnable: bool = True) -> RangeTraining:
    torch.manual_seed(0)
    inputs = torch.randn(256, 4)
    targets = inputs @ torch.tensor([1.0, -2.0, 3.0, 0.5]) if is_learnable else torch.randn(256)
    model = nn.Linear(4, 1)
    batches = list(zip(inputs.split(16), targets.split(16), strict=True))
    return RangeTraining(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        lambda batch: F.mse_loss(model(batch[0]).squeeze(1), batch[1]),
        batches,
    )


RATES = tuple(10.0**exponent for exponent in range(-9, 2))


def test_the_range_in_which_the_candidates_learn():
    found = measure_candidates(make(), RATES, epochs=5)
    assert [each.learning_rate for each in found.candidates] == list(RATES)
    assert (found.lowest, found.best, found.highest) == (1e-3, 0.1, 0.1)
    assert all(len(each.epoch_losses) == 5 for each in found.candidates if each.is_finite)
    assert found.candidates[0].loss == pytest.approx(found.first_loss)


def test_one_that_diverges_has_an_infinite_loss_and_goes_no_further():
    last = measure_candidates(make(), (0.1, 1e6), epochs=20).candidates[-1]
    assert (last.is_finite, last.loss) == (False, math.inf)
    assert len(last.epoch_losses) < 20


def test_every_candidate_begins_alike_and_all_is_restored():
    training = make()
    before = [each.clone() for each in training.model.parameters()]
    first, second = measure_candidates(training, (0.01, 0.0100001), epochs=2).candidates
    assert first.epoch_losses == pytest.approx(second.epoch_losses, rel=1e-4)
    after = list(training.model.parameters())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert training.optimizer.param_groups[0]["lr"] == 0.1


def test_no_number_where_no_candidate_learns():
    found = measure_candidates(make(is_learnable=False), (1e-9, 1e-8, 1e3), epochs=1)
    assert found.lowest is found.best is found.highest is None


@pytest.mark.parametrize(("rates", "epochs"), [((), 1), ((0.0, 0.1), 1), ((0.1,), 0)])
def test_what_cannot_be_tried_is_refused(rates: tuple[float, ...], epochs: int):
    with pytest.raises(UsageError, match="Expected positive candidates and at least one epoch"):
        measure_candidates(make(), rates, epochs=epochs)
