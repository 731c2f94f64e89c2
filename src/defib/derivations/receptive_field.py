"""What a stack of convolutions sees: proof by induction, then numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, final

from defib.derivations.algebra import sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.chain import CONVOLUTION, POOLING, SAME, ChainLayer, read_chain
from defib.derivations.comparison import compare
from defib.derivations.reading import at_least
from defib.derivations.spelling import spelled
from defib.derivations.writing import (
    chain,
    decimal,
    equation,
    group,
    minus,
    over,
    plus,
    power,
    result_chain,
    times,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Cell, Check, Step, Table

LARGEST_FIELD = 2_000
"""Positions along an axis: each is followed back through all layers, which takes a second."""


@final
@dataclass(frozen=True)
class ReceptiveField(Problem):
    """What N stacked F x F convolutions see: (NF − N + 1)², by induction, then with numbers.

    With --layers, for any chain of convolutions and poolings, by the recurrence of field and
    stride. Layers are written as for `defib derive shapes`.
    """

    exercises: ClassVar[tuple[str, ...]] = ("C18",)
    references: ClassVar[tuple[str, ...]] = (
        "Araujo, Norris, Sim, Computing Receptive Fields of Convolutional Neural Networks (2019), "
        "Distill.",
    )

    count: int = option(3, "Number of convolutions, N.")
    kernel: int = option(5, "Side of each kernel, F.")
    layers: str = option("", "A chain of layers instead.")

    def solve(self) -> Solution:
        fields = [field for field, _ in self.fields]
        steps = [] if self.layers else [*_proof(), *self._numbers()]
        steps.append(self._table())
        stack = (
            "the chain"
            if self.layers
            else f"{self.count} stacked {self.kernel}x{self.kernel} convolutions"
        )
        return Solution(
            "Receptive field",
            f"How much of the input does one output position of {stack} see?",
            steps,
            {
                "receptive field": Fraction(fields[-1]),
                "positions": Fraction(fields[-1] ** 2),
                "stride": Fraction(self.fields[-1][1]),
            },
            [self._check()],
        )

    @cached_property
    def chain(self) -> tuple[ChainLayer, ...]:
        """The layers. Raises `UsageError` for one that has no window."""
        if not self.layers:
            at_least(self.count, 1, "--count")
            at_least(self.kernel, 1, "--kernel")
            _check_field(self.count * (self.kernel - 1) + 1)
            if self.count > LARGEST_FIELD:
                raise UsageError(f"Expected at most {LARGEST_FIELD:,} for --count.")
            return (ChainLayer("conv", "conv", self.kernel, 1),) * self.count
        layers = read_chain(self.layers)
        for layer in layers:
            if layer.kind not in (CONVOLUTION, POOLING, SAME):
                raise UsageError(
                    f"`{layer.text}` has no window that slides: after it a position sees the whole "
                    "input, or another grid. Leave it out."
                )
        return layers

    @cached_property
    def fields(self) -> tuple[tuple[int, int], ...]:
        """Size of the field and stride, before the first layer and after each."""
        found = [(1, 1)]
        for layer in self.chain:
            field, jump = found[-1]
            if layer.kind != SAME:
                field, jump = (
                    field + layer.dilation * (layer.size - 1) * jump,
                    jump * layer.stride,
                )
            _check_field(field)
            found.append((field, jump))
        return tuple(found)

    def _numbers(self) -> Iterator[Step]:
        n, f, part = self.count, self.kernel, "With numbers"
        side = n * f - n + 1
        yield Step(
            f"{n} convolutions of {f}x{f}.",
            "both axes alike",
            (
                result_chain("r", plus(minus(times(n, f), n), 1), side),
                result_chain(words("positions"), power(side, 2), side**2),
            ),
            part,
        )
        yield Step(
            "One convolution that sees as much needs more weights.",
            "for each pair of channels; the stack also has a non-linearity between its layers",
            (
                result_chain(words("stack"), times(n, power(f, 2)), n * f**2),
                result_chain(words("one convolution"), power(side, 2), side**2),
                chain(
                    words("ratio"),
                    "=",
                    over(side**2, n * f**2),
                    "≈",
                    decimal(Fraction(side**2, n * f**2), 3),
                ),
            ),
            part,
        )

    def _table(self) -> Step:
        rows: list[tuple[Cell, ...]] = []
        before = self.fields[0]
        for number, (layer, (field, jump)) in enumerate(
            zip(self.chain, self.fields[1:], strict=True), start=1
        ):
            reach = times(times(layer.dilation, group(minus(layer.size, 1))), before[1])
            if layer.dilation == 1:
                reach = times(group(minus(layer.size, 1)), before[1])
            work = equation(plus(before[0], reach), field)
            if layer.kind == SAME:
                work = equation(field)
            text = layer.text if self.layers else f"conv {layer.size}"
            rows.append((str(number), text, work, equation(times(before[1], layer.stride), jump)))
            before = (field, jump)
        return Step(
            "Layer by layer: r grows by (k − 1)·j, the distance j between neighbouring fields "
            "grows by the factor of the stride.",
            "k is the kernel, or d·(k − 1) + 1 with dilation d; r and j begin at 1",
            part="The recurrence",
            table=Table(("", "layer", "field r", "stride j"), tuple(rows)),
        )

    def _check(self) -> Check:
        """The positions that one output depends on, followed back one by one."""
        positions = {0}
        for layer in reversed(self.chain):
            if layer.kind != SAME:
                taps = [layer.dilation * tap for tap in range(layer.size)]
                positions = {p * layer.stride + tap for p in positions for tap in taps}
        span = max(positions) - min(positions) + 1
        return compare(
            "brute force",
            "the span of the input positions that reach one output, followed back layer by layer",
            [(Fraction(self.fields[-1][0]), Fraction(span))],
        )


def _check_field(size: int) -> None:
    if size > LARGEST_FIELD:
        raise UsageError(
            f"The field would have {size:,} positions along an axis; at most {LARGEST_FIELD:,} are "
            "followed back. Take fewer layers, or smaller kernels and strides."
        )


def _proof() -> Iterator[Step]:
    part = "Proof by induction over N"
    n, f = sympy.symbols("N F")
    claim = n * f - n + 1
    base = claim.subs(n, 1)
    step = sympy.expand(claim + f - 1 - claim.subs(n, n + 1))
    yield Step(
        "Claim: a position after N layers sees r_N positions along each axis.",
        "F x F kernels, stride 1",
        (chain("r_N", "=", spelled("N*F - N + 1")),),
        part,
    )
    yield Step(
        "Begin with one layer: a position sees the F positions of its kernel.",
        "the formula at N = 1",
        (equation("r_1", spelled("1*F - 1 + 1"), base),),
        part,
    )
    yield Step(
        "From N to N + 1: a position of the next layer reads F neighbours of layer N, each of "
        "which sees r_N positions, one further on than its neighbour.",
        "the first sees r_N, each of the other F − 1 adds one new position at the end",
        (
            equation("r_N+1", spelled("r + F - 1", r="r_N"), spelled("N*F - N + 1 + F - 1")),
            chain(spelled("N*F - N + 1 + F - 1"), "=", spelled("(N + 1)*F - (N + 1) + 1")),
        ),
        part,
    )
    yield Step(
        "Both sides are the same: SymPy expands their difference.",
        "which proves the claim for every N",
        (equation(words("left side minus right side"), step),),
        part,
    )
