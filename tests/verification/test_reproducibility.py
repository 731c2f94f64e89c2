import math

import pytest

from defib.testing import make_run
from defib.verification.reproducibility import is_same_training


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ([0.7, 0.6, 0.5], True),
        ([0.7, 0.6], True),
        ([0.7, 0.6, 0.5, 0.4], True),
        ([0.7, 0.6, 0.5000001], False),
        ([0.7, 0.6, math.nan], False),
    ],
)
def test_losses_are_compared_bit_by_bit_as_far_as_both_go(other: list[float], is_same: bool):
    assert is_same_training(make_run(loss=[0.7, 0.6, 0.5]), make_run(loss=other)) is is_same


def test_the_same_loss_that_is_no_number_is_the_same():
    runs = [make_run(loss=[0.7, math.nan]) for _ in range(2)]
    assert is_same_training(*runs) is True


def test_without_a_loss_nothing_is_known():
    assert is_same_training(make_run(loss=[0.7]), make_run()) is None
