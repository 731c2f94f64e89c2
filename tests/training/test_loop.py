from dataclasses import replace

import pytest
import torch
from torch import nn

from defib.training.loop import evaluate, train, training_step
from defib.training.setup import Batch, TrainingSetup


def line(*, steps: int = 20) -> TrainingSetup:
    """A linear fit of y = 2 x by batches of four points; epochs of two batches."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    inputs = torch.linspace(-1.0, 1.0, 8)[:, None]
    batches = list(zip(inputs.split(4), (2 * inputs).split(4), strict=True))
    return TrainingSetup(
        name="line",
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.3),
        loss_function=nn.MSELoss(),
        batches=lambda _: batches,
        steps=steps,
    )


def test_losses_are_those_of_a_loop_by_hand():
    setup = line(steps=5)
    [weight, bias] = [parameter.detach().clone() for parameter in setup.model.parameters()]
    expected = []
    for step in range(5):
        inputs, targets = list(setup.batches(0))[step % 2]
        error = inputs @ weight.T + bias - targets
        expected.append(float((error**2).mean()))
        weight = weight - 0.3 * (2 * error * inputs).mean(0, keepdim=True)
        bias = bias - 0.3 * (2 * error).mean(0)
    assert train(setup) == pytest.approx(expected, rel=1e-5)


def test_training_lowers_the_loss():
    losses = train(line(steps=60))
    assert losses[-1] < 1e-3 * losses[0]


def test_takes_as_many_steps_as_asked_for_over_several_epochs():
    epochs: list[int] = []

    def batches(epoch: int) -> list[Batch]:
        epochs.append(epoch)
        return list(line().batches(epoch))

    losses = train(replace(line(steps=5), batches=batches))
    assert (len(losses), epochs) == (5, [0, 1, 2])


def test_no_steps_give_no_losses():
    assert train(line(steps=0)) == ()


def test_evaluates_at_each_interval_and_at_the_end():
    seen: list[bool] = []

    class Model(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            seen.append(torch.is_grad_enabled() and self.training)
            return super().forward(input)

    setup = line(steps=5)
    model = Model(1, 1)
    setup = replace(
        setup,
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        validation=(torch.ones(2, 1), torch.ones(2, 1)),
        validation_interval=2,
    )
    train(setup)
    trained, evaluated = True, False
    assert seen == [trained, trained, evaluated, trained, trained, evaluated, trained, evaluated]


def test_evaluation_leaves_the_model_in_training_mode():
    setup = replace(line(), validation=(torch.ones(2, 1), torch.ones(2, 1)))
    evaluate(setup)
    assert setup.model.training


def test_evaluation_without_validation_data_is_none():
    assert evaluate(line()) is None


def test_own_step_replaces_the_usual_one():
    calls: list[str] = []

    def step(setup: TrainingSetup, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(setup.name)
        return training_step(setup, inputs, targets)

    assert train(replace(line(steps=3), step=step)) == train(line(steps=3))
    assert calls == ["line"] * 3
