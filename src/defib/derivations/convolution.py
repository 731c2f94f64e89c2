"""The gradients of a convolution: of one input pixel, of a weight, of the whole input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.reading import at_least, pair, sizes
from defib.derivations.sliding import Place, Sliding, full_correlation, places
from defib.derivations.writing import (
    call,
    chain,
    equation,
    group,
    minus,
    over,
    partial,
    plus,
    series,
    times,
    words,
    written,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step
from defib.records.formula import Formula, Symbol

MOST_PRODUCTS = 40_000
"""Pixels times weights of a kernel: each pair is looked at, which takes a second."""
MOST_TERMS = 60
"""Of a sum that is written out."""


@final
@dataclass(frozen=True)
class Names:
    """How pixels, outputs and weights are written; indices are counted from `base`.

    A single channel has no index. Of several input channels the first stands for all.
    """

    base: int
    has_channels: bool
    has_outputs: bool

    def place(self, place: Place) -> str:
        """`1,2`."""
        return ",".join(str(each + self.base) for each in place)

    def pixel(self, place: Place) -> Symbol:
        return self._indexed("X", place, *([0] if self.has_channels else []))

    def output(self, name: str, place: Place, channel: int) -> Symbol:
        return self._indexed(name, place, *([channel] if self.has_outputs else []))

    def weight(self, tap: Place, channel: int) -> Symbol:
        both = [channel] if self.has_outputs else []
        return self._indexed("W", tap, *both, *([0] if self.has_channels else []))

    def _indexed(self, name: str, place: Place, *channels: int) -> Symbol:
        parts = (*(str(c + self.base) for c in channels), *self.place(place).split(","))
        return Symbol(name, parts, is_bracketed=True)


@final
@dataclass(frozen=True)
class Convolution(Problem):
    """The gradient of a convolution by one input pixel, by a weight, and by the whole input.

    As in deep learning, the kernel is not flipped: Y[i,j] = Σ W[a,b]·X[...]. dY stands for the
    derivative of the loss by the output.
    """

    exercises: ClassVar[tuple[str, ...]] = ("B12",)
    references: ClassVar[tuple[str, ...]] = (
        "Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), "
        "arXiv:1603.07285.",
    )

    input: str = option("16x16", "Height and width of the image, or channels in front: `3x16x16`.")
    kernel: str = option("3", "Size of the kernel: `3`, or height and width `3x5`.")
    padding: str = option("0", "Zeros around the image.")
    stride: str = option("1", "Pixels from one window to the next.")
    dilation: str = option("1", "Pixels from one tap of the kernel to the next.")
    out: int = option(1, "Output channels.")
    at: str = option("1,2", "The pixel whose gradient is asked for: row, column.")
    weight: str = option("", "The weight whose gradient is asked for: row, column.")
    from_zero: bool = option(False, "Count rows, columns and channels from 0, not from 1.")

    def solve(self) -> Solution:
        sliding = self.sliding
        steps = [
            self._definition(),
            *self._pixel(),
            self._weight(),
            _whole_input(sliding),
            _recipe(sliding),
        ]
        return Solution(
            "The gradients of a convolution",
            f"An image of {_size(sliding.image)}, a kernel of {_size(sliding.kernel)}: what is the "
            f"gradient by X[{self.names.place(self.pixel)}], by a weight, and by the whole input?",
            steps,
            {
                "output": _size(sliding.output),
                "terms": Fraction(len(sliding.taps_of(self.pixel)) * self.out),
            },
            _brute_force(sliding),
        )

    @cached_property
    def sliding(self) -> Sliding:
        """The sizes that were asked for. Raises `UsageError` where they do not fit."""
        *_, height, width = sizes(self.input, "--input", (2, 3))
        at_least(self.out, 1, "--out")
        sliding = Sliding(
            (height, width),
            pair(self.kernel, "--kernel", least=1),
            pair(self.stride, "--stride", least=1),
            pair(self.padding, "--padding"),
            pair(self.dilation, "--dilation", least=1),
        )
        if min(sliding.output) < 1:
            wide = [d * (k - 1) + 1 for d, k in zip(sliding.dilation, sliding.kernel, strict=True)]
            raise UsageError(
                f"The kernel reaches over {_size((wide[0], wide[1]))} pixels, the padded image has "
                f"only {_size(_padded(sliding))}: no window fits. Make the kernel smaller or the "
                "padding larger."
            )
        products = prod(sliding.image) * prod(sliding.kernel)
        if products > MOST_PRODUCTS:
            raise UsageError(
                f"An image of {_size(sliding.image)} and a kernel of {_size(sliding.kernel)} have "
                f"{products:,} pairs of pixel and weight; at most {MOST_PRODUCTS:,} are worked "
                "out. A smaller image shows the same."
            )
        return sliding

    @property
    def channels(self) -> int:
        """Input channels."""
        parts = sizes(self.input, "--input", (2, 3))
        return parts[0] if len(parts) == 3 else 1

    @property
    def base(self) -> int:
        """The first index."""
        return 0 if self.from_zero else 1

    @cached_property
    def pixel(self) -> Place:
        """The pixel that was asked for, from 0."""
        return self._place(self.at, "--at", self.sliding.image)

    @cached_property
    def tap(self) -> Place:
        """The weight that was asked for, from 0; the first where none was."""
        return self._place(self.weight, "--weight", self.sliding.kernel) if self.weight else (0, 0)

    def _place(self, text: str, name: str, limits: Place) -> Place:
        row, column = (each - self.base for each in pair(text, name))
        if not (0 <= row < limits[0] and 0 <= column < limits[1]):
            last = [limit - 1 + self.base for limit in limits]
            raise UsageError(
                f"`{name} {text}` is outside: rows go from {self.base} to {last[0]}, columns from "
                f"{self.base} to {last[1]}."
            )
        return row, column

    @cached_property
    def names(self) -> Names:
        """How pixels, outputs and weights are written."""
        return Names(self.base, has_channels=self.channels > 1, has_outputs=self.out > 1)

    def _definition(self) -> Step:
        sliding = self.sliding
        names = "height", "width"
        sizes_written = tuple(
            equation(
                words(f"output {name}"),
                plus(
                    _written_floor(n, p, d, k, s),
                    1,
                ),
                written(o),
            )
            for name, n, p, d, k, s, o in zip(
                names,
                sliding.image,
                sliding.padding,
                sliding.dilation,
                sliding.kernel,
                sliding.stride,
                sliding.output,
                strict=True,
            )
        )
        first = [
            times(self.names.weight(tap, 0), self.names.pixel(pixel))
            for tap in places(sliding.kernel)
            if sliding.is_inside(pixel := sliding.read((0, 0), tap))
        ]
        corner = equation(
            self.names.output("Y", (0, 0), 0),
            _shortened(first, "and so on for each channel" if self.channels > 1 else ""),
        )
        return Step(
            "The output, and its first number.",
            "what falls on the padding is zero and is left out",
            (*sizes_written, corner),
            "The convolution",
        )

    def _pixel(self) -> Iterator[Step]:
        sliding, pixel = self.sliding, self.pixel
        taps = sliding.taps_of(pixel)
        x = self.names.pixel(pixel)
        part = f"The gradient by X[{self.names.place(pixel)}]"
        place = "in each channel alike" if self.channels > 1 else "of the image"
        reads = tuple(
            equation(
                self.names.output("Y", output, 0),
                plus(words("…"), times(self.names.weight(tap, 0), x), words("…")),
            )
            for output, tap in taps
        )
        yield Step(
            f"The outputs that read this pixel {place}.",
            "output [i,j] reads pixel [i·s + a·d − p, j·s + b·d − p] through weight [a,b], all "
            "counted from 0",
            reads,
            part,
        )
        terms = [
            times(self.names.output("dY", output, channel), self.names.weight(tap, channel))
            for channel in range(self.out)
            for output, tap in taps
        ]
        sum_written = plus(*terms) if terms else written(0)
        if len(terms) > MOST_TERMS:
            sum_written = _shortened(terms, "")
        yield Step(
            "The gradient: every such output sends back its own gradient times that weight.",
            "the chain rule; outputs that do not read the pixel send nothing",
            (chain(partial("L", x), "=", sum_written),),
            part,
        )

    def _weight(self) -> Step:
        sliding, tap = self.sliding, self.tap
        terms = [
            times(self.names.output("dY", output, 0), self.names.pixel(pixel))
            for output in places(sliding.output)
            if sliding.is_inside(pixel := sliding.read(output, tap))
        ]
        return Step(
            f"The gradient by W[{self.names.place(tap)}]: every output that the weight made, times "
            "the pixel that it read.",
            f"the weight is shared: its gradient is a sum over {len(terms)} of the "
            f"{sliding.output[0] * sliding.output[1]} outputs; the others read padding",
            (chain(partial("L", self.names.weight(tap, 0)), "=", _shortened(terms, "")),),
            "The gradient by a weight",
        )


def _whole_input(sliding: Sliding) -> Step:
    part = "The gradient by the whole input"
    reason = (
        "put i = i' + a − p and solve for the output that reads the pixel; the sign of a turns "
        "round, which flips the kernel in both directions"
    )
    index = words("a, b")
    inside = times(
        Symbol("dY", ("i + p − a", "j + p − b"), is_bracketed=True),
        Symbol("W", ("a", "b"), is_bracketed=True),
    )
    if sliding.stride != (1, 1) or sliding.dilation != (1, 1):
        inside = times(
            Symbol("dY", ("(i + p − a·d)/s", "(j + p − b·d)/s"), is_bracketed=True),
            Symbol("W", ("a", "b"), is_bracketed=True),
        )
        reason += "; only places that the stride divides count, the others are zeros between"
    return Step(
        "The gradient of the input is the full correlation of dY with the flipped kernel.",
        reason,
        (
            chain(
                partial("L", Symbol("X", ("i", "j"), is_bracketed=True)),
                "=",
                series("Σ", index, None, inside),
            ),
        ),
        part,
    )


def _recipe(sliding: Sliding) -> Step:
    spread = [(o - 1) * s + 1 for o, s in zip(sliding.output, sliding.stride, strict=True)]
    border = [d * (k - 1) for d, k in zip(sliding.dilation, sliding.kernel, strict=True)]
    return Step(
        "As a recipe.",
        f"spread dY over {_size((spread[0], spread[1]))} places, with "
        f"{sliding.stride[0] - 1} zeros between neighbours; put "
        f"{border[0]} zeros around it; slide the flipped kernel over it with stride 1; cut off "
        f"the padding of {sliding.padding[0]}. This is a transposed convolution.",
        part="The gradient by the whole input",
    )


def _brute_force(sliding: Sliding) -> Iterator[Check]:
    """Brute force over all outputs and weights, against the two formulas, in whole numbers."""
    upstream = {o: 1 + 7 * n % 11 for n, o in enumerate(places(sliding.output))}
    weights = {t: 1 + 5 * n % 7 for n, t in enumerate(places(sliding.kernel))}
    forced = dict.fromkeys(places(sliding.image), 0)
    for (output, dy), (tap, w) in product(upstream.items(), weights.items()):
        pixel = sliding.read(output, tap)
        if sliding.is_inside(pixel):
            forced[pixel] += dy * w
    gathered = {x: sum(upstream[o] * weights[t] for o, t in sliding.taps_of(x)) for x in forced}
    correlated = full_correlation(sliding, upstream, weights)
    for name, found in (
        ("the sum for each pixel", gathered),
        ("the full correlation with the flipped kernel", correlated),
    ):
        yield compare(
            "brute force",
            f"{name}, for every pixel",
            [(Fraction(forced[x]), Fraction(found[x])) for x in forced],
        )


def _written_floor(n: int, p: int, d: int, k: int, s: int) -> Formula:
    """(n + 2p − d(k − 1) − 1)/s rounded down, as it is written out."""
    inside = minus(plus(n, times(2, p)), plus(times(d, group(minus(k, 1))), 1))
    if s == 1:
        return group(inside)
    quotient = over(inside, s)
    return quotient if (n + 2 * p - d * (k - 1) - 1) % s == 0 else call("floor", quotient)


def _shortened(terms: list[Formula], last: str) -> Formula:
    """The sum of all terms, or of the first and last few."""
    ending = [words(last)] if last else []
    if len(terms) > 16:
        return plus(*terms[:8], words("…"), *terms[-3:], *ending)
    return plus(*terms, *ending) if terms else written(0)


def _padded(sliding: Sliding) -> Place:
    first, last = (n + 2 * p for n, p in zip(sliding.image, sliding.padding, strict=True))
    return first, last


def _size(place: Place) -> str:
    return f"{place[0]}x{place[1]}"
