"""Sizes of tensors and of memory in words."""

from __future__ import annotations

from collections.abc import Sequence

from defib.records.architecture import TensorShape

USUAL_ELEMENTS = "float32"


def shape_text(shape: TensorShape) -> str:
    """`1×3×224×224`; other element types than float32 are named: `2×7 int64`."""
    sizes = "×".join(map(str, shape.dimensions)) or "scalar"
    is_usual = shape.element_type == USUAL_ELEMENTS
    return sizes if is_usual else f"{sizes} {shape.element_type}"


def shapes_text(shapes: Sequence[TensorShape], most: int = 2) -> str:
    """The first shapes, and how many more there are."""
    texts = [shape_text(each) for each in shapes[:most]]
    rest = len(shapes) - most
    return ", ".join([*texts, *([f"{rest} more"] if rest > 0 else [])])


def byte_size(number: int) -> str:
    """`574.7 MB`: four digits at most, 1 MB = 10⁶ bytes."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    if unit == "bytes":
        return "1 byte" if number == 1 else f"{number:,} bytes"
    return f"{size:,.1f} {unit}" if size >= 10 else f"{size:,.2f} {unit}"
