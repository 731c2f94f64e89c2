from typing import Any

import pytest
import torch
from torch import Tensor, nn

from defib.errors import UnknownNameError, UsageError
from defib.script.example_inputs import (
    argument_of,
    assumptions,
    check_inputs,
    keyword_of,
    tensor_of,
)


class TwoInputs(nn.Module):
    def forward(self, images: Tensor, mask: Tensor, *, scale: float = 1.0) -> Tensor:
        return images * mask * scale


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("1x3x224x224", (1, 3, 224, 224), torch.float32),
        ("2×7:int64", (2, 7), torch.int64),
        ("5", (5,), torch.float32),
        ("scalar:bool", (), torch.bool),
        ("0x3", (0, 3), torch.float32),
    ],
)
def test_a_size_is_an_empty_tensor(text: str, shape: tuple[int, ...], dtype: torch.dtype):
    tensor = tensor_of(text)
    assert (tuple(tensor.shape), tensor.dtype, tensor.device.type) == (shape, dtype, "meta")


@pytest.mark.parametrize("text", ["1x3xx", "", "axb", "1,3", "-1x3", "x3"])
def test_what_is_no_size_is_told_with_an_example(text: str):
    with pytest.raises(UsageError, match=r"is no size of an input: .* `1x3x224x224`"):
        tensor_of(text)


def test_an_unknown_element_type_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match=r"type `flaot32`\. Did you mean `float32`"):
        tensor_of("1x3:flaot32")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [("flag=True", "flag", True), ("rate=0.5", "rate", 0.5), ("cache=None", "cache", None)],
)
def test_a_keyword_may_be_a_value(text: str, name: str, value: Any):
    assert keyword_of(text) == (name, value)


def test_a_keyword_may_be_a_size():
    name, value = keyword_of("mask=2x7:bool")
    assert (name, tuple(value.shape), value.dtype) == ("mask", (2, 7), torch.bool)


@pytest.mark.parametrize("text", ["mask", "=3", "1a=2"])
def test_what_is_no_keyword_is_told(text: str):
    with pytest.raises(UsageError, match="is no keyword input"):
        keyword_of(text)


def test_an_argument_is_a_literal_or_a_text():
    assert argument_of("sizes=(1, 2)") == ("sizes", (1, 2))
    assert argument_of("kind=gelu") == ("kind", "gelu")
    with pytest.raises(UsageError, match="is no argument"):
        argument_of("kind")


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (1, (), "also needs the input `mask`: give it with `--keyword mask=SIZES`"),
        (3, (), "got 3 inputs, but it takes `images`, `mask`, `scale`"),
        (2, ("masks",), "has no input `masks`: it takes `images`, `mask`"),
    ],
)
def test_inputs_that_do_not_fit_are_told(arguments: int, keywords: tuple[str, ...], message: str):
    given = [torch.empty(1)] * arguments
    named = {name: torch.empty(1) for name in keywords}
    with pytest.raises(UsageError, match=message):
        check_inputs(TwoInputs(), "net.py:TwoInputs", given, named)


def test_inputs_that_fit_are_let_through():
    check_inputs(TwoInputs(), "net", [torch.empty(1)], {"mask": torch.empty(1)})


@pytest.mark.parametrize(
    ("layer", "shape", "dtype"),
    [
        (nn.Linear(7, 2), (1, 7), torch.float32),
        (nn.Conv2d(3, 4, 3), (1, 3, 224, 224), torch.float32),
        (nn.Conv1d(2, 4, 3), (1, 2, 1024), torch.float32),
        (nn.Embedding(9, 4), (1, 16), torch.int64),
        (nn.LSTM(5, 6), (16, 1, 5), torch.float32),
        (nn.GRU(5, 6, batch_first=True), (1, 16, 5), torch.float32),
    ],
)
def test_the_first_layer_tells_the_input(layer: nn.Module, shape, dtype: torch.dtype):
    first = next(assumptions(nn.Sequential(nn.Identity(), layer), torch.float32))
    assert (tuple(first.example.shape), first.example.dtype) == (shape, dtype)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Bilinear(2, 3, 4), nn.LazyLinear(3)])
def test_nothing_is_assumed_where_the_first_layer_does_not_tell(layer: nn.Module):
    assert list(assumptions(nn.Sequential(layer), torch.float32)) == []
