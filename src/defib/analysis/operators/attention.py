"""Attention kernels: the product of queries with keys, and of the weights with values."""

from __future__ import annotations

from defib.analysis.operators.cost import Cost, cost, product, times
from defib.analysis.operators.matrix_product import Sizes, batch_factors
from defib.analysis.trace import Operation, Trace
from defib.records.expression import Expression, Integer


def attention_macs(query: Sizes, key: Sizes, value: Sizes) -> Expression:
    """Of all pairs of queries and keys, also of those that a causal mask hides.

    Sizes are (..., heads, positions, width); a head of keys may serve several of queries.
    """
    batch = [each.number for each in batch_factors(query[:-2], key[:-2])]
    names = ("heads", *("batch",) * len(batch))
    leading = [Integer(size, name) for size, name in zip(reversed(batch), names, strict=False)]
    *_, queries, width = query
    pairs = (Integer(queries, "queries"), Integer(key[-2], "keys"))
    scores = times(product(*pairs, Integer(width, "head width")), *leading)
    mixtures = times(product(*pairs, Integer(value[-1], "value width")), *leading)
    return scores + mixtures


def attention_cost(operation: Operation, _: Trace) -> Cost:
    """Cost of a kernel that takes queries, keys and values as its first arguments."""
    query, key, value = (each.shape.dimensions for each in operation.arguments[:3])
    return cost(attention_macs(query, key, value))
