"""Inputs are seen as they pass, at the steps that are looked at and in evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from defib.monitor.examples import Examples
from defib.monitor.passing_inputs import SINGLE_CALLS
from defib.records.reading import read_run
from defib.records.run import RunRecord
from tests.monitor.conftest import watched

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randn(80, 6, generator=GENERATOR)
NEW = torch.randn(30, 6, generator=GENERATOR)
LABELS = torch.randint(0, 3, (80,), generator=GENERATOR)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def labels_of(inputs: Tensor) -> Tensor:
    return LABELS[: len(inputs)]


@contextmanager
def in_mode_of_evaluation(model: nn.Module) -> Iterator[None]:
    model.eval()
    with torch.no_grad():
        yield
    model.train()


def train(
    model: nn.Module,
    evaluated: Tensor,
    *,
    without_gradients: Callable[[], AbstractContextManager[object]] = torch.no_grad,
    steps: int = 40,
    size: int = 30,
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(steps):
        rows = torch.arange(step * 10, step * 10 + 10) % 80
        optimizer.zero_grad()
        F.cross_entropy(model(INPUTS[rows]), LABELS[rows]).backward()
        optimizer.step()
        if step % 20 == 19:
            with without_gradients():
                for each in evaluated.split(size):
                    F.cross_entropy(model(each), labels_of(each))


def seen(directory: Path, metric: str) -> float:
    [series] = read_run(directory).of(metric).values()
    return series.last


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_shared_and_new_examples_are_told_apart(
    mode: Callable[[], AbstractContextManager[object]], tmp_path: Path
):
    with watched(tmp_path):
        train(network(), torch.cat((INPUTS[:10], NEW)), without_gradients=mode, size=40)
    assert seen(tmp_path, "shared_examples") == pytest.approx(0.25)
    assert seen(tmp_path, "compared_examples") == 40
    assert seen(tmp_path, "training_examples") == 80


def test_gradients_switched_off_by_a_function_are_seen_too(tmp_path: Path):
    with watched(tmp_path):
        mode = lambda: torch.set_grad_enabled(False)  # noqa: E731
        train(network(), NEW, without_gradients=mode, size=10)
    assert seen(tmp_path, "compared_examples") == 30


def test_an_evaluation_in_many_batches_is_seen_whole(tmp_path: Path):
    with watched(tmp_path):
        train(network(), NEW, size=7)
    assert seen(tmp_path, "compared_examples") == seen(tmp_path, "passed_examples") == 30


def record_with_teacher(directory: Path) -> RunRecord:
    """The network itself is called without gradients within each step, on the step's batch."""
    with watched(directory):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step in range(40):
            inputs = INPUTS[step % 8 * 10 :][:10]
            with torch.no_grad():
                wanted = model(inputs).argmax(dim=1)
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), wanted).backward()
            optimizer.step()
            if step % 20 == 19:
                with torch.no_grad():
                    F.cross_entropy(model(NEW), labels_of(NEW))
    return read_run(directory)


def test_calls_without_gradients_inside_of_a_step_are_no_evaluation(tmp_path: Path):
    record = record_with_teacher(tmp_path)
    [compared] = record.of("compared_examples").values()
    [shared] = record.of("shared_examples").values()
    assert (compared.last, shared.last) == (30, 0)


def test_an_evaluation_with_gradients_is_not_taken_for_training(tmp_path: Path):
    with watched(tmp_path):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step in range(40):
            model(NEW).argmax(dim=1)
            optimizer.zero_grad()
            F.cross_entropy(model(INPUTS[step % 8 * 10 :][:10]), LABELS[:10]).backward()
            optimizer.step()
            if step % 20 == 19:
                with torch.no_grad():
                    F.cross_entropy(model(NEW), labels_of(NEW))
    assert seen(tmp_path, "shared_examples") == 0


def test_tokens_are_left_out(tmp_path: Path):
    tokens = torch.randint(0, 5, (80, 2), generator=GENERATOR)
    with watched(tmp_path):
        model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(30):
            optimizer.zero_grad()
            F.cross_entropy(model(tokens), LABELS).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(model(tokens), LABELS)
    assert not read_run(tmp_path).of("shared_examples")


def test_a_second_network_begins_anew(tmp_path: Path):
    """The folds of a cross-validation: what one was trained on is new to the next."""
    with watched(tmp_path):
        train(network(), NEW)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            F.cross_entropy(model(NEW), labels_of(NEW)).backward()
            optimizer.step()
        with torch.no_grad():
            F.cross_entropy(model(INPUTS), LABELS)
    by_place = read_run(tmp_path).of("shared_examples")
    assert [each.last for each in by_place.values()] == [0, 0]


def test_the_hook_is_there_for_no_other_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    connected: list[bool] = []
    taken: list[int] = []
    monkeypatch.setattr(Examples, "trained", lambda *_: taken.append(len(connected) - 1))

    class Observed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            connected.append(bool(torch_module._global_forward_pre_hooks))
            return self.layer(inputs)

    with watched(tmp_path) as watching:
        # Nothing is left of the budget after the steps that are looked at whatever they cost.
        watching.monitor.budget.share = watching.monitor.budget.initial_seconds = 0.0
        model = Observed()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(150):
            optimizer.zero_grad()
            F.cross_entropy(model(INPUTS), LABELS).backward()
            optimizer.step()
    # Afterwards the network's parts are called without it.
    assert connected == [1 <= step <= SINGLE_CALLS + 1 for step in range(150)]
    assert not torch_module._global_forward_pre_hooks
    # At the first such step it is not yet known which network is trained.
    [late] = [step for step in taken if step > 100]
    assert taken == [*range(2, 101), late]


def test_compiled_networks_are_compiled_as_often_as_without_a_watch(tmp_path: Path):
    def compilations() -> int:
        torch._dynamo.reset()
        model = network()
        graphs: list[object] = []

        def count(graph: torch.fx.GraphModule, _: object) -> Callable[..., object]:
            graphs.append(graph)
            return graph.forward

        compiled = torch.compile(model, backend=count)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(8):
            optimizer.zero_grad()
            F.cross_entropy(model(INPUTS), LABELS).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(compiled(INPUTS), LABELS)
        return len(graphs)

    alone = compilations()
    with watched(tmp_path):
        assert compilations() == alone == 1


def test_the_classes_of_an_evaluation_are_counted_once(tmp_path: Path):
    with watched(tmp_path):
        train(network(), NEW)
    counts = read_run(tmp_path).of("evaluation_label_count")
    found = {name.partition(" at ")[0]: series.values.tolist() for name, series in counts.items()}
    expected = torch.bincount(labels_of(NEW), minlength=3).tolist()
    assert found == {str(label): [count] for label, count in enumerate(expected)}
