"""Sentences about what could not be counted."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.analysis.notes import disagreements
from defib.analysis.trace import trace
from defib.analysis.units import costs_of, units_by_call


def test_a_formula_that_differs_from_its_operators_is_told():
    result = trace(nn.Sequential(nn.Linear(3, 4)), [torch.zeros(2, 3)])
    units = units_by_call(result, costs_of(result))
    assert list(disagreements(result, units)) == []
    wrong = {call: [replace(each, disagreement=25) for each in own] for call, own in units.items()}
    assert list(disagreements(result, wrong)) == [
        "`linear` in `0` was expected to take 25 multiply-accumulates, but its operators took "
        "24: the latter are counted."
    ]


class Transformed(nn.Module):
    def forward(self, signal: Tensor) -> Tensor:
        return torch.fft.fft(signal).real


def test_an_operator_in_many_layers_is_told_once():
    network = nn.Sequential(*(Transformed() for _ in range(5)))
    assert inspect(network, (1, 8)).notes == (
        "`aten._fft_r2c` in `0`, `1`, `2` and 2 more: not counted, it has no formula.",
    )
