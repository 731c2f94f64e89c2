"""Weights, biases, activations and multiply-accumulates of a chain, every count written out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import ClassVar, final

from defib.derivations.base import Problem, Solution, option
from defib.derivations.chain import CONVOLUTION, LINEAR, Counted, count_chain, read_chain
from defib.derivations.chain_examples import CHAINS, chain_of
from defib.derivations.comparison import compare
from defib.derivations.shapes import text_of
from defib.derivations.writing import (
    chain,
    decimal,
    equation,
    group,
    over,
    plus,
    result_chain,
    times,
    words,
)
from defib.errors import UsageError
from defib.records.derivation import Cell, Check, Result, Step, Table
from defib.records.expression import Expression
from defib.records.formula import Formula

MOST_TAPS = 1_000_000
"""Weights of a unit that are counted one by one."""


@final
@dataclass(frozen=True)
class Parameters(Problem):
    """Weights, biases and activations of every layer of a chain, with the arithmetic, and totals.

    Layers are written as for `defib derive shapes`.
    """

    exercises: ClassVar[tuple[str, ...]] = ("A5", "C16", "C17", "E6")

    input: str = option("", "Height, width and channels, `32x32x3`; or a number of units.")
    layers: str = option("", "The layers.")
    example: str = option("", f"A chain with a name: {', '.join(CHAINS)}.")
    dense: bool = option(False, "Also the fully connected network between the same activations.")

    def solve(self) -> Solution:
        learned = self.learned
        totals = self.totals()
        steps = [_rule(), *(_step(each) for each in learned), *_totals(learned, totals)]
        steps.append(_memory(self.counted, totals))
        if self.dense:
            steps += _dense(learned, totals)
        results: dict[str, Result] = {name: Fraction(value) for name, value in totals.items()}
        for number, each in enumerate(learned, start=1):
            results[f"{number} {each.layer.text}"] = Fraction(each.weights.value)
        return Solution(
            "Parameters, layer by layer",
            f"An input of {text_of(self.counted[0].before)}: how many weights and biases has each "
            "layer, and how many activations are to be kept?",
            steps,
            results,
            _checks(learned),
        )

    @cached_property
    def counted(self) -> tuple[Counted, ...]:
        """Every layer with its counts. Raises `UsageError` where a layer does not fit."""
        size, layers = chain_of(self.example, self.input, self.layers)
        return count_chain(size, read_chain(layers))

    @property
    def learned(self) -> tuple[Counted, ...]:
        """The layers that have weights. Raises `UsageError` if there is none."""
        found = tuple(each for each in self.counted if each.weights.value)
        if not found:
            raise UsageError("None of these layers has weights: nothing is to be counted.")
        return found

    def totals(self) -> dict[str, int]:
        """Sums over all layers, by name."""
        sums = {
            name: sum(getattr(each, field).value for each in self.counted)
            for name, field in (
                ("weights", "weights"),
                ("biases", "biases"),
                ("multiply-accumulates", "macs"),
                ("dense weights", "dense"),
            )
        }
        shape_activations = [each.activations.value for each in self.counted if not _is_alike(each)]
        return {
            **sums,
            "parameters": sums["weights"] + sums["biases"],
            "activations": sum(shape_activations),
        }


def _is_alike(each: Counted) -> bool:
    """Whether a layer only changes numbers in their place: no new map is counted for it."""
    return each.layer.kind in ("same size", "flatten")


def _rule() -> Step:
    return Step(
        "A unit of a convolution has a weight for every number in its window, and a unit of a "
        "linear layer one for every input. Each has one bias.",
        "the weights of a map are shared by all its positions",
        (
            equation(
                words("weights"),
                times(
                    group(times(words("height"), words("width"), words("input channels"))),
                    words("output channels"),
                ),
            ),
            equation(words("weights of a linear layer"), times(words("inputs"), words("units"))),
        ),
        "The rule",
    )


def _equal(name: str, count: Expression) -> Formula:
    return equation(words(name), count, count.value)


def _step(each: Counted) -> Step:
    formulas = [_equal("weights", each.weights)]
    if each.biases.value:
        formulas.append(_equal("biases", each.biases))
    formulas.append(_equal("activations", each.activations))
    formulas.append(_equal("multiply-accumulates", each.macs))
    title = f"`{each.layer.text}`: {text_of(each.before)} → {text_of(each.after)}"
    return Step(title, "", tuple(formulas), "The layers")


def _totals(learned: tuple[Counted, ...], totals: dict[str, int]) -> list[Step]:
    part = "The totals"
    rows: list[tuple[Cell, ...]] = [
        (
            each.layer.text,
            text_of(each.after),
            equation(each.weights, each.weights.value),
            f"{each.biases.value:,}",
        )
        for each in learned
    ]
    rows.append(("all", "", f"{totals['weights']:,}", f"{totals['biases']:,}"))
    formulas = [
        result_chain(
            words("weights"), plus(*(each.weights.value for each in learned)), totals["weights"]
        )
    ]
    if totals["biases"]:
        formulas.append(
            result_chain(
                words("parameters"),
                plus(totals["weights"], totals["biases"]),
                totals["parameters"],
            )
        )
    return [
        Step(
            "Layer by layer.",
            part=part,
            table=Table(("layer", "output", "weights", "biases"), tuple(rows)),
        ),
        Step("The sum.", "", tuple(formulas), part),
    ]


def _memory(counted: tuple[Counted, ...], totals: dict[str, int]) -> Step:
    kept = [each for each in counted if not _is_alike(each)]
    rows = tuple(
        (each.layer.text, equation(each.activations, each.activations.value)) for each in kept
    )
    return Step(
        "Activations: the numbers that each layer puts out.",
        "activation functions change numbers in place and are not counted again",
        (
            result_chain(
                words("activations"),
                plus(*(each.activations.value for each in kept)),
                totals["activations"],
            ),
            result_chain(
                words("bytes in single precision"),
                times(4, totals["activations"]),
                4 * totals["activations"],
            ),
        ),
        "The activations",
        Table(("layer", "activations"), rows),
    )


def _dense(learned: tuple[Counted, ...], totals: dict[str, int]) -> list[Step]:
    part = "The fully connected network between the same activations"
    return [
        Step(
            "Every number before a layer is connected with every number after it.",
            "nothing is shared, nothing is local",
            tuple(
                equation(words(each.layer.text), each.dense, each.dense.value) for each in learned
            ),
            part,
        ),
        Step(
            "The sum, and how many times more that is.",
            "",
            (
                result_chain(
                    words("dense weights"),
                    plus(*(each.dense.value for each in learned)),
                    totals["dense weights"],
                ),
                chain(
                    words("ratio"),
                    "=",
                    over(totals["dense weights"], totals["weights"]),
                    "≈",
                    decimal(Fraction(totals["dense weights"], totals["weights"]), 1),
                ),
            ),
            part,
        ),
    ]


def _checks(learned: tuple[Counted, ...]) -> list[Check]:
    """Weights counted one by one in the largest layer that is small enough, and by groups."""
    pairs = []
    for each in learned:
        layer = each.layer
        if layer.kind == LINEAR or layer.kind == CONVOLUTION:
            read = each.before[-1] // layer.groups
            side = layer.size if layer.kind == CONVOLUTION else 1
            units = layer.out or layer.size
            if side * side * read > MOST_TAPS:
                continue
            per_unit = sum(1 for _ in product(range(side), range(side), range(read)))
            pairs.append((Fraction(each.weights.value), Fraction(per_unit * units)))
    check = compare("brute force", "the weights of a unit, one by one, times the units", pairs)
    return [check] if pairs else []
