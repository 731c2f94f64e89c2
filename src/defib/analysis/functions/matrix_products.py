"""`linear`, `bilinear`, `matmul` and the products that name their shapes."""

from __future__ import annotations

from math import prod

from defib.analysis.functions.arguments import sizes
from defib.analysis.operators.matrix_product import bilinear_macs, linear_macs, matrix_product
from defib.analysis.trace import FunctionCall
from defib.records.expression import Expression


def linear_function_macs(call: FunctionCall) -> Expression:
    """Of `linear(input, weight, bias)`."""
    return linear_macs(sizes(call, 0, "input"), sizes(call, 1, "weight"))


def bilinear_function_macs(call: FunctionCall) -> Expression:
    """Of `bilinear(input1, input2, weight, bias)`."""
    first, second = sizes(call, 0, "input1"), sizes(call, 1, "input2")
    outputs = sizes(call, 2, "weight")[0]
    return bilinear_macs(prod(first[:-1]), first[-1], second[-1], outputs)


def matmul_macs(call: FunctionCall) -> Expression:
    """Of `matmul(input, other)` and of the operator `@`."""
    return matrix_product(sizes(call, 0, "input"), sizes(call, 1, "other"))


def reflected_matmul_macs(call: FunctionCall) -> Expression:
    """Of `other @ tensor`, which torch calls with the tensor first."""
    return matrix_product(sizes(call, 1, "other"), sizes(call, 0, "input"))
