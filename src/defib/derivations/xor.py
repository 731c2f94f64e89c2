"""AND, OR and XOR by ReLU networks: the smallest, found by search and verified exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations_with_replacement, product
from typing import ClassVar, final

from defib.derivations.algebra import sympy
from defib.derivations.base import Problem, Solution, option
from defib.derivations.comparison import compare
from defib.derivations.writing import (
    call,
    chain,
    equation,
    plus,
    symbol,
    words,
    written,
)
from defib.errors import UsageError
from defib.records.derivation import Cell, Check, Step, Table
from defib.records.formula import Formula

Point = tuple[int, int]
Unit = tuple[int, int, int]
"""Two weights and a bias."""
Hidden = tuple[tuple[Unit, ...], tuple[int, ...], int]
"""Hidden units, output weights, output bias."""
POINTS: tuple[Point, ...] = ((0, 0), (0, 1), (1, 0), (1, 1))
TABLES: Mapping[str, tuple[int, ...]] = {
    "AND": (0, 0, 0, 1),
    "OR": (0, 1, 1, 1),
    "XOR": (0, 1, 1, 0),
}
LARGEST = 2
"""Of the numbers that are searched: beyond it the search takes many seconds."""


@final
@dataclass(frozen=True)
class Xor(Problem):
    """ReLU networks for AND, OR and XOR: the fewest layers and units, by exhaustive search.

    A network answers true by at least 1 and false by 0; its output is a ReLU as well.
    """

    exercises: ClassVar[tuple[str, ...]] = ("E3",)

    largest: int = option(
        2, f"Weights and biases are searched from −this to this, at most {LARGEST}."
    )

    def solve(self) -> Solution:
        if not 1 <= self.largest <= LARGEST:
            raise UsageError(f"Expected --largest from 1 to {LARGEST}, got {self.largest}.")
        steps = [*self._singles(), *_impossible(), *self._hidden()]
        results = {f"{name}, one layer": Fraction(len(self.single_layer(name))) for name in TABLES}
        results |= {
            f"XOR, {count} hidden": Fraction(len(found)) for count, found in self.searched.items()
        }
        return Solution(
            "AND, OR and XOR with ReLUs",
            "Which weights make a ReLU network compute AND, OR and XOR, and how many layers does "
            "XOR need?",
            steps,
            results,
            self._checks(),
        )

    @property
    def range(self) -> range:
        """The numbers that are searched."""
        return range(-self.largest, self.largest + 1)

    def units(self) -> Iterator[Unit]:
        """Every unit whose numbers are in the range."""
        return product(self.range, self.range, self.range)

    def single_layer(self, name: str) -> tuple[Unit, ...]:
        """Every single ReLU that computes a table, the smallest weights first."""
        found = [
            unit
            for unit in self.units()
            if _answers([_relu(unit, point) for point in POINTS], name)
        ]
        return tuple(sorted(found, key=_size))

    @cached_property
    def searched(self) -> Mapping[int, tuple[Hidden, ...]]:
        """Every network with one hidden layer that computes XOR, by the number of its units."""
        return {count: self._with_hidden(count) for count in (1, 2)}

    def _with_hidden(self, count: int) -> tuple[Hidden, ...]:
        # Units that give the same four numbers are the same: the smallest stands for all.
        patterns: dict[tuple[int, ...], Unit] = {}
        for unit in sorted(self.units(), key=_size):
            patterns.setdefault(tuple(_relu(unit, point) for point in POINTS), unit)
        found = []
        for units in combinations_with_replacement(patterns.items(), count):
            for weights in product(self.range, repeat=count):
                sums = [
                    sum(w * pattern[i] for w, (pattern, _) in zip(weights, units, strict=True))
                    for i in range(len(POINTS))
                ]
                hidden = tuple(unit for _, unit in units)
                found += [(hidden, weights, bias) for bias in self._biases(sums)]
        return tuple(sorted(found, key=_network_size))

    def _biases(self, sums: list[int]) -> range:
        """Output biases that bring the false points to 0 or below and the true ones to 1."""
        false, true = (
            [each for each, wanted in zip(sums, TABLES["XOR"], strict=True) if wanted == kind]
            for kind in (0, 1)
        )
        return range(max(1 - min(true), -self.largest), min(-max(false), self.largest) + 1)

    def _singles(self) -> Iterator[Step]:
        part = "One layer"
        for name in TABLES:
            found = self.single_layer(name)
            count = equation(words(f"ReLUs that compute {name}"), len(found))
            tried = len(self.range) ** 3
            if not found:
                yield Step(f"{name}: none of {tried} ReLUs does it.", "", (count,), part)
                continue
            unit = found[0]
            yield Step(
                f"{name}: of {tried} ReLUs, the one with the smallest weights.",
                "",
                (count, chain("y", "=", _written_unit(unit))),
                part,
                _truth(name, [_relu(unit, point) for point in POINTS]),
            )

    def _hidden(self) -> Iterator[Step]:
        part = "One hidden layer"
        for count, found in self.searched.items():
            units = f"{count} hidden ReLU{'s' if count > 1 else ''}"
            line = equation(words(f"different networks with {units}"), len(found))
            if not found:
                yield Step(
                    f"{units}: none.",
                    "the output rises or falls along one direction only, but must be low, high and "
                    "low again from (0, 0) over the middle to (1, 1)",
                    (line,),
                    part,
                )
                continue
            hidden, weights, bias = found[0]
            names = [symbol(f"h_{n}") for n in range(1, count + 1)]
            total = _weighted(weights, names, bias)
            formulas = [
                chain(name, "=", _written_unit(unit))
                for name, unit in zip(names, hidden, strict=True)
            ]
            yield Step(
                f"{units}: the network with the smallest weights.",
                "so XOR needs two layers, one of them hidden",
                (line, *formulas, chain("y", "=", call("ReLU", total))),
                part,
                _truth("XOR", [network_output(found[0], point) for point in POINTS]),
            )

    def _checks(self) -> Iterator[Check]:
        """The networks found, unit by unit, against Python's own operators."""
        operators = {
            "AND": lambda a, b: a and b,
            "OR": lambda a, b: a or b,
            "XOR": lambda a, b: a ^ b,
        }
        pairs = []
        for name in ("AND", "OR"):
            for unit, point in product(self.single_layer(name), POINTS):
                is_true = _relu(unit, point) >= 1
                pairs.append((Fraction(is_true), Fraction(operators[name](*point))))
        for network, point in product(self.searched[2], POINTS):
            is_true = network_output(network, point) >= 1
            pairs.append((Fraction(is_true), Fraction(operators["XOR"](*point))))
        yield compare("exact", "every network that was found, on all four inputs", pairs)


def network_output(network: Hidden, point: Point) -> int:
    """The output of a network with one hidden layer."""
    hidden, weights, bias = network
    total = sum(w * _relu(unit, point) for unit, w in zip(hidden, weights, strict=True))
    return max(0, total + bias)


def _relu(unit: Unit, point: Point) -> int:
    return max(0, unit[0] * point[0] + unit[1] * point[1] + unit[2])


def _answers(values: list[int], name: str) -> bool:
    return all(
        value >= 1 if wanted else value == 0
        for value, wanted in zip(values, TABLES[name], strict=True)
    )


def _size(unit: Unit) -> tuple[int, tuple[int, ...]]:
    return sum(map(abs, unit)), tuple(-each for each in unit)


def _network_size(network: Hidden) -> tuple[int, tuple[int, ...]]:
    hidden, weights, bias = network
    every = (*(each for unit in hidden for each in unit), *weights, bias)
    return sum(map(abs, every)), tuple(-each for each in every)


def _written_unit(unit: Unit) -> Formula:
    return call("ReLU", _weighted(unit[:2], [symbol("x_1"), symbol("x_2")], unit[2]))


def _weighted(weights: tuple[int, ...], names: list, bias: int) -> Formula:
    total = sympy.Integer(bias) + sum(
        w * sympy.Symbol(f"{n.name}_{''.join(n.index)}")
        for w, n in zip(weights, names, strict=True)
    )
    return written(total)


def _truth(name: str, values: list[int]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (str(a), str(b), str(value), "true" if wanted else "false")
        for (a, b), value, wanted in zip(POINTS, values, TABLES[name], strict=True)
    ]
    return Table(("x₁", "x₂", "y", name), tuple(rows))


def _impossible() -> Iterator[Step]:
    a, b, c = sympy.symbols("w_1 w_2 b")
    outside, inside = c + (a + b + c), (a + c) + (b + c)
    yield Step(
        "XOR by one layer is impossible, with any weights.",
        "z must be at most 0 at (0, 0) and (1, 1), and at least 1 at (0, 1) and (1, 0); but both "
        "pairs have the same sum",
        (
            chain(plus("z[0,0]", "z[1,1]"), "=", outside),
            chain(plus("z[0,1]", "z[1,0]"), "=", inside),
            equation(words("difference of the sums"), sympy.expand(outside - inside)),
        ),
        "One layer",
    )
