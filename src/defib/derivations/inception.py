"""The Inception module, naive and with dimension reduction: sizes and operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.chain import Counted, count_chain, read_chain
from defib.derivations.comparison import compare
from defib.derivations.reading import sizes
from defib.derivations.shapes import text_of
from defib.derivations.writing import (
    chain,
    decimal,
    equation,
    minus,
    over,
    plus,
    result_chain,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Check, Step
from defib.records.formula import Formula

NAIVE, REDUCED = "Naive", "With dimension reduction"
MOST_CHANNELS = 10_000
"""Of the input: the taps of a unit are counted one by one."""


@final
@dataclass(frozen=True)
class Inception(Problem):
    """Output sizes and convolutional operations of an Inception module, naive and reduced.

    The naive module has 1x1, 3x3 and 5x5 convolutions and a 3x3 pooling side by side; the
    reduced one a 1x1 convolution before the large ones and after the pooling.
    """

    exercises: ClassVar[tuple[str, ...]] = ("C19",)
    references: ClassVar[tuple[str, ...]] = (
        "Szegedy et al., Going Deeper with Convolutions (2015), arXiv:1409.4842.",
    )

    input: str = option("32x32x256", "Height, width and channels.")
    pointwise: int = option(128, "Channels of the 1x1 convolution.")
    three: int = option(192, "Channels of the 3x3 convolution.")
    five: int = option(96, "Channels of the 5x5 convolution.")
    reduce_three: int = option(64, "Channels of the 1x1 convolution before the 3x3.")
    reduce_five: int = option(64, "Channels of the 1x1 convolution before the 5x5.")
    project: int = option(64, "Channels of the 1x1 convolution after the pooling.")

    def solve(self) -> Solution:
        counts = {name: operations(each) for name, each in self.modules.items()}
        steps = [step for name, each in self.modules.items() for step in _module(name, each)]
        steps += _saving(counts)
        return Solution(
            "The Inception module",
            f"On an input of {self.input}: what size comes out, and how many multiply-accumulates "
            "do the convolutions take, without and with dimension reduction?",
            steps,
            {
                "naive channels": Fraction(channels(self.modules[NAIVE])),
                "reduced channels": Fraction(channels(self.modules[REDUCED])),
                "naive operations": Fraction(counts[NAIVE]),
                "reduced operations": Fraction(counts[REDUCED]),
            },
            [_check(self.modules)],
        )

    @cached_property
    def modules(self) -> Mapping[str, tuple[tuple[Counted, ...], ...]]:
        """The branches of both modules with their counts. Raises `UsageError`."""
        if sizes(self.input, "--input", (3,))[2] > MOST_CHANNELS:
            raise UsageError(f"Expected at most {MOST_CHANNELS:,} channels for --input.")
        for name in ("pointwise", "three", "five", "reduce_three", "reduce_five", "project"):
            if getattr(self, name) < 1:
                flag = name.replace("_", "-")
                raise UsageError(f"Expected at least 1 for --{flag}, got {getattr(self, name)}.")
        pool = "maxpool 3 stride 1 pad 1"
        naive = (
            f"conv 1 out {self.pointwise}",
            f"conv 3 out {self.three} pad 1",
            f"conv 5 out {self.five} pad 2",
            pool,
        )
        reduced = (
            f"conv 1 out {self.pointwise}",
            f"conv 1 out {self.reduce_three}, conv 3 out {self.three} pad 1",
            f"conv 1 out {self.reduce_five}, conv 5 out {self.five} pad 2",
            f"{pool}, conv 1 out {self.project}",
        )
        return {
            name: tuple(count_chain(self.input, read_chain(branch)) for branch in branches)
            for name, branches in ((NAIVE, naive), (REDUCED, reduced))
        }


def channels(module: tuple[tuple[Counted, ...], ...]) -> int:
    """Channels of all branches, one after the other."""
    return sum(branch[-1].after[2] for branch in module)


def operations(module: tuple[tuple[Counted, ...], ...]) -> int:
    """Multiply-accumulates of all convolutions."""
    return sum(each.macs.value for branch in module for each in branch)


def _module(name: str, module: tuple[tuple[Counted, ...], ...]) -> Iterator[Step]:
    height, width = module[0][-1].after[:2]
    yield Step(
        "Every branch keeps height and width, so that their channels can be put one after the "
        "other.",
        "; ".join(
            " → ".join([text_of(branch[0].before), *(text_of(each.after) for each in branch)])
            for branch in module
        ),
        (
            result_chain(
                words("channels"),
                plus(*(branch[-1].after[2] for branch in module)),
                channels(module),
            ),
        ),
        name,
    )
    counted = [each for branch in module for each in branch if each.macs.value]
    lines: list[Formula] = [
        equation(words(f"{each.layer.text} on {text_of(each.before)}"), each.macs, each.macs.value)
        for each in counted
    ]
    total = result_chain(
        words("operations"), plus(*(each.macs.value for each in counted)), operations(module)
    )
    yield Step(
        f"The output is {height}x{width}x{channels(module)}. Multiply-accumulates of each "
        "convolution, and their sum.",
        "the weights of a kernel for all channels, once for every output position",
        (*lines, total),
        name,
    )


def _saving(counts: Mapping[str, int]) -> Iterator[Step]:
    naive, reduced = counts[NAIVE], counts[REDUCED]
    share = Fraction(naive - reduced, naive)
    yield Step(
        "What the reduction saves.",
        "the dear convolutions read fewer channels",
        (
            result_chain(words("saved"), minus(naive, reduced), naive - reduced),
            chain(words("share saved"), "=", over(naive - reduced, naive), "≈", decimal(share, 4)),
            chain(
                words("factor"),
                "=",
                over(naive, reduced),
                "≈",
                decimal(Fraction(naive, reduced), 3),
            ),
        ),
        "The saving",
    )


def _check(modules: Mapping[str, tuple[tuple[Counted, ...], ...]]) -> Check:
    """Each convolution's operations from one output position, counted tap by tap."""
    pairs = []
    for module in modules.values():
        for each in (each for branch in module for each in branch if each.macs.value):
            side = range(each.layer.size)
            of_one = sum(1 for _ in product(side, side, range(each.before[2])))
            positions = each.after[0] * each.after[1] * each.after[2]
            pairs.append((Fraction(each.macs.value), Fraction(of_one * positions)))
    return compare("brute force", "operations of one output number, tap by tap, times all", pairs)
