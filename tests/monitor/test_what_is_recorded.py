"""The record of small trainings, down to the numbers."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from defib.records.reading import read_run
from tests.monitor.conftest import watched
from tests.monitor.families import LOOPS, MODELS, OPTIMIZERS, trained


def test_gradient_and_update_of_a_known_step(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[3.0, 4.0]]))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.tensor([[1.0, 2.0]])).sum().backward()
        optimizer.step()
    record = read_run(tmp_path)
    assert record.of("gradient_norm")["linear.weight"].first == pytest.approx(5**0.5)
    assert record.of("parameter_norm")["linear.weight"].first == pytest.approx(5.0)
    assert record.of("update_ratio")["linear.weight"].first == pytest.approx(0.1 * 5**0.5 / 5)
    assert record.of("learning_rate")["SGD"].first == pytest.approx(0.1)
    assert record.of("loss")["SGD"].first == pytest.approx(11.0)


def test_a_left_gradient_is_seen(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        for _ in range(3):
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    carried = read_run(tmp_path).of("carried_gradient_ratio")["SGD"]
    assert carried.values.tolist() == pytest.approx([1 / 2, 2 / 3])


def test_accumulation_is_no_left_gradient(tmp_path: Path):
    with watched(tmp_path):
        trained(MODELS["dropout"], OPTIMIZERS["SGD"], LOOPS["accumulation"], steps=10)
    record = read_run(tmp_path)
    assert record.steps == 10
    assert record.of("carried_gradient_ratio")["SGD"].values.max() == 0


@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_of_an_attack_are_not_carried_over(tmp_path: Path, set_to_none: bool):
    with watched(tmp_path):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        for _ in range(3):
            attacked = torch.ones(1, 2, requires_grad=True)
            model(attacked).sum().backward()
            optimizer.zero_grad(set_to_none=set_to_none)
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    carried = read_run(tmp_path).of("carried_gradient_ratio")["SGD"]
    assert carried.values.tolist() == [0.0, 0.0]


def test_a_left_gradient_is_seen_under_accumulation(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        for _ in range(3):
            for _ in range(2):
                model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    carried = read_run(tmp_path).of("carried_gradient_ratio")["SGD"]
    assert carried.values.tolist() == pytest.approx([2 / 4, 4 / 6])


def test_skipped_steps_are_counted_and_the_loss_is_unscaled(tmp_path: Path):
    with watched(tmp_path):
        trained(MODELS["dropout"], OPTIMIZERS["SGD"], LOOPS["gradient scaler"], steps=120)
    record = read_run(tmp_path)
    skipped = [event for event in record.events if event.kind == "skipped-step"]
    assert len(skipped) + record.steps == 120
    assert skipped
    assert 0.1 < record.of("loss")["SGD"].median() < 3


def test_a_closure_counts_its_first_loss(tmp_path: Path):
    with watched(tmp_path):
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
        x, y = torch.randn(20, 3), torch.randn(20, 1)
        first = F.mse_loss(model(x), y).item()

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    losses = read_run(tmp_path).of("loss")["LBFGS"]
    assert len(losses) == 3
    assert losses.first == pytest.approx(first, rel=1e-5)


def test_layers_in_a_plain_list_are_known_as_untrained(tmp_path: Path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = [nn.Linear(4, 4), nn.Linear(4, 4)]
            self.head = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.hidden:
                x = torch.relu(layer(x))
            return self.head(x)

    with watched(tmp_path):
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            F.cross_entropy(model(torch.randn(8, 4)), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()
    forgotten = [p for p in read_run(tmp_path).parameters if p.reached and not p.optimizer]
    assert len(forgotten) == 4


def test_two_models_and_optimisers_are_told_apart(tmp_path: Path):
    class Generator(nn.Linear):
        pass

    class Critic(nn.Linear):
        pass

    with watched(tmp_path):
        generator, critic = Generator(2, 3), Critic(3, 1)
        first = torch.optim.Adam(generator.parameters())
        second = torch.optim.Adam(critic.parameters())
        for _ in range(12):
            second.zero_grad()
            critic(generator(torch.randn(4, 2)).detach()).mean().backward()
            second.step()
            first.zero_grad()
            (-critic(generator(torch.randn(4, 2))).mean()).backward()
            first.step()
    record = read_run(tmp_path)
    assert set(record.of("loss")) == {"Adam", "Adam 2"}
    assert record.steps == 24
    assert {"generator.weight", "critic.weight"} <= set(record.of("gradient_norm"))
    for series in record.of("carried_gradient_ratio").values():
        assert series.values.max() == 0


def test_evaluations_are_told_apart_by_their_caller(tmp_path: Path):
    def evaluate(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        with torch.no_grad():
            F.mse_loss(model(x), y)

    with watched(tmp_path):
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(8, 1)
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(model(x), x).backward()
            optimizer.step()
            evaluate(model, x, x)
            evaluate(model, x, x + 1)
    evaluations = read_run(tmp_path).of("evaluation_loss")
    assert len(evaluations) == 2
    assert all(len(series) == 3 for series in evaluations.values())


def test_summed_evaluation_losses_become_means(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        x = torch.randn(8, 1)
        F.mse_loss(model(x), x).backward()
        optimizer.step()
        with torch.no_grad():
            for part in x.split(4):
                F.mse_loss(model(part), part, reduction="sum")
    expected = F.mse_loss(model(x), x).item()
    [series] = read_run(tmp_path).of("evaluation_loss").values()
    assert series.first == pytest.approx(expected, rel=1e-5)


def test_classes_are_counted_apart_in_training_and_over_the_batches_of_an_evaluation(
    tmp_path: Path,
):
    scores = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    with watched(tmp_path):
        model = nn.Linear(2, 2)
        with torch.no_grad():
            model.weight.copy_(torch.eye(2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        F.cross_entropy(model(scores), torch.tensor([0, 0, 1, 1])).backward()
        optimizer.step()
        with torch.no_grad():
            for labels in ([0, 0, 0, 0], [1, 1, -100, 1]):
                F.cross_entropy(model(scores), torch.tensor(labels))
    record = read_run(tmp_path)
    assert [each.first for each in record.of("label_count").values()] == [2, 2]
    assert [each.first for each in record.of("label_recognized").values()] == [2, 1]
    [balanced] = record.of("evaluation_balanced_accuracy").values()
    # Of class 0 three of four, of class 1 one of three.
    assert balanced.first == pytest.approx((3 / 4 + 1 / 3) / 2)


def test_loader_is_described_with_its_line(tmp_path: Path):
    with watched(tmp_path):
        loader = DataLoader(TensorDataset(torch.randn(8, 1)), batch_size=4, shuffle=False)
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for (x,) in loader:
            model(x).sum().backward()
            optimizer.step()
    [fact] = read_run(tmp_path).loaders
    assert (fact.batch_size, fact.shuffle) == (4, False)
    assert fact.site is not None
    assert "DataLoader(" in fact.site.code


def test_sites_are_the_users_lines(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        outputs = model(torch.randn(4, 2))
        loss = F.cross_entropy(outputs.softmax(1), torch.zeros(4, dtype=torch.long))
        loss.backward()
        optimizer.step()
    record = read_run(tmp_path)
    loss_fact = record.losses[0]
    assert record.layers[0].site is not None
    assert "nn.Sequential" in record.layers[0].site.code
    assert record.optimizers[0].site is not None
    assert "optim.SGD" in record.optimizers[0].site.code
    assert loss_fact.input_operation == "SoftmaxBackward0"
    assert loss_fact.input_site is not None
    assert "softmax(1)" in loss_fact.input_site.code


def test_the_first_bad_value_is_found_with_its_operation(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(4):
            optimizer.zero_grad()
            outputs = model(torch.randn(4, 2))
            loss = (outputs * 0 + (0.0 if step == 2 else 1.0)).log().mean()
            loss.backward()
            optimizer.step()
    event = next(each for each in read_run(tmp_path).events if each.kind == "non-finite")
    assert event.step == 2
    assert event.detail["phase"] == "forward"
    assert "Log" in str(event.detail["operation"])


def test_a_bad_gradient_is_found_one_step_later(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(4):
            optimizer.zero_grad()
            outputs = model(torch.randn(4, 2))
            loss = (outputs * 0 + (0.0 if step == 1 else 1.0)).sqrt().mean()
            loss.backward()
            optimizer.step()
    event = next(each for each in read_run(tmp_path).events if each.kind == "non-finite")
    assert (event.step, event.detail["phase"]) == (1, "backward")


def test_layers_that_are_thawed_later_are_known_as_trained(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
        for step in range(12):
            if step == 6:
                optimizer.add_param_group({"params": list(model[0].parameters())})
            F.cross_entropy(model(torch.randn(8, 4)), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()
    assert {p.optimizer for p in read_run(tmp_path).parameters} == {"SGD"}
