"""Remembered results have the layout of those that the operator gives, and nothing else is."""

from typing import Any

import pytest
import torch

from defib.analysis.meta_results import MetaResults

aten = torch.ops.aten


def meta(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(size, dtype=dtype, device="meta")


def layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    storage = tensor.untyped_storage()
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.storage_offset(), storage.nbytes()


CALLS: list[tuple[Any, tuple[Any, ...]]] = [
    (aten.mm.default, (meta(3, 4), meta(4, 5))),
    (aten.mm.default, (meta(4, 3).t(), meta(4, 5))),
    (aten.add.Tensor, (meta(3, 1), meta(4))),
    (aten.add.Tensor, (meta(3, dtype=torch.int64), 1)),
    (aten.add.Tensor, (meta(3, dtype=torch.int64), 1.0)),
    (aten.relu.default, (meta(2, 3, 4, 5).to(memory_format=torch.channels_last),)),
    (
        aten.convolution.default,
        (meta(1, 3, 9, 9), meta(4, 3, 3, 3), None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1),
    ),
    (aten.native_layer_norm.default, (meta(2, 3, 4), [4], meta(4), meta(4), 1e-5)),
    (aten.cat.default, ([meta(2, 3), meta(5, 3)], 0)),
]


@pytest.mark.parametrize(("operator", "arguments"), CALLS)
def test_a_remembered_result_is_laid_out_like_the_real_one(
    operator: Any, arguments: tuple[Any, ...]
):
    results = MetaResults()
    for other, given in CALLS:
        results.of(other, given, {})
    expected, again = operator(*arguments), results.of(operator, arguments, {})
    pairs = (
        [(expected, again)]
        if isinstance(expected, torch.Tensor)
        else zip(expected, again, strict=True)
    )
    assert all(layout(first) == layout(second) for first, second in pairs)


def test_every_call_gives_new_tensors():
    results = MetaResults()
    arguments = (meta(3, 4), meta(4, 5))
    first, second = (results.of(aten.mm.default, arguments, {}) for _ in range(2))
    assert first.untyped_storage()._cdata != second.untyped_storage()._cdata


@pytest.mark.parametrize(
    ("operator", "options"), [(aten.view.default, ([12],)), (aten._unsafe_view.default, ([12],))]
)
def test_views_share_the_memory_of_what_they_are_given(operator: Any, options: tuple[Any, ...]):
    results = MetaResults()
    for features in (meta(3, 4), meta(3, 4)):
        view = results.of(operator, (features, *options), {})
        assert view.untyped_storage()._cdata == features.untyped_storage()._cdata


def test_operators_that_write_to_an_argument_return_it():
    results = MetaResults()
    for features in (meta(3, 4), meta(3, 4)):
        assert results.of(aten.relu_.default, (features,), {}) is features


def test_numbers_are_computed_where_there_are_some():
    results = MetaResults()
    one, two = (results.of(aten.add.Tensor, (torch.tensor(value), 1), {}) for value in (1, 2))
    assert (int(one), int(two)) == (2, 3)


def test_grouped_products_take_any_element_type_as_they_do_on_a_processor():
    arguments = (torch.randn(6, 16), torch.randn(2, 16, 8), torch.tensor([4, 6]).int())
    results = MetaResults()
    on_processor = results.of(aten._grouped_mm.default, arguments, {})
    on_meta = results.of(aten._grouped_mm.default, tuple(each.to("meta") for each in arguments), {})
    assert (on_meta.shape, on_meta.dtype) == (on_processor.shape, on_processor.dtype)
