"""Which torch functions have a formula of their own."""

from __future__ import annotations

from collections.abc import Callable

from defib.analysis.functions.arguments import has_tensor_options
from defib.analysis.functions.attention import attention_function_macs, multi_head_attention_macs
from defib.analysis.functions.convolutions import SLIDING, TRANSPOSED, convolution_macs
from defib.analysis.functions.matrix_products import (
    bilinear_function_macs,
    linear_function_macs,
    matmul_macs,
    reflected_matmul_macs,
)
from defib.analysis.functions.recurrence import cell_macs, recurrent_function_macs
from defib.analysis.trace import FunctionCall
from defib.records.expression import Expression

FORMULAS: dict[str, Callable[[FunctionCall], Expression | None]] = {
    **dict.fromkeys((*SLIDING, *TRANSPOSED), convolution_macs),
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm"), matmul_macs),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), recurrent_function_macs),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), cell_macs),
    "__rmatmul__": reflected_matmul_macs,
    "bilinear": bilinear_function_macs,
    "linear": linear_function_macs,
    "multi_head_attention_forward": multi_head_attention_macs,
    "scaled_dot_product_attention": attention_function_macs,
}


def written_macs(call: FunctionCall) -> Expression | None:
    """Multiply-accumulates of a function as its code reads; `None` where it has no formula."""
    formula = FORMULAS.get(call.name)
    if formula is convolution_macs and has_tensor_options(call, tensors=3):
        return None
    return None if formula is None else formula(call)
