from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import defib
from defib.errors import UsageError
from defib.records.learning_rate_range import Verdict


@pytest.fixture
def parts():
    torch.manual_seed(0)
    inputs = torch.randn(512, 6)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    loader = DataLoader(TensorDataset(inputs, inputs.argmax(1) % 3), 32, shuffle=True)
    return model, torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss(), loader


def test_a_sweep_gives_marks_a_text_and_a_picture(parts, tmp_path: Path):
    test = defib.lr_range_test(*parts, steps=300, start=1e-5)
    assert test.verdict is not Verdict.NO_DESCENT
    assert test.conservative is not None
    assert test.steepest is not None
    assert test.largest_stable is not None
    assert test.suggestion is not None
    assert 1e-4 < test.conservative <= test.steepest < test.suggestion < test.largest_stable
    assert "choose a learning rate from" in str(test).splitlines()[0]
    assert "<pre" in test._repr_html_()
    assert test.as_json()["name"] == "Sequential"
    assert test.picture(tmp_path / "curve.svg").exists()


def test_candidates_give_a_range(parts):
    test = defib.lr_candidate_test(*parts, candidates=[1e-9, 1e-3, 1e-2], epochs=2)
    assert test.result.best == 1e-2
    assert str(test).startswith("Learns from 0.001 to 0.01, best with 0.01.")


def test_batches_of_another_kind_need_their_loss(parts):
    model, optimizer, loss, loader = parts
    batches = [{"x": x, "y": y} for x, y in loader]
    with pytest.raises(UsageError, match=r"gives `dict`\. Say with `batch_loss=`"):
        defib.lr_range_test(model, optimizer, loss, batches, steps=30)
    test = defib.lr_range_test(
        model,
        optimizer,
        loss,
        batches,
        steps=30,
        batch_loss=lambda batch: F.cross_entropy(model(batch["x"]), batch["y"]),
    )
    assert len(test.result.sweep.losses) > 10


def test_an_optimiser_of_another_model_is_refused(parts):
    model, _, loss, loader = parts
    other = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with pytest.raises(UsageError, match="`SGD` holds no parameter of `Sequential`"):
        defib.lr_range_test(model, other, loss, loader)
