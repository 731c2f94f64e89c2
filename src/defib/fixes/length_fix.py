"""What fixes have in common that change nothing but the number of steps.

A training holds every shorter one: its first steps. So both sides of the comparison are read
off one re-run, and are paired as closely as can be.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from defib.fixes.base import Fix
from defib.records.run import RunRecord


class Lengths(NamedTuple):
    """Steps of the training without and with the fix."""

    before: int
    after: int


@dataclass(frozen=True)
class LengthFix(Fix):
    """Compared by the script's own evaluation at the end of either length."""

    compares_evaluation: ClassVar[bool] = True
    counts_training_loss: ClassVar[bool] = False
    """Whether the training loss decides where no evaluation is seen."""
    is_chosen_by_result: ClassVar[bool] = False
    """Whether the length was chosen by the evaluation that judges it: then the seed of the
    watched run says nothing about it, and only others count."""
    verdict_of_no_effect: ClassVar[str] = ""
    """What it means that the evaluation is the same at both lengths."""

    @abstractmethod
    def lengths(self, watched: int, planned: int) -> Lengths:
        """For a run of `watched` steps, of which a re-run makes the first `planned`."""


def in_epochs(steps: int, record: RunRecord) -> str:
    """`3 epochs (90 steps)` where the loader that shuffles tells; `90 steps` elsewhere."""
    lengths = {each.length for each in record.loaders if each.length and each.shuffle}
    whole = [steps // each for each in lengths if steps % each == 0]
    if len(lengths) != 1 or not whole:
        return f"{steps:,} steps"
    return f"{whole[0]:,} epoch{'s' if whole[0] > 1 else ''} ({steps:,} steps)"
