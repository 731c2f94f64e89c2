from __future__ import annotations

import gc
from pathlib import Path
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.monitor.conftest import record_of, watched


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    targets = torch.tensor([[0.0], [1.0]])
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(model(torch.randn(2, 3)), targets).backward()
    optimizer.step()


def evaluate(model: nn.Module) -> Tensor:
    with torch.no_grad():
        return F.mse_loss(model(torch.ones(2, 3)), torch.zeros(2, 1))


def test_loss_functions_that_metrics_call_are_no_evaluations(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            step(model, optimizer)
    run = record_of(tmp_path)
    assert list(run.of("label_mix_loss")) == ["SGD"]
    assert run.of("evaluation_loss") == {}


def test_nothing_is_noticed_in_a_pause(tmp_path: Path):
    with watched(tmp_path) as watching:
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        hooks = []
        watching.integrate("test", "1.0", hooks.append)
        step(model, optimizer)
        hooks[0].pause()
        step(model, optimizer)
        evaluate(model)
        hooks[0].resume()
        step(model, optimizer)
    run = record_of(tmp_path)
    assert (run.steps, run.versions["test"]) == (2, "1.0")
    assert run.of("evaluation_loss") == {}


def test_report_of_an_integration_never_raises(tmp_path: Path):
    def fail() -> None:
        raise RuntimeError("injected")

    with watched(tmp_path, strict=False) as watching:
        watching.integrate("test", "1.0", lambda hooks: hooks.reporting("place", fail)())
    run = record_of(tmp_path)
    assert [event.detail["place"] for event in run.events] == ["place"]


def test_what_was_watched_is_not_kept(tmp_path: Path):
    with watched(tmp_path):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        step(model, optimizer)
        step(model, optimizer)
    network = ref(model)
    del model, optimizer
    gc.collect()
    assert network() is None
