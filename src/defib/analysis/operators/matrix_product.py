"""Products of matrices and vectors."""

from __future__ import annotations

from math import prod

from defib.analysis.operators.cost import Cost, cost, product, times
from defib.analysis.trace import Operation, Trace
from defib.records.expression import Expression, Integer

Sizes = tuple[int, ...]


def matrix_product(left: Sizes, right: Sizes) -> Expression:
    """Multiply-accumulates of (..., rows, inner) times (..., inner, columns), broadcast."""
    inner = left[-1]
    rows = left[-2] if len(left) > 1 else 1
    columns = right[-1] if len(right) > 1 else 1
    return times(
        product(Integer(inner, "inner size"), Integer(columns, "columns")),
        Integer(rows, "rows"),
        *batch_factors(left[:-2], right[:-2]),
    )


def batch_factors(left: Sizes, right: Sizes) -> tuple[Integer, ...]:
    """The leading dimensions that two tensors have in common after broadcasting."""
    length = max(len(left), len(right))
    pairs = zip(_extended(left, length), _extended(right, length), strict=True)
    sizes = [second if first == 1 else first for first, second in pairs]
    return tuple(Integer(size, "batch") for size in sizes)


def _extended(sizes: Sizes, length: int) -> Sizes:
    return (1,) * (length - len(sizes)) + sizes


def _of_arguments(operation: Operation, first: int) -> Cost:
    left, right = (value.shape.dimensions for value in operation.arguments[first : first + 2])
    return cost(matrix_product(left, right))


def product_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `mm(left, right)` and all that have their factors in these places."""
    return _of_arguments(operation, 0)


def added_product_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `addmm(addend, left, right)`; the addition is no multiply-accumulate."""
    return _of_arguments(operation, 1)


def grouped_product_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `_grouped_mm(left, right)`: with one flat factor each row meets one group only."""
    left, right = (value.shape.dimensions for value in operation.arguments[:2])
    if len(left) == len(right) == 3:
        return cost(matrix_product(left, right))
    rows = prod(left[-2:-1]) if len(left) == 2 else left[-2]
    return cost(matrix_product((rows, left[-1]), right[-2:]))


def linear_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `linear(features, weight, bias)` where it arrives whole."""
    features, weight = (value.shape.dimensions for value in operation.arguments[:2])
    return cost(linear_macs(features, weight))


def linear_macs(features: Sizes, weight: Sizes) -> Expression:
    """(input features · output features) · every leading dimension."""
    outputs = weight[0] if len(weight) > 1 else 1
    names = ("batch", *("positions",) * len(features))
    return times(
        product(Integer(features[-1], "input features"), Integer(outputs, "output features")),
        *(Integer(size, name) for size, name in zip(features[:-1], names, strict=False)),
    )


def bilinear_macs(rows: int, first: int, second: int, outputs: int) -> Expression:
    """Two products for each output: the matrix with the one input, the result with the other."""
    inputs = (Integer(first, "first input features"), Integer(second, "second input features"))
    matrices = times(product(*inputs), Integer(outputs, "output features"), Integer(rows, "batch"))
    vectors = times(inputs[1], Integer(outputs, "output features"), Integer(rows, "batch"))
    return matrices + vectors


def trilinear_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of `_trilinear(first, weight, second, ...)` as `bilinear` calls it."""
    first, weight, second = (value.shape.dimensions for value in operation.arguments[:3])
    rows = prod(first[:-1])
    return cost(bilinear_macs(rows, first[-1], second[-1], weight[0]))
