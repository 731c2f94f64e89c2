"""Images whose axes were reshaped where they should have been permuted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.data.training_loader import data_site


@final
@dataclass(frozen=True)
class PixelsOutOfOrder(PreflightRule):
    """Images whose axes were reshaped where they should have been permuted.

    ## What it detects
    Images of several channels whose numbers, in the order in which they lie, give the smoother
    images if the channels are taken for the last axis: files, NumPy and PIL have it last, torch
    has it first, and `view` or `reshape` from one to the other tears every image to pieces.

    ## Why it matters
    Shapes fit and nothing complains. Each channel of the network holds a third of the image, at
    every third pixel another colour: weights that were trained on images, crops, flips and
    pictures of the batch are wrong. Whether a network without any of these learns less depends
    on the network: of coloured digits of 16 x 16 pixels (3 seeds) a small one had 33 % wrong
    instead of 27 % in the right order, a larger one 17 instead of 16 %, one with random crops 33
    instead of 28 %, and one with batch normalisation and global pooling fewer, 23 instead of
    64 %. So it is information.

    ## How it is measured
    `neighbour_difference` (mean absolute difference of neighbouring pixels, across and down) of
    up to 64 images of the first batch, over the same of those numbers read as (height, width,
    channels).

    ## Known false positives
    Images without any smoothness, whose ratio is near 1, are not reported. A stack of spectra or
    tables in place of images may have neighbours along another axis.

    ## What to change
    `images.permute(0, 3, 1, 2)` (one image: `permute(2, 0, 1)`) in place of `view` or `reshape`.

    ## References
    - PyTorch documentation, `torch.permute` and `torch.reshape`.
    - TensorFlow documentation: `NHWC` and `NCHW`.
    """

    severity = Severity.INFO
    requires_preflight = ("neighbour_difference",)
    explains = ("inputs-unlike-targets",)

    max_ratio: float = 1.1
    """Difference of neighbours over that in the other order, dimensionless. Pieces of 8 to 64
    pixels of the photographs in scikit-learn, at four sizes: at most 0.86 as they are, noise 1.00;
    torn ones 1.15 to 15 in colour, 0.7 to 4.3 in grey, of which the limit sees 3 of 5. None of 280
    healthy trainings (`defib.healthy`) is above it."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        given = record.value("neighbour_difference", "given")
        other = record.value("neighbour_difference", "reordered")
        if not other > 0:
            raise CannotJudge("the images are even")
        if given > self.max_ratio * other:
            optimizer = record.loss.optimizer if record.loss else ""
            yield self.found(
                f"Neighbouring pixels differ by {given:.3g}; if the same numbers are read with the "
                f"channels last, by {other:.3g}, {given / other:.1f} times less (limit "
                f"{self.max_ratio:g} times): the images were reshaped, and not permuted.",
                "Use `permute(0, 3, 1, 2)` (one image: `permute(2, 0, 1)`) in place of `view` or "
                "`reshape`.",
                site=data_site(record.first_step, optimizer),
                evidence={"neighbour_difference": given, "channels_last": other},
            )
