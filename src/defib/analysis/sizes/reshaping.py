"""Sizes after functions that only move elements."""

from __future__ import annotations

from math import prod

from defib.analysis.functions.arguments import argument, sizes
from defib.analysis.sizes.axes import axis_names, labelled
from defib.analysis.trace import FunctionCall, Value
from defib.records.architecture import OutputSize
from defib.records.expression import Expression, Integer, Product, Sum


def linear_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `linear(input, weight, bias)`."""
    weight = sizes(call, 1, "weight")
    return (OutputSize("features", Integer(weight[0], "output features")),) if weight[1:] else ()


def flatten_sizes(call: FunctionCall, output: tuple[int, ...]) -> tuple[OutputSize, ...]:
    """Of whatever makes one vector of everything behind the batch: 100·3·3 = 900."""
    given = sizes(call, 0, "input")
    if len(given) < 3 or output != (given[0], prod(given[1:])):
        return ()
    factors = tuple(
        labelled(size, name) for size, name in zip(given[1:], axis_names(len(given)), strict=True)
    )
    return (OutputSize("features", Product(factors)),)


def concatenation_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `cat(tensors, dim)` along any dimension but the batch: 64 + 128 + 32 + 32 = 256."""
    tensors = [each for each in argument(call, 0, "tensors", ()) if isinstance(each, Value)]
    if not tensors:
        return ()
    given = tensors[0].shape.dimensions
    axis = argument(call, 1, "dim", 0) % len(given)
    names = axis_names(len(given))
    if axis == 0 or len(tensors) == 1:
        return ()
    terms = tuple(
        Integer(each.shape.dimensions[axis], f"{names[axis - 1]} of part {index}")
        for index, each in enumerate(tensors, start=1)
    )
    joined: list[Expression] = [
        labelled(size, name) for size, name in zip(given[1:], names, strict=True)
    ]
    joined[axis - 1] = Sum(terms)
    return tuple(OutputSize(name, size) for name, size in zip(names, joined, strict=True))


def padding_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `pad(input, amounts, ...)`; amounts of the last axis come first."""
    given = sizes(call, 0, "input")
    amounts = argument(call, 1, "pad", ())
    names = axis_names(len(given))
    padded: list[Expression] = [
        labelled(size, name) for size, name in zip(given[1:], names, strict=True)
    ]
    if len(amounts) // 2 > len(padded):
        return ()
    for place in range(len(amounts) // 2):
        before, after = amounts[2 * place : 2 * place + 2]
        parts = (Integer(before, "padding before"), Integer(after, "padding after"))
        padded[-1 - place] = Sum((padded[-1 - place], *(each for each in parts if each.number)))
    return tuple(OutputSize(name, size) for name, size in zip(names, padded, strict=True))


def scaling_sizes(call: FunctionCall) -> tuple[OutputSize, ...]:
    """Of `interpolate(input, size, scale_factor)` by a whole factor, or to a given size."""
    given = sizes(call, 0, "input")
    names = axis_names(len(given))[1:]
    size, factor = argument(call, 1, "size"), argument(call, 2, "scale_factor")
    wanted = size if size is not None else factor
    per_name = [wanted] * len(names) if isinstance(wanted, int | float) else list(wanted or ())
    if len(per_name) != len(names) or any(each != int(each) for each in per_name):
        return ()
    spatial = [
        Integer(int(each), f"asked {name}")
        if size is not None
        else Product((labelled(old, name), Integer(int(each), "scale")))
        for old, name, each in zip(given[2:], names, per_name, strict=True)
    ]
    return (
        OutputSize("channels", labelled(given[1], "channels")),
        *(OutputSize(name, each) for name, each in zip(names, spatial, strict=True)),
    )
