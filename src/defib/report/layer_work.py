"""How the numbers of a layer come about: each quantity with its arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Count, Exactness, LayerRecord, OutputSize
from defib.report.arithmetic import equation, latex, symbolic, with_separators
from defib.report.quantities import enumeration
from defib.report.size_formula import formulas_text

LABELS: Mapping[str, str] = {
    "weights": "weights",
    "biases": "biases",
    "macs": "MACs",
    "padding_macs": "MACs on padding",
    "connections": "connections",
    "activations": "activations",
    "saved_bytes": "saved bytes",
    "dense_equivalent": "dense equivalent",
}
"""Counted fields of a layer, and what they are called."""

MOST_TERMS = 24
"""Of a sum that is written out; the middle of a longer one is left out."""


@final
@dataclass(frozen=True)
class Step:
    """A quantity and the line by which it is obtained; `words` is the same with names.

    `field` is the field of the record; `latex` is empty where there is only text.
    """

    field: str
    quantity: str
    line: str
    latex: str = ""
    words: str = ""


def steps_of(
    layer: LayerRecord, *, has_formulas: bool = False, fields: Iterable[str] | None = None
) -> tuple[Step, ...]:
    """The working of a layer: output size, counts, receptive field.

    Counts of zero are left out. `fields` keeps only those named.
    """
    steps = [*_size_steps(layer, has_formulas=has_formulas), *_count_steps(layer)]
    field = layer.receptive_field
    if field is not None:
        lines = tuple(dict.fromkeys(field.work)) or (
            ("the whole input",) if field.is_global else ()
        )
        steps += [Step("receptive_field", "receptive field", line) for line in lines]
    wanted = None if fields is None else set(fields)
    return tuple(step for step in steps if wanted is None or step.field in wanted)


def _size_steps(layer: LayerRecord, *, has_formulas: bool) -> list[Step]:
    """A line for each dimension; dimensions that come about alike share one."""
    alike: dict[str, list[OutputSize]] = {}
    for size in layer.sizes:
        alike.setdefault(equation(size.expression), []).append(size)
    steps = []
    for line, sizes in alike.items():
        if line.isdecimal() and len(layer.sizes) > 1:
            continue  # a number that the layer was made with, beside those that are worked out
        axes = [size.axis for size in sizes]
        name = f"output {axes[0]}" if len(axes) == 1 else enumeration(tuple(axes))
        expression = sizes[0].expression
        steps.append(Step("output", name, line, latex(expression), symbolic(expression)))
    formulas = formulas_text(layer.sizes) if has_formulas else ""
    return [*steps, Step("formula", "as a formula", formulas)] if formulas else steps


def _count_steps(layer: LayerRecord) -> list[Step]:
    steps = []
    for field, label in LABELS.items():
        count: Count = getattr(layer, field)
        if count.value == 0 and count.exactness is Exactness.EXACT:
            continue
        expression = count.expression
        steps.append(Step(field, label, count_line(count), latex(expression), symbolic(expression)))
    return steps


def count_line(count: Count) -> str:
    """The equation; for a count that is not exact, that it is not and why."""
    reason = f" ({count.reason})" if count.reason else ""
    if count.exactness is Exactness.UNKNOWN:
        return f"unknown{reason}"
    if count.exactness is Exactness.LOWER_BOUND:
        return f"{equation(count.expression)}, a lower bound{reason}"
    return equation(count.expression)


def sum_line(counts: Iterable[Count]) -> str:
    """`1,728 + 36,864 = 38,592`: the numbers of the layers and their sum."""
    values = [count.value for count in counts if count.value]
    result = with_separators(sum(values))
    if len(values) < 2:
        return result
    terms = [with_separators(value) for value in values]
    if len(terms) > MOST_TERMS:
        half = MOST_TERMS // 2
        terms = [*terms[:half], "...", *terms[-half:]]
    return f"{' + '.join(terms)} = {result}"
