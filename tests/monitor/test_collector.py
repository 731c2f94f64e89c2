"""What a sample brings to the host."""

import math

import pytest
import torch

from defib.monitor.transfer import Collector


def test_numbers_keep_their_keys_whatever_their_shape_and_type():
    into = Collector()
    into.add("a", "x", torch.tensor(1.5))
    into.add_all("b", ["y", "z"], torch.tensor([2, 3]))
    into.add("c", "x", 4.0)
    into.add("d", "x", torch.tensor([[5]]))
    into.add_all("e", ["y", "z"], torch.tensor([[6.0], [math.inf]], dtype=torch.float64))
    keys, values = into.read()
    assert dict(zip(keys, values, strict=True)) == {
        ("a", "x"): 1.5,
        ("b", "y"): 2.0,
        ("b", "z"): 3.0,
        ("c", "x"): 4.0,
        ("d", "x"): 5.0,
        ("e", "y"): 6.0,
        ("e", "z"): math.inf,
    }


@pytest.mark.parametrize("subjects", [[], ["x"]])
def test_nothing_is_read_where_nothing_was_added(subjects: list[str]):
    into = Collector()
    into.add_all("a", [], torch.tensor([1.0]))
    if subjects:
        into.add("a", "x", 1.0)
    assert len(into.read()[1]) == len(subjects)
