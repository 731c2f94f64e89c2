import torch

from defib.discovery.tensors import tensors_in


def test_tensors_are_found_in_order_however_deep():
    a, b, c = (torch.tensor(each) for each in (1.0, 2.0, 3.0))
    assert list(tensors_in([a, {"x": (b, "text", None)}, [[c]]])) == [a, b, c]


def test_what_holds_no_tensor_has_none():
    assert list(tensors_in({"x": 1, "y": "text"})) == []
