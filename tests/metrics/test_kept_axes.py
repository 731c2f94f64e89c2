"""Metrics of several batches at once are those of each."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from defib.metrics.batch_spread import batch_spread
from defib.metrics.label_counts import label_counts
from defib.metrics.label_mix_loss import (
    label_mix_binary_cross_entropy,
    label_mix_cross_entropy,
    label_mix_squared_error,
)
from defib.metrics.moments import moments
from defib.metrics.one_hot import is_one_hot, one_hot_accuracy
from defib.metrics.outside_zero_one import outside_zero_one
from defib.metrics.recognized_of_each_class import recognized_of_each_class

SEVERAL, BATCH, CLASSES = 3, 8, 5

NUMBERS: dict[str, Callable[..., Tensor]] = {
    "mean": lambda *given: moments(*given).mean,
    "deviation": lambda *given: moments(*given).deviation,
    "batch spread": batch_spread,
    "outside": outside_zero_one,
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(BATCH,), (BATCH, CLASSES), (BATCH, 2, 3), (1, CLASSES)])
@pytest.mark.parametrize("name", NUMBERS)
def test_of_numbers(name: str, shape: tuple[int, ...]):
    values = torch.randn(SEVERAL, *shape)
    alone = torch.stack([NUMBERS[name](each) for each in values])
    torch.testing.assert_close(NUMBERS[name](values, 1), alone, equal_nan=True)


@pytest.mark.parametrize("measure", [label_mix_binary_cross_entropy, label_mix_squared_error])
def test_of_numbers_and_targets(measure: Callable[..., Tensor]):
    outputs, targets = torch.randn(SEVERAL, BATCH, 2), torch.rand(SEVERAL, BATCH, 2)
    alone = torch.stack([measure(*each) for each in zip(outputs, targets, strict=True)])
    torch.testing.assert_close(measure(outputs, targets, 1), alone)


def test_of_classes():
    outputs = torch.randn(SEVERAL, BATCH, CLASSES).log_softmax(dim=-1)
    labels = torch.randint(0, CLASSES, (SEVERAL, BATCH))
    alone = [label_mix_cross_entropy(*each) for each in zip(outputs, labels, strict=True)]
    torch.testing.assert_close(label_mix_cross_entropy(outputs, labels), torch.stack(alone))
    counts = [label_counts(each, CLASSES) for each in labels]
    assert label_counts(labels, CLASSES, 1).tolist() == torch.stack(counts).tolist()


def test_of_recognized_classes_and_labels_that_are_left_out():
    guesses = torch.randint(0, CLASSES, (SEVERAL, BATCH))
    labels = torch.randint(0, CLASSES, (SEVERAL, BATCH))
    labels[0, 0], labels[1, 1], labels[2, 2] = -100, 255, CLASSES
    measure = partial(recognized_of_each_class, classes=CLASSES)
    together = measure(guesses, labels, kept=1)
    assert together is not None
    alone = [measure(*each) for each in zip(guesses, labels, strict=True)]
    assert together.tolist() == [each.tolist() for each in alone if each is not None]
    assert int(together.sum()) == labels.numel() - 3


def test_of_one_hot_targets():
    outputs = torch.randn(SEVERAL, BATCH, CLASSES)
    targets = torch.eye(CLASSES)[torch.randint(0, CLASSES, (SEVERAL, BATCH))]
    assert is_one_hot(targets)
    alone = [one_hot_accuracy(*each) for each in zip(outputs, targets, strict=True)]
    torch.testing.assert_close(one_hot_accuracy(outputs, targets), torch.stack(alone))
    targets[1, 2] = 0.5
    assert not is_one_hot(targets)
