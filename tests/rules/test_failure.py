import numpy as np
import pytest

from defib.records.run import LossFact
from defib.records.series import Series
from defib.rules.failure import is_failing
from defib.testing import make_run

FLAT = [1.0] * 60
FALLING = list(np.linspace(1.0, 0.1, 60))


def test_flat_loss_fails():
    assert is_failing(make_run(loss=FLAT), "SGD")


def test_falling_loss_does_not_fail():
    assert not is_failing(make_run(loss=FALLING), "SGD")


@pytest.mark.parametrize("finite", [0, 3, 40])
def test_loss_that_ends_as_nan_fails_however_short(finite: int):
    assert is_failing(make_run(loss=FALLING[:finite] + [float("nan")] * 3), "SGD")


def test_too_short_a_loss_tells_nothing():
    assert not is_failing(make_run(loss=FLAT[:49]), "SGD")
    assert is_failing(make_run(loss=FLAT[:50]), "SGD")


def test_unknown_without_a_loss():
    assert not is_failing(make_run(), "SGD")


def test_flat_losses_of_two_optimizers_do_not_fail():
    assert not is_failing(make_run(loss={"Adam": FLAT, "Adam 2": FLAT}), "Adam")


def test_nan_fails_with_two_optimizers():
    run = make_run(loss={"Adam": [*FLAT, *[float("nan")] * 3], "Adam 2": FLAT})
    assert is_failing(run, "Adam")
    assert not is_failing(run, "Adam 2")


def test_optimizer_without_a_loss_shares_the_only_one():
    assert is_failing(make_run(loss={"Adam": FLAT}), "Adam 2")


def test_flat_loss_far_below_a_constant_prediction_is_a_resumed_training():
    labels = {"0": [8.0] * 60, "1": [8.0] * 60}
    resumed = make_run(loss_kind="cross-entropy", loss=[0.05] * 60, label_count=labels)
    stuck = make_run(loss_kind="cross-entropy", loss=[0.69] * 60, label_count=labels)
    assert not is_failing(resumed, "SGD")
    assert is_failing(stuck, "SGD")


def test_empty_loss_series_tells_nothing():
    assert not is_failing(make_run(loss=Series.of([])), "SGD")


def test_a_regression_that_found_the_means_of_its_targets_alone_fails():
    targets = {"target_mean": [0.0] * 60, "target_std": [1.0] * 60}
    falling = list(np.linspace(1.0, 0.48, 60))
    is_known = {"loss_kind": "mean-squared-error", "loss": falling, **targets}
    assert is_failing(make_run(**is_known, label_mix_loss=[0.49] * 60), "SGD")
    assert not is_failing(make_run(**is_known, label_mix_loss=[0.9] * 60), "SGD")


ACTOR_AND_CRITIC = ("SubBackward0", "AddBackward0", "MulBackward0", "NegBackward0", "MeanBackward0")
CRITIC_OF_WASSERSTEIN = ("SubBackward0", "MeanBackward0", "MeanBackward0")
WITH_PENALTY = ("AddBackward0", "NllLossBackward0", "MulBackward0", "NegBackward0")
WRITTEN = ("MeanBackward0", "SubBackward0", "NegBackward0")


@pytest.mark.parametrize(
    ("operations", "fails"),
    [
        (ACTOR_AND_CRITIC, False),
        (CRITIC_OF_WASSERSTEIN, False),
        (WITH_PENALTY, True),
        (WRITTEN, True),
    ],
)
def test_a_difference_of_terms_need_not_fall(operations: tuple[str, ...], fails: bool):
    facts = {"losses": (LossFact("SGD", operations=operations),)}
    assert is_failing(make_run(loss=FLAT, facts=facts), "SGD") is fails
    diverged = [*FLAT, *[float("nan")] * 3]
    assert is_failing(make_run(loss=diverged, facts=facts), "SGD")
