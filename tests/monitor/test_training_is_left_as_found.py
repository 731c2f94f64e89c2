"""Watched and unwatched trainings end with the same bits."""

from pathlib import Path

import pytest
import torch
from torch import nn

from defib.records.reading import read_run
from tests.monitor.conftest import watched
from tests.monitor.families import LOOPS, MODELS, OPTIMIZERS, SparseEmbedding, trained


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_same_bits_for_every_family(model: str, optimizer: str, tmp_path: Path):
    alone = trained(MODELS[model], OPTIMIZERS[optimizer])
    with watched(tmp_path):
        beside = trained(MODELS[model], OPTIMIZERS[optimizer])
    assert beside == alone
    assert read_run(tmp_path).steps == 200


@pytest.mark.parametrize("loop", LOOPS)
def test_same_bits_for_every_loop(loop: str, tmp_path: Path):
    alone = trained(MODELS["dropout"], OPTIMIZERS["AdamW"], LOOPS[loop])
    with watched(tmp_path):
        beside = trained(MODELS["dropout"], OPTIMIZERS["AdamW"], LOOPS[loop])
    assert beside == alone


def test_same_bits_with_sparse_gradients(tmp_path: Path):
    def make_optimizer(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.1)

    alone = trained(SparseEmbedding, make_optimizer)
    with watched(tmp_path):
        beside = trained(SparseEmbedding, make_optimizer)
    assert beside == alone


def test_torch_is_put_back(tmp_path: Path):
    places = (
        (torch.autograd, "backward"),
        (torch.nn.Module, "__init__"),
        (torch.optim.Optimizer, "__init__"),
        (torch.utils.data.DataLoader, "__init__"),
        (torch.nn.functional, "cross_entropy"),
        (torch.autograd.graph.saved_tensors_hooks, "__enter__"),
        (torch.fx.traceback, "format_stack"),
    )
    before = [getattr(owner, name) for owner, name in places]
    with watched(tmp_path):
        trained(MODELS["dropout"], OPTIMIZERS["SGD"], steps=5)
    assert [getattr(owner, name) for owner, name in places] == before
    assert not torch.is_anomaly_enabled()


def test_model_can_be_pickled_and_copied_while_watched(tmp_path: Path):
    import copy
    import io

    with watched(tmp_path):
        model = MODELS["batch norm"]()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        LOOPS["plain"](model, optimizer, 3)
        torch.save(model, io.BytesIO())
        torch.save(optimizer, io.BytesIO())
        twin = copy.deepcopy(model)
    assert not model._forward_hooks
    assert not twin._forward_hooks
