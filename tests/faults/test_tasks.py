import pytest
import torch

from defib.faults.tasks import (
    ALL_TASKS,
    DIABETES,
    DIGITS_CENTERS,
    DIGITS_DENSE,
    Task,
    set_up,
    with_inputs,
)
from defib.training.loop import train


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_same_seed_gives_the_same_training(task: Task):
    def losses() -> list[float]:
        setup = set_up(task, 1)
        return [
            setup.loss_function(setup.model(inputs), targets).item()
            for inputs, targets in setup.batches(0)
        ]

    assert losses() == losses()


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_seeds_differ_in_weights(task: Task):
    first, second = (next(set_up(task, seed).model.parameters()) for seed in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_healthy_training_learns(task: Task):
    losses = train(set_up(task, 0))
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_changed_inputs_are_those_of_training_and_of_validation():
    split, changed = DIABETES.data(), with_inputs(DIABETES, torch.zeros_like).data()
    assert not changed.inputs.any()
    assert not changed.validation_inputs.any()
    assert split.inputs.any()


def test_training_and_validation_examples_differ():
    split = DIGITS_DENSE.data()
    known = {tuple(image.flatten().tolist()) for image in split.inputs}
    unseen = [tuple(image.flatten().tolist()) for image in split.validation_inputs]
    assert not known.intersection(unseen)


def test_the_centre_of_a_digit_is_told_right_and_down():
    split = DIGITS_CENTERS.data()
    right = split.inputs[:, 0, :, 4:].sum((1, 2)) / split.inputs.sum((1, 2, 3))
    low = split.inputs[:, 0, 4:, :].sum((1, 2)) / split.inputs.sum((1, 2, 3))
    assert torch.corrcoef(torch.stack((right, split.targets[:, 0])))[0, 1] > 0.7
    assert torch.corrcoef(torch.stack((low, split.targets[:, 1])))[0, 1] > 0.7
    assert split.targets.mean(0).abs().max() < 1e-4
