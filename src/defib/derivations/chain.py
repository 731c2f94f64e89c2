"""Chains of layers, written as text, with the arithmetic of every size and count.

`conv 3 out 10 pad 1, relu, maxpool 3, flatten, linear 30` on `9x9x1` (height, width, channels).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import final

from defib.derivations.reading import sizes
from defib.errors import UnknownNameError, UsageError
from defib.records.expression import (
    ZERO,
    Difference,
    Expression,
    FloorQuotient,
    Integer,
    Product,
    Sum,
)

Shape = tuple[int, ...]
"""Height, width and channels of a map, or the number of units of a vector."""

CONVOLUTION, TRANSPOSED, POOLING, LINEAR, FLATTEN, SAME = (
    "convolution",
    "transposed convolution",
    "pooling",
    "linear",
    "flatten",
    "same size",
)
KINDS: Mapping[str, str] = {
    "conv": CONVOLUTION,
    "upconv": TRANSPOSED,
    "maxpool": POOLING,
    "avgpool": POOLING,
    "linear": LINEAR,
    "flatten": FLATTEN,
    "relu": SAME,
    "leaky-relu": SAME,
    "tanh": SAME,
    "sigmoid": SAME,
    "softmax": SAME,
    "dropout": SAME,
    "lrn": SAME,
}
"""First word of a layer -> what it does to a size. What is of the same size has no weights."""
MOST_NUMBERS = 10_000_000
"""Of an input: beyond the largest images, and torch, which checks the sizes, holds them."""
LONGEST_SIDE = 200_000
"""Of an input: the check by `defib inspect` follows every position of a side."""
LARGEST = 1_000_000
"""Of any number of a layer."""
SETTINGS = ("out", "pad", "stride", "dilation", "groups")


@final
@dataclass(frozen=True)
class ChainLayer:
    """One layer: what it is, and its numbers. `text` is as the user wrote it."""

    text: str
    word: str
    size: int = 0
    out: int = 0
    pad: int = 0
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    has_bias: bool = True

    @property
    def kind(self) -> str:
        return KINDS[self.word]


@final
@dataclass(frozen=True)
class Counted:
    """A layer with the sizes before and after it, and the arithmetic of each number."""

    layer: ChainLayer
    before: Shape
    after: Shape
    sides: tuple[Expression, ...] = ()
    """Height and width of the output."""
    weights: Expression = ZERO
    biases: Expression = ZERO
    macs: Expression = ZERO
    activations: Expression = ZERO
    dense: Expression = ZERO
    """Weights of a fully connected layer between the same numbers."""


def read_chain(text: str) -> tuple[ChainLayer, ...]:
    """The layers of a chain. Raises `UsageError` with the layer that is not understood."""
    found = tuple(_layer(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise UsageError("Expected at least one layer, such as `conv 3 out 10 pad 1, relu`.")
    return found


def _layer(text: str) -> ChainLayer:
    word, *rest = text.lower().split()
    if word not in KINDS:
        raise UnknownNameError("layer", word, KINDS, advice=f"Known are {', '.join(KINDS)}.")
    has_bias = "no-bias" not in rest
    rest = [each for each in rest if each != "no-bias"]
    size = 0
    if KINDS[word] in (CONVOLUTION, TRANSPOSED, POOLING, LINEAR):
        size = _whole(rest[0] if rest else "", text, least=1)
        rest = rest[1:]
    if len(rest) % 2 or any(name not in SETTINGS for name in rest[::2]):
        raise UsageError(
            f"`{text}`: expected settings as name and number, of {', '.join(SETTINGS)}, or "
            f"`no-bias`; got `{' '.join(rest)}`."
        )
    least = {"pad": 0}
    settings = {
        name: _whole(value, text, least=least.get(name, 1))
        for name, value in zip(rest[::2], rest[1::2], strict=True)
    }
    if KINDS[word] in (CONVOLUTION, TRANSPOSED) and "out" not in settings:
        raise UsageError(f"`{text}`: a convolution needs its channels: `{word} {size} out 10`.")
    if KINDS[word] == POOLING:
        settings.setdefault("stride", size)
    return ChainLayer(text, word, size, has_bias=has_bias, **settings)


def _whole(value: str, text: str, *, least: int) -> int:
    if not value.isdigit() or not least <= int(value) <= LARGEST:
        raise UsageError(
            f"`{text}`: expected a whole number from {least} to {LARGEST:,}, got `{value}`."
        )
    return int(value)


def count_chain(text: str, layers: tuple[ChainLayer, ...]) -> tuple[Counted, ...]:
    """Every layer with its sizes and counts, for an input such as `9x9x1`, or `100` units."""
    shape: Shape = sizes(text, "--input", (1, 3))
    if prod(shape) > MOST_NUMBERS or max(shape) > LONGEST_SIDE:
        raise UsageError(
            f"An input of {prod(shape):,} numbers is too large; at most {MOST_NUMBERS:,}, and "
            f"{LONGEST_SIDE:,} along a side."
        )
    found = []
    for layer in layers:
        counted = _COUNTS[layer.kind](layer, shape)
        found.append(counted)
        shape = counted.after
    return tuple(found)


def _total(shape: Shape) -> Expression:
    labels = ("height", "width", "channels") if len(shape) == 3 else ("units",)
    if len(shape) == 1:
        return Integer(shape[0], "units")
    return Product(tuple(Integer(n, label) for n, label in zip(shape, labels, strict=True)))


def _is_map(layer: ChainLayer, shape: Shape) -> None:
    if len(shape) != 3:
        raise UsageError(
            f"`{layer.text}` needs a map of height, width and channels, but receives "
            f"{shape[0]} units. Put it before `flatten`."
        )


def _side(layer: ChainLayer, size: int, axis: str) -> Expression:
    """⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1; without dilation (n + 2p − k)/s + 1."""
    padded: Expression = Integer(size, f"input {axis}")
    if layer.pad:
        padded = Sum((padded, Product((Integer(2), Integer(layer.pad, "padding")))))
    reach: Expression = Integer(layer.size, "kernel")
    if layer.dilation > 1:
        taps = Difference(Integer(layer.size, "kernel"), Integer(1))
        reach = Sum((Product((Integer(layer.dilation, "dilation"), taps)), Integer(1)))
    room = Difference(padded, reach)
    if room.value < 0:
        raise UsageError(
            f"`{layer.text}` reaches over {reach.value} positions, but the {axis} has only "
            f"{padded.value} with its padding. Make the kernel smaller or the padding larger."
        )
    return Sum((FloorQuotient(room, Integer(layer.stride, "stride")), Integer(1)))


def _window(layer: ChainLayer, shape: Shape) -> tuple[Expression, Expression]:
    _is_map(layer, shape)
    return _side(layer, shape[0], "height"), _side(layer, shape[1], "width")


def _convolution(layer: ChainLayer, shape: Shape) -> Counted:
    sides = _window(layer, shape)
    _check_groups(layer, shape[2])
    after = (sides[0].value, sides[1].value, layer.out)
    return _learned(layer, shape, after, sides, positions=after[:2])


def _transposed(layer: ChainLayer, shape: Shape) -> Counted:
    _is_map(layer, shape)
    _check_groups(layer, shape[2])
    sides = tuple(
        Sum(
            (
                Difference(
                    Product((Difference(Integer(n), Integer(1)), Integer(layer.stride))),
                    Product((Integer(2), Integer(layer.pad))),
                ),
                Integer(layer.dilation * (layer.size - 1) + 1),
            )
        )
        for n in shape[:2]
    )
    after = (sides[0].value, sides[1].value, layer.out)
    if min(after) < 1:
        raise UsageError(f"`{layer.text}` would have a size of {after[0]}x{after[1]}.")
    return _learned(layer, shape, after, sides, positions=shape[:2])


def _check_groups(layer: ChainLayer, channels: int) -> None:
    if channels % layer.groups or layer.out % layer.groups:
        raise UsageError(
            f"`{layer.text}`: {layer.groups} groups divide neither {channels} input nor "
            f"{layer.out} output channels evenly."
        )


def _learned(
    layer: ChainLayer,
    shape: Shape,
    after: Shape,
    sides: tuple[Expression, ...],
    *,
    positions: Shape,
) -> Counted:
    """The counts of a kernel that is used at every one of the `positions`."""
    read = Integer(shape[2] // layer.groups, "input channels")
    kernel = Product((Integer(layer.size), Integer(layer.size), read))
    weights = Product((kernel, Integer(layer.out, "output channels")))
    places = Product(tuple(map(Integer, positions)))
    return Counted(
        layer,
        shape,
        after,
        sides,
        weights,
        Integer(layer.out, "biases") if layer.has_bias else ZERO,
        Product((weights, places)),
        _total(after),
        Product((_total(shape), _total(after))),
    )


def _pooling(layer: ChainLayer, shape: Shape) -> Counted:
    sides = _window(layer, shape)
    if layer.pad * 2 > layer.size:
        raise UsageError(
            f"`{layer.text}`: a padding of {layer.pad} is more than half of the window of "
            f"{layer.size}; some windows would hold nothing but padding."
        )
    after = (sides[0].value, sides[1].value, shape[2])
    return Counted(layer, shape, after, sides, activations=_total(after))


def _linear(layer: ChainLayer, shape: Shape) -> Counted:
    if len(shape) != 1:
        raise UsageError(
            f"`{layer.text}` needs units, but receives a map of "
            f"{'x'.join(map(str, shape))}. Put `flatten` before it."
        )
    weights = Product((Integer(shape[0], "inputs"), Integer(layer.size, "units")))
    biases = Integer(layer.size, "biases") if layer.has_bias else ZERO
    after = (layer.size,)
    return Counted(layer, shape, after, (), weights, biases, weights, _total(after), weights)


def _flatten(layer: ChainLayer, shape: Shape) -> Counted:
    return Counted(layer, shape, (_total(shape).value,), (_total(shape),))


def _same(layer: ChainLayer, shape: Shape) -> Counted:
    return Counted(layer, shape, shape, activations=_total(shape))


_COUNTS = {
    CONVOLUTION: _convolution,
    TRANSPOSED: _transposed,
    POOLING: _pooling,
    LINEAR: _linear,
    FLATTEN: _flatten,
    SAME: _same,
}
