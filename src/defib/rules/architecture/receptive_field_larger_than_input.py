"""Layers that see further than the input reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, LayerRecord
from defib.records.finding import Finding, Severity
from defib.rules.base import ArchitectureRule, CannotJudge


@final
@dataclass(frozen=True)
class ReceptiveFieldLargerThanInput(ArchitectureRule):
    """Layers that see further than the input reaches.

    ## What it detects
    The first layer whose receptive field is larger than the input along some axis. Layers that
    see all of the input by their kind (flatten, global pooling, attention) are not meant.

    ## Why it matters
    From here on every position sees all of the image: further convolutions add no context and
    work on padding more and more. Measured, such layers contribute little and can often be
    removed, or the strides before them. It is a hint, no fault: most published classifiers do
    it.

    ## How it is measured
    Size of the receptive field in input positions, against the size of the input, which is the
    limit.

    ## Known false positives
    None: it is a fact about this input. The effective field is much smaller than the
    theoretical one.

    ## What to change
    Nothing must. Larger images, fewer layers, or smaller strides and kernels would fit better.

    ## References
    - Richter, Byttner, Krumnack, Wiedenroth, Schallner, Shenk, *(Input) Size Matters for CNN
      Classifiers* (2021): layers beyond this border are unproductive.
    """

    severity = Severity.INFO

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        if all(each.receptive_field is None for each in architecture.layers):
            raise CannotJudge("no receptive field was worked out")
        for layer in architecture.layers:
            size, limit = _largest(architecture, layer)
            if layer.is_leaf and size > limit:
                yield self.found(
                    f"`{layer.name}` is the first layer with a receptive field larger than the "
                    f"input: {size} positions (limit {limit}).",
                    "Nothing must change; larger images or fewer layers would use it better.",
                    layer=layer.name,
                    site=layer.site,
                    evidence={"receptive_field": size, "input": limit},
                )
                return


def _largest(architecture: Architecture, layer: LayerRecord) -> tuple[int, int]:
    """Receptive field and input size along the axis where the first exceeds the second most."""
    field = layer.receptive_field
    if field is None or field.is_global or not architecture.inputs:
        return 0, 0
    image = architecture.inputs[0].dimensions[2:]
    if len(image) != len(field.axes) or not image:
        return 0, 0
    pairs = [(axis.size, size) for axis, size in zip(field.axes, image, strict=True)]
    return max(pairs, key=lambda pair: pair[0] - pair[1])
