"""Results of operators on the meta device, worked out once for each combination of shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from defib.analysis.nested_tensors import tensors_in

_OPTIONS = frozenset(
    {int, float, bool, str, type(None)}
    | {torch.dtype, torch.device, torch.layout, torch.memory_format}
)
_PLAIN = frozenset({Tensor, nn.Parameter})
# The operator itself: a torch function would be recorded as one that the network called.
_new_tensor = torch.ops.aten.empty_strided.default
_GROUPED_PRODUCT = torch.ops.aten._grouped_mm.default


@final
class MetaResults:
    """Calls operators, or makes results like those of the same call on the same shapes before.

    torch works shapes out in Python, which takes longer than all else in a trace, and networks
    repeat their layers. Operators that alias or change their arguments are always called.
    """

    def __init__(self) -> None:
        self._known: dict[Any, _Results] = {}
        self._functional: dict[Any, bool] = {}

    def of(self, operator: Any, arguments: Any, keywords: Any) -> Any:
        """What `operator(*arguments, **keywords)` returns."""
        key = self._key(operator, arguments, keywords)
        if key is not None and (known := self._known.get(key)) is not None:
            return known.made_again()
        call = _grouped_product if operator is _GROUPED_PRODUCT else operator
        results = call(*arguments, **keywords)
        if key is not None and (new := _remembered(results, (arguments, keywords))) is not None:
            self._known[key] = new
        return results

    def _key(self, operator: Any, arguments: Any, keywords: Any) -> Any:
        """All that the shapes of the results depend on; `None` where that is not known."""
        is_functional = self._functional.get(operator)
        if is_functional is None:
            is_functional = self._functional[operator] = _is_functional(operator)
        if not is_functional:
            return None
        try:
            described = _described(arguments)
            options = _described(tuple(keywords.items())) if keywords else None
        except _NotComparable:
            return None
        return operator, described, options, torch.get_default_dtype()


@final
@dataclass(frozen=True)
class _Results:
    """Size, strides and element type of each result."""

    layouts: tuple[tuple[Any, Any, torch.dtype], ...]
    is_single: bool

    def made_again(self) -> Any:
        made = [
            _new_tensor(size, strides, dtype=dtype, device="meta")
            for size, strides, dtype in self.layouts
        ]
        return made[0] if self.is_single else tuple(made)


def _grouped_product(left: Tensor, right: Tensor, *options: Any, **keywords: Any) -> Tensor:
    """The product; torch 2.13 takes bfloat16 only on meta, but any type on a processor."""
    has_numbers = not (left.is_meta or isinstance(left, FakeTensor))
    if has_numbers:
        return _GROUPED_PRODUCT(left, right, *options, **keywords)
    factors = (each.to(torch.bfloat16) for each in (left, right))
    return _GROUPED_PRODUCT(*factors, *options, **keywords).to(left.dtype)


class _NotComparable(Exception):
    """An argument whose influence on the results is not known."""


def _is_functional(operator: Any) -> bool:
    schema = operator._schema
    parts = (*schema.arguments, *schema.returns)
    return operator.namespace == "aten" and all(each.alias_info is None for each in parts)


def _described(tree: Any) -> Any:
    """What tells arguments apart; 1, 1.0 and True are equal, hence their types."""
    kind = type(tree)
    if kind in _OPTIONS:
        return kind, tree
    if kind in _PLAIN and _is_plain(tree):
        return tree.shape, tree.stride(), tree.dtype
    if kind is tuple or kind is list:
        return tuple([_described(each) for each in tree])
    raise _NotComparable


def _is_plain(tensor: Tensor) -> bool:
    return tensor.is_meta and tensor.layout is torch.strided and not tensor.dtype.is_complex


def _remembered(results: Any, given: tuple[Any, ...]) -> _Results | None:
    """What to remember of results; `None` where new tensors would not be the same."""
    tensors = (results,) if isinstance(results, Tensor) else results
    if not isinstance(tensors, tuple) or not all(map(_is_new, tensors)):
        return None
    storages = [each.untyped_storage()._cdata for each in tensors]
    # `_unsafe_view` and the like share memory with what they are given and do not say so.
    taken = {each.untyped_storage()._cdata for each in tensors_in(given)}
    if len(set(storages)) < len(storages) or not taken.isdisjoint(storages):
        return None
    layouts = tuple((each.shape, each.stride(), each.dtype) for each in tensors)
    return _Results(layouts, isinstance(results, Tensor))


def _is_new(result: Any) -> bool:
    """Whether a new tensor of the same layout is like `result`: it begins and ends its memory."""
    if type(result) is not Tensor or not _is_plain(result) or result.storage_offset():
        return False
    like = _new_tensor(result.shape, result.stride(), dtype=result.dtype, device="meta")
    return like.untyped_storage().nbytes() == result.untyped_storage().nbytes()
