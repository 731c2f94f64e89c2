"""Tensors in nested structures."""

import pytest
import torch

from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced

NESTED = {"a": [torch.zeros(1), (torch.zeros(2), 3)], "b": None, "c": torch.zeros(3).max(0)}


def test_tensors_are_found_in_nested_structures():
    assert [tuple(each.shape) for each in tensors_in(NESTED)] == [(1,), (2,), (), ()]


def test_tensors_are_replaced_in_nested_structures():
    replaced = with_tensors_replaced(NESTED, lambda tensor: tuple(tensor.shape))
    assert replaced["a"] == [(1,), ((2,), 3)]
    assert (replaced["b"], tuple(replaced["c"])) == (None, ((), ()))


@pytest.mark.parametrize("tree", [3, "text", None, torch.float32, {1, 2}])
def test_structures_without_tensors_stay(tree: object):
    assert tensors_in(tree) == []
    assert with_tensors_replaced(tree, lambda tensor: 0 * tensor) == tree
