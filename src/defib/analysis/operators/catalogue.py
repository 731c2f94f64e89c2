"""What each operator of a trace costs, or that it is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from defib.analysis.operators.attention import attention_cost
from defib.analysis.operators.convolution import convolution_cost
from defib.analysis.operators.cost import FREE, Cost
from defib.analysis.operators.matrix_product import (
    added_product_cost,
    grouped_product_cost,
    linear_cost,
    product_cost,
    trilinear_cost,
)
from defib.analysis.operators.recurrence import cudnn_cost, mkldnn_cost
from defib.analysis.operators.without_products import is_without_products
from defib.analysis.trace import Operation, Trace
from defib.records.architecture import Count, Exactness
from defib.records.expression import ZERO

FORMULAS: dict[str, Callable[[Operation, Trace], Cost]] = {
    "addbmm": added_product_cost,
    "addmm": added_product_cost,
    "_addmm_activation": added_product_cost,
    "addmv": added_product_cost,
    "baddbmm": added_product_cost,
    "bmm": product_cost,
    "convolution": convolution_cost,
    "convolution_overrideable": convolution_cost,
    "_convolution": convolution_cost,
    "_cudnn_rnn": cudnn_cost,
    "dot": product_cost,
    "_grouped_mm": grouped_product_cost,
    "_int_mm": product_cost,
    "linear": linear_cost,
    "mkldnn_linear": linear_cost,
    "mkldnn_rnn_layer": mkldnn_cost,
    "mm": product_cost,
    "mv": product_cost,
    "_scaled_dot_product_cudnn_attention": attention_cost,
    "_scaled_dot_product_efficient_attention": attention_cost,
    "_scaled_dot_product_flash_attention": attention_cost,
    "_scaled_dot_product_flash_attention_for_cpu": attention_cost,
    "_scaled_dot_product_fused_attention_overrideable": attention_cost,
    "_scaled_mm": product_cost,
    "_trilinear": trilinear_cost,
    "vdot": product_cost,
}
"""By the name of the operator of ATen; in-place forms (`addmm_`) are looked up without the `_`."""

_LIBRARIES_WITHOUT_PRODUCTS = ("prim", "profiler")


def cost_of(operation: Operation, trace: Trace) -> Cost:
    """Cost of one operator; of an unknown one `UNKNOWN`, never silently nothing."""
    operator: Any = operation.operator
    library = getattr(operator, "namespace", "aten")
    if library in _LIBRARIES_WITHOUT_PRODUCTS:
        return FREE
    if library == "aten":
        formula = FORMULAS.get(operation.name) or FORMULAS.get(operation.name.removesuffix("_"))
        if formula is not None:
            return formula(operation, trace)
        if is_without_products(operator):
            return FREE
    reason = f"`{kind_of(operation)}` has no formula"
    unknown = Count(ZERO, Exactness.UNKNOWN, reason)
    return Cost(unknown, unknown, unknown)


def kind_of(operation: Operation) -> str:
    """`aten.convolution`: the operator with its library, without its overload."""
    library = getattr(operation.operator, "namespace", "")
    return f"{library}.{operation.name}" if library else operation.name
