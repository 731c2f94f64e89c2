"""What a learning-rate range test found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final


class Verdict(Enum):
    """Whether the numbers of a range test may be used."""

    CLEAR_DESCENT = "clear descent"
    WEAK = "weak: repeat with more steps"
    NO_DESCENT = "no descent: do not use a number"


class Reason(Enum):
    """What keeps a verdict from being a clear descent."""

    TOO_FEW_STEPS = "too few steps"
    """The curve has too few points to be judged."""
    FLAT = "flat"
    """The loss does not fall by more than its noise."""
    RISES_AT_ONCE = "rises at once"
    """The loss rises, or is not finite, before it has fallen."""
    FALLS_AT_START = "falls at the start"
    """It is steepest at the first learning rates: the range begins too high."""
    FALLS_AT_END = "falls at the end"
    """It still falls at the last learning rates: the range ends too low, or was cut short."""
    WIDE_STEEPEST = "wide steepest"
    """The bootstrap spread of the steepest point is too wide."""
    WIDE_STABLE = "wide largest stable"
    """The bootstrap spread of the largest stable learning rate is too wide."""


class SweepEnding(Enum):
    """Why a sweep took no further step."""

    COMPLETED = "completed"
    """The whole range was swept."""
    DIVERGED = "diverged"
    """The loss rose beyond its start by far more than its noise."""
    NOT_FINITE = "not finite"
    """The loss was `nan` or infinite."""
    DATA_ENDED = "data ended"
    """The loader, or the script, ended before the range did."""


@final
@dataclass(frozen=True)
class Mark:
    """A learning rate with its bootstrap spread: the 5th and the 95th percentile."""

    value: float
    low: float
    high: float


@final
@dataclass(frozen=True)
class OtherRule:
    """What another tool's documented rule says on the same losses; `None` if it says nothing."""

    name: str
    learning_rate: float | None


@final
@dataclass(frozen=True)
class Group:
    """A parameter group: its optimiser, and its learning rate relative to the one reported."""

    optimizer: str
    index: int
    share: float


@final
@dataclass(frozen=True)
class Sweep:
    """Raw losses of one training whose learning rate grew from step to step.

    `losses[i]` is the loss of the batch after the step that was taken with
    `learning_rates[i]`; `first_loss` the one before any step. `momentum` is that of the
    optimiser where it is plain gradient descent with momentum, otherwise 0.
    """

    learning_rates: tuple[float, ...]
    losses: tuple[float, ...]
    first_loss: float
    ending: SweepEnding
    momentum: float = 0.0


@final
@dataclass(frozen=True)
class LearningRateRange:
    """The answer of a range test. The marks are `None` where no number may be used.

    `conservative` to `largest_stable` is the interval to choose from; its lower end is the 5th
    percentile of the smaller of the steepest point and half of the largest stable one.
    `suggestion` is a third of the way, in decades, from the steepest point to that half.
    `largest_stable` is `None` as well where the loss does not rise within the range. `smooth`
    is the level of the curve at the first `len(smooth)` learning rates; what lies behind has
    diverged.
    """

    sweep: Sweep
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    suggestion: Mark | None = None
    conservative: Mark | None = None
    steepest: Mark | None = None
    largest_stable: Mark | None = None
    smooth: tuple[float, ...] = ()
    others: tuple[OtherRule, ...] = ()
    groups: tuple[Group, ...] = ()
    current: float | None = None
    """The learning rate that the training would have begun with."""
    name: str = ""
    """The script, or the class of the network."""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Candidate:
    """One learning rate, trained from the same start as the others.

    `epoch_losses` are the mean losses of its epochs; fewer than were asked for where the
    training stopped because a loss was not finite.
    """

    learning_rate: float
    epoch_losses: tuple[float, ...]
    is_finite: bool = True

    @property
    def loss(self) -> float:
        """Mean loss of the last epoch; infinite where a loss was not finite."""
        return self.epoch_losses[-1] if self.is_finite and self.epoch_losses else float("inf")


@final
@dataclass(frozen=True)
class CandidateRange:
    """Loss against learning rate of a few trainings, and the range in which they learn.

    `lowest` and `highest` are the smallest and the largest candidate that learnt clearly,
    `best` the one with the lowest loss; all `None` where none did.
    """

    candidates: tuple[Candidate, ...]
    first_loss: float
    lowest: float | None
    best: float | None
    highest: float | None
    seconds: float = 0.0
