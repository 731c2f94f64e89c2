"""The recurrence of receptive fields in the form in which a lecturer writes it.

`r` is the size of the field, `j` the distance between the fields of neighbours (the jump),
`start` the input position at which the field of output position 0 begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from defib.analysis.receptive_field.progression import Progression


@final
@dataclass(frozen=True, eq=False)
class Step:
    """One operation's lines, and the step before it on the path with the largest field."""

    lines: tuple[str, ...]
    before: Step | None


def chain(step: Step | None, stops: frozenset[Step | None]) -> tuple[str, ...]:
    """All lines that led to `step`, first to last, from the nearest of `stops` on."""
    parts: list[tuple[str, ...]] = []
    while step is not None and step not in stops:
        parts.append(step.lines)
        step = step.before
    return tuple(line for lines in reversed(parts) for line in lines)


def window_lines(
    before: Progression,
    after: Progression,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> tuple[str, ...]:
    """Of a convolution or pooling."""
    jump = abs(before.stride)
    spread = f"*{dilation}" if dilation != 1 else ""
    size = before.size + (kernel - 1) * dilation * jump
    return (
        _size_line(f"{before.size} + ({kernel} - 1){spread}*{written(jump)}", size, after),
        f"j = {written(before.stride)}*{stride} = {written(after.stride)}",
        _start_line(before, after, -padding),
    )


def transposed_lines(
    before: Progression, after: Progression, *, kernel: int, stride: int, dilation: int
) -> tuple[str, ...]:
    """Of a transposed convolution: every output reads ceil(kernel / stride) inputs at most."""
    jump = abs(before.stride)
    reach = (kernel - 1) * dilation + 1
    size = before.size + (-(-reach // stride) - 1) * jump
    return (
        _size_line(f"{before.size} + (ceil({reach}/{stride}) - 1)*{written(jump)}", size, after),
        f"j = {written(before.stride)}/{stride} = {written(after.stride)}",
        f"start = {after.offset}",
    )


def resampling_lines(
    before: Progression, after: Progression, *, taps: int, sizes: tuple[int, int]
) -> tuple[str, ...]:
    """Of interpolation and adaptive pooling from `sizes[0]` to `sizes[1]` positions."""
    jump = abs(before.stride)
    size = before.size + (taps - 1) * jump
    given, made = sizes
    return (
        _size_line(f"{before.size} + ({taps} - 1)*{written(jump)}", size, after),
        f"j = {written(before.stride)}*{given}/{made} = {written(after.stride)}",
        f"start = {after.offset}",
    )


def moved_lines(before: Progression, after: Progression) -> tuple[str, ...]:
    """Of a crop, a padding, a flip: same size, other start or direction."""
    lines = [f"r = {after.size}"]
    if after.stride != before.stride:
        factor = after.stride / before.stride
        lines.append(f"j = {written(before.stride)}*{written(factor)} = {written(after.stride)}")
    return (*lines, f"start = {after.offset}")


def merged_lines(branches: Sequence[Progression], after: Progression) -> tuple[str, ...]:
    """Of a sum or concatenation of branches."""
    sizes = [branch.size for branch in branches]
    listed = ", ".join(map(str, dict.fromkeys(sizes)))
    if after.size == max(sizes):
        return (f"r = max({listed}) = {after.size}",)
    first, last = after.offset, after.offset + after.fields[0].span - 1
    if len(after.fields) == 1:
        return (f"r = {last} - ({first}) + 1 = {after.size} (branches of {listed}, not centred)",)
    return (f"r = {after.size} (branches of {listed}, not centred)",)


def _size_line(formula: str, size: Fraction | int, after: Progression) -> str:
    if size == after.size:
        return f"r = {formula} = {after.size}"
    spans: Iterator[str] = (str(field.span) for field in after.fields)
    return f"r = max({', '.join(spans)}) = {after.size} (at most {formula} = {written(size)})"


def _start_line(before: Progression, after: Progression, distance: int) -> str:
    expected = before.offset + distance * before.stride
    if expected != after.offset:
        return f"start = {after.offset}"
    sign = "-" if distance <= 0 else "+"
    return (
        f"start = {before.offset} {sign} {abs(distance)}*{written(before.stride)} = {after.offset}"
    )


def written(number: Fraction | int) -> str:
    """`3`, `1/2`; negative ones in brackets."""
    return f"({number})" if number < 0 else str(number)
