"""Fingerprints of examples: equal for equal bits, and for nothing else."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from defib.metrics.example_fingerprints import _weights, example_fingerprints


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def reference(example: Tensor) -> int:
    """The formula of the page in whole numbers of Python, of an example of 8-byte words."""
    words = example.reshape(-1).view(torch.int64).tolist()
    first, second = _weights(len(words), 8, torch.device("cpu"))
    total = 0
    for word, v, w in zip(words, first.tolist(), second.tolist(), strict=True):
        a = _signed(word * v)
        total += w * (a ^ (a >> 32))
    return _signed(total)


def _signed(number: int) -> int:
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >= 1 << 63 else number


def test_it_is_the_formula_of_its_page():
    examples = torch.randn(5, 3, 4, generator=generator())
    assert example_fingerprints(examples).tolist() == [reference(each) for each in examples]


@pytest.mark.parametrize(
    "examples",
    [
        torch.randint(0, 2, (4000, 40), generator=generator()).float(),
        torch.randint(0, 3, (4000, 9), generator=generator()).double(),
        torch.randint(0, 256, (4000, 5), generator=generator()).to(torch.uint8),
        torch.rand(4000, 33, generator=generator()) > 0.5,
        torch.randn(4000, 7, generator=generator()).to(torch.bfloat16),
        torch.cat((torch.zeros(4000, 9), torch.arange(4000.0)[:, None]), dim=1),
        torch.randint(0, 50_000, (4000, 16), generator=generator()),
    ],
    ids=["binary", "few values", "bytes", "truth", "half", "last alone", "tokens"],
)
def test_as_many_fingerprints_as_different_examples(examples: Tensor):
    assert len(example_fingerprints(examples).unique()) == len(examples.unique(dim=0))


def test_the_same_wherever_an_example_stands_in_memory():
    examples = torch.randn(6, 3, 5, generator=generator())
    expected = example_fingerprints(examples)
    assert torch.equal(example_fingerprints(examples[1:]), expected[1:])
    assert torch.equal(example_fingerprints(examples.mT.contiguous().mT), expected)
    assert torch.equal(example_fingerprints(examples.reshape(6, 15)), expected)


def test_words_that_begin_where_none_may_are_moved():
    memory = torch.randn(9, generator=generator())
    odd = memory[1:].reshape(2, 4)
    assert torch.equal(example_fingerprints(odd), example_fingerprints(odd.clone()))


def test_nan_equals_itself_and_the_order_counts():
    one, other = torch.tensor([[math.nan, 1.0], [1.0, math.nan]]), torch.tensor([[math.nan, 1.0]])
    first, second = example_fingerprints(one).tolist()
    assert first == example_fingerprints(other).item() != second


def test_examples_without_elements_are_all_alike():
    assert example_fingerprints(torch.zeros(3, 0)).tolist() == [0, 0, 0]


def test_the_random_state_is_left_alone():
    before = torch.get_rng_state()
    example_fingerprints(torch.ones(2, 1234))
    assert torch.equal(torch.get_rng_state(), before)
