"""What is lost where a copy computes in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from defib.checkup import check_up
from defib.records.finding import Severity
from defib.records.preflight import PreflightRecord
from tests.probes.first_batches import record_of


def record_in(dtype: torch.dtype, *, shift: float = 0.0) -> PreflightRecord:
    """A regression from inputs around `shift`."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Tanh(), nn.Linear(8, 1)).to(dtype)
    if shift:
        with torch.no_grad():
            model.get_submodule("0").bias -= shift * model.get_submodule("0").weight.sum(1)
    inputs = (shift + torch.randn(64, 3, dtype=torch.float64)).to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def train() -> None:
        optimizer.zero_grad()
        F.mse_loss(model(inputs), inputs[:, :1] - shift).backward()
        optimizer.step()

    return record_of(train)


def test_float64_for_nothing_is_told_and_no_alarm():
    record = record_in(torch.float64)
    assert record.value("double_share") == 1.0
    assert 1e-9 < record.value("single_precision_difference") < 1e-5
    found = {each.rule: each.severity for each in check_up(record).findings}
    assert found["double-precision"] is Severity.INFO


def test_digits_that_are_needed_show():
    assert record_in(torch.float64, shift=1e7).value("single_precision_difference") > 1e-2


def test_float32_is_left_alone():
    record = record_in(torch.float32)
    assert record.value("double_share") == 0.0
    assert record.not_measured["single_precision_difference"] == "no parameter is float64"
    assert "double-precision" not in {each.rule for each in check_up(record).findings}
