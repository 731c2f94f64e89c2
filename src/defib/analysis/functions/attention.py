"""Attention as the code calls it."""

from __future__ import annotations

from defib.analysis.functions.arguments import argument, sizes
from defib.analysis.operators.attention import attention_macs
from defib.analysis.operators.matrix_product import linear_macs
from defib.analysis.trace import FunctionCall
from defib.records.expression import Expression, total


def attention_function_macs(call: FunctionCall) -> Expression:
    """Of `scaled_dot_product_attention(query, key, value, ...)`."""
    query, key, value = (
        sizes(call, place, name) for place, name in enumerate(("query", "key", "value"))
    )
    return attention_macs(query, key, value)


def multi_head_attention_macs(call: FunctionCall) -> Expression | None:
    """Of `multi_head_attention_forward`: projections of the inputs, attention, and of the result.

    `None` where keys and values are handed over already projected.
    """
    if call.keywords.get("static_k") is not None or call.keywords.get("static_v") is not None:
        return None
    query, key, value = (
        sizes(call, place, name) for place, name in enumerate(("query", "key", "value"))
    )
    heads = argument(call, 4, "num_heads")
    width = query[-1]
    # An extra key each: a learnt one, and one of zeros.
    extra = (argument(call, 7, "bias_k") is not None) + bool(argument(call, 9, "add_zero_attn"))
    batch = query[1:-1]
    folded = (*batch, heads)
    return total(
        [
            linear_macs(query, (width, width)),
            linear_macs(key, (width, key[-1])),
            linear_macs(value, (width, value[-1])),
            attention_macs(
                (*folded, query[0], width // heads),
                (*folded, key[0] + extra, width // heads),
                (*folded, key[0] + extra, width // heads),
            ),
            linear_macs(query, (width, width)),
        ]
    )
