"""A sigmoid stands for a softmax over one unit, and for no other."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from defib.fixes.sigmoid import Sigmoid
from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from tests.fixes.applied import applied

ONE_UNIT = torch.tensor([[0.0], [2.0]])


def test_modules_and_functions_give_the_sigmoid_of_one_unit():
    expected = ONE_UNIT.sigmoid()
    with applied(Sigmoid()) as training:
        for result in (
            nn.Softmax(dim=1)(ONE_UNIT),
            F.softmax(ONE_UNIT, dim=-1),
            torch.softmax(ONE_UNIT, 1),
            ONE_UNIT.softmax(1),
        ):
            assert torch.equal(result, expected)
    assert training.activity


def test_a_softmax_over_several_units_stays():
    two = torch.tensor([[0.0, 1.0]])
    with applied(Sigmoid()) as training:
        assert torch.softmax(two, 1).sum() == 1
    assert not training.activity


@pytest.mark.parametrize(
    ("code", "edited"),
    [
        ("    nn.Softmax(dim=1),", "    nn.Sigmoid(),"),
        ("nn.Softmax(-1)", "nn.Sigmoid()"),
        ("torch.softmax(x, 1)", None),
        ("nn.Softmax(dim=2)", None),
    ],
)
def test_the_edit_is_made_only_where_it_is_certain(code: str, edited: str | None):
    finding = Finding("softmax-over-one-unit", Severity.ERROR, "", (0, 1))
    assert Sigmoid().edited(code, RunRecord(), finding) == edited
