"""A kernel that is larger than the map under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

from defib.records.architecture import Architecture, KernelWindow, OperationRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule
from defib.rules.graph import Graph


@final
@dataclass(frozen=True)
class FeatureMapSmallerThanKernel(ArchitectureRule):
    """A kernel that is larger than the map under it.

    ## What it detects
    A convolution or pooling whose kernel, dilation included, is larger than its input without
    padding, along any axis: a warning if some of its taps never meet the map, at any position,
    information if each does somewhere.

    ## Why it matters
    The padding makes it run, but taps that only ever meet zeros get no gradient: those weights
    are dead. A 3 x 3 kernel over a map of 1 x 1 is a 1 x 1 kernel.

    ## How it is measured
    Dilation (kernel - 1) + 1, in positions, against the size of the map without padding, which
    is the limit; and the number of taps that fall inside the map at least once.

    ## Known false positives
    None known for this input. A fully convolutional network that is inspected at a smaller
    image than it is trained on.

    ## What to change
    Fewer strides and poolings before it, larger images, a smaller kernel or dilation.

    ## References
    - Chen, Papandreou, Schroff, Adam, *Rethinking Atrous Convolution* (2017), arXiv:1706.05587,
      section 3.3: a dilated 3 x 3 filter degenerates to 1 x 1.
    - Nikanjam et al., *NeuraLint* (2021): feature maps that are too small.
    """

    severity = Severity.WARNING

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        graph = Graph(architecture)
        for operation in graph.operations:
            window = operation.window
            if window is not None and not window.is_transposed and _is_too_large(window):
                yield self._finding(graph, operation, window)

    def _finding(self, graph: Graph, operation: OperationRecord, window: KernelWindow) -> Finding:
        taps, met = prod(window.kernel), prod(_taps_met(window))
        kernel, size = _written(_extents(window)), _written(window.inputs)
        idle = f": {taps - met} of its {taps} taps only ever meet padding" if met < taps else ""
        return self.found(
            f"The kernel of {graph.label(operation)} spans {kernel} positions, more than the "
            f"{size} of the map under it (limit){idle}.",
            f"Halve the resolution less often before {graph.label(operation)}, use larger images "
            "or a smaller kernel.",
            layer=operation.layer,
            site=graph.site(operation),
            severity=self.severity if met < taps else Severity.INFO,
            evidence={"kernel": kernel, "map": size, "taps": taps, "taps_met": met},
        )


def _is_too_large(window: KernelWindow) -> bool:
    return any(extent > size for extent, size in zip(_extents(window), window.inputs, strict=True))


def _extents(window: KernelWindow) -> tuple[int, ...]:
    """Positions from the first to the last tap, along each axis."""
    return tuple(
        dilation * (kernel - 1) + 1
        for kernel, dilation in zip(window.kernel, window.dilation, strict=True)
    )


def _taps_met(window: KernelWindow) -> tuple[int, ...]:
    """Taps that fall inside the map at one position at least, along each axis."""
    return tuple(
        sum(_is_met(window, axis, tap) for tap in range(kernel))
        for axis, kernel in enumerate(window.kernel)
    )


def _is_met(window: KernelWindow, axis: int, tap: int) -> bool:
    shift = tap * window.dilation[axis] - window.padding[axis]
    positions = range(window.outputs[axis])
    return any(0 <= at * window.stride[axis] + shift < window.inputs[axis] for at in positions)


def _written(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
