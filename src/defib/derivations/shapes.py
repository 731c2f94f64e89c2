"""The output size of every layer of a chain, with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.chain import Counted, Shape, count_chain, read_chain
from defib.derivations.chain_examples import CHAINS, chain_of
from defib.derivations.comparison import compare
from defib.derivations.spelling import spelled
from defib.derivations.writing import call, equation, over, plus, words, written
from defib.records.derivation import Check, Result, Step, Table
from defib.records.formula import Formula


@final
@dataclass(frozen=True)
class Shapes(Problem):
    """The output size of every layer of a chain of layers, each with its arithmetic.

    \b
    Layers, with commas between them:
        conv K out C [pad P] [stride S] [dilation D] [groups G] [no-bias]
        upconv K out C ...   maxpool K [stride S] [pad P]   avgpool K ...
        linear N   flatten   relu   leaky-relu   tanh   sigmoid   softmax   dropout   lrn
    """

    exercises: ClassVar[tuple[str, ...]] = ("A4", "B9", "E6")
    references: ClassVar[tuple[str, ...]] = (
        "Dumoulin, Visin, A guide to convolution arithmetic for deep learning (2016), "
        "arXiv:1603.07285.",
    )

    input: str = option("", "Height, width and channels, `9x9x1`; or a number of units.")
    layers: str = option("", "The layers.")
    example: str = option("", f"A chain with a name: {', '.join(CHAINS)}.")

    def solve(self) -> Solution:
        counted = self.counted
        results: dict[str, Result] = {
            f"{number} {each.layer.text}": text_of(each.after)
            for number, each in enumerate(counted, start=1)
        }
        return Solution(
            "Output sizes, layer by layer",
            f"An input of {text_of(counted[0].before)} (height, width, channels): what size is it "
            "after each layer?",
            [_rule(), *(_step(each) for each in counted), _table(counted)],
            results,
            [check for check in (_check(counted),) if check.compared],
        )

    @cached_property
    def counted(self) -> tuple[Counted, ...]:
        """Every layer with its sizes. Raises `UsageError` where a layer does not fit."""
        size, layers = chain_of(self.example, self.input, self.layers)
        return count_chain(size, read_chain(layers))


def text_of(shape: Shape) -> str:
    """`9x9x10`, or a number of units."""
    return "x".join(map(str, shape))


def _rule() -> Step:
    return Step(
        "How many windows fit: the first at the edge, one more for every whole stride of room.",
        "n is the size of the input, k of the kernel, p the padding at each end, s the stride, d "
        "the dilation, by which a kernel reaches over d·(k − 1) + 1 positions",
        (
            equation(words("output"), plus(call("floor", over(spelled("n + 2*p - k"), "s")), 1)),
            equation(
                words("output with dilation"),
                plus(call("floor", over(spelled("n + 2*p - d*(k - 1) - 1"), "s")), 1),
            ),
        ),
        "The rule",
    )


def _step(counted: Counted) -> Step:
    part = "The layers"
    size = f"{text_of(counted.before)} → {text_of(counted.after)}"
    if not counted.sides:
        kept = len(counted.before) == len(counted.after) and counted.before == counted.after
        reason = "number by number: the size stays" if kept else ""
        formulas: tuple[Formula, ...] = ()
    elif len(counted.sides) == 1:
        reason = "all numbers in a row"
        formulas = (equation(words("units"), counted.sides[0], counted.sides[0].value),)
    else:
        reason = ""
        names = ("height", "width")
        lines = [
            equation(words(name), side, side.value)
            for name, side in zip(names, counted.sides, strict=True)
        ]
        alike = written(counted.sides[0]) == written(counted.sides[1])
        both = equation(words("height and width"), counted.sides[0], counted.sides[0].value)
        formulas = (both,) if alike else tuple(lines)
    return Step(f"`{counted.layer.text}`: {size}", reason, formulas, part)


def _table(counted: tuple[Counted, ...]) -> Step:
    rows = tuple((each.layer.text, text_of(each.before), text_of(each.after)) for each in counted)
    table = Table(("layer", "input", "output"), rows)
    return Step("All sizes.", "", (), "The answer", table)


def _check(counted: tuple[Counted, ...]) -> Check:
    """Windows counted by sliding them, one position at a time."""
    pairs = []
    for each, axis in product(counted, (0, 1)):
        if each.layer.word in ("conv", "maxpool", "avgpool"):
            layer = each.layer
            last = each.before[axis] + layer.pad - layer.dilation * (layer.size - 1)
            slid = len(range(-layer.pad, last, layer.stride))
            pairs.append((Fraction(each.after[axis]), Fraction(slid)))
    return compare("brute force", "every size, by sliding the window along", pairs)
