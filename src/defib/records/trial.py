"""Re-runs of a script with and without a fix, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import final

from defib.records.site import Site


@final
@dataclass(frozen=True)
class Trial:
    """One re-run: the script, started in `directory`, for `steps` steps.

    `fixes` are what is applied from outside (`NAME` or `NAME=VALUE`), none for the script as it
    is; `seed` is added to the seeds that the script sets. Everything that decides on the result
    is here: the same trial gives the same result.
    """

    script: str
    arguments: tuple[str, ...]
    directory: str
    is_module: bool
    steps: int
    seed: int
    fixes: tuple[str, ...] = ()
    is_repetition: bool = False
    """Made beside another one of the same seed, to see whether it comes out alike."""

    @property
    def name(self) -> str:
        """A name for files: `as-it-is-seed-0`, `clip-gradients=1-seed-2`."""
        again = "-again" if self.is_repetition else ""
        return f"{'+'.join(self.fixes) or 'as-it-is'}-seed-{self.seed}{again}"

    @property
    def command(self) -> tuple[str, ...]:
        """What follows `defib` to repeat it by hand."""
        fixes = [part for fix in self.fixes for part in ("--with", fix)]
        conditions = ["--steps", str(self.steps), "--seed-shift", str(self.seed)]
        target = ["-m", self.script] if self.is_module else [self.script]
        return ("run", *fixes, *conditions, *target, *self.arguments)


class TrialEnding(Enum):
    """How a trial ended. All but `TRAINED` say nothing about the fix."""

    TRAINED = "trained"
    """It came to its last step, or the script ended before."""
    VOID = "void"
    """The fix found nothing that it could change, or failed."""
    RAISED = "raised"
    """The script raised an exception that it does not raise without the fix, or at all."""
    TIMED_OUT = "timed-out"


class Yardstick(Enum):
    """What is compared."""

    TRAINING_LOSS = "training loss"
    EVALUATION_LOSS = "evaluation loss"
    EVALUATION_ACCURACY = "evaluation accuracy"
    ACCURACY = "accuracy"
    EVALUATION_BALANCED_ACCURACY = "balanced evaluation accuracy"
    BALANCED_ACCURACY = "balanced accuracy"
    RELATIVE_LOSS = "loss over a constant prediction's"

    @property
    def is_accuracy(self) -> bool:
        """Whether more is better."""
        return self not in (
            Yardstick.TRAINING_LOSS,
            Yardstick.EVALUATION_LOSS,
            Yardstick.RELATIVE_LOSS,
        )


@final
@dataclass(frozen=True)
class Curve:
    """What a yardstick shows over the steps of a trial."""

    yardstick: Yardstick
    steps: tuple[int, ...]
    values: tuple[float, ...]


@final
@dataclass(frozen=True)
class TrialResult:
    """What a trial led to.

    `level` is the training objective over the last part of the trial, as the script computes
    it; `start` the same at its beginning. `relative_level` is `level` over the loss of the best
    constant prediction. They, the accuracies and `evaluation_loss` are `nan` where they were not
    seen; a balanced accuracy is the mean over the classes of the share that is recognised. `rules`
    are what the diagnosis of the trial finds. `curve` holds steps and losses, thinned out for a
    picture; `dead_units` and `gradient_ratio` are the largest dead fraction of a layer and the
    gradient norm of the first layer over that of the last, at the end.
    """

    trial: Trial
    ending: TrialEnding
    reason: str = ""
    steps: int = 0
    seconds: float = 0.0
    start: float = float("nan")
    level: float = float("nan")
    accuracy: float = float("nan")
    evaluation_loss: float = float("nan")
    evaluation_accuracy: float = float("nan")
    balanced_accuracy: float = float("nan")
    evaluation_balanced_accuracy: float = float("nan")
    relative_level: float = float("nan")
    rules: tuple[str, ...] = ()
    curve_steps: tuple[int, ...] = ()
    curve_losses: tuple[float, ...] = ()
    dead_units: float = float("nan")
    gradient_ratio: float = float("nan")
    done: str = ""
    found: float = float("nan")
    """What a fix has measured: a learning rate; `nan` where it measures nothing."""
    is_part: bool = False
    """Read off the first steps of a longer trial, and not made."""
    refused_writes: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    """Of the yardsticks beside the training loss that were seen again and again."""


@final
@dataclass(frozen=True)
class Edit:
    """The user's line at `site`, and what is to stand there instead."""

    site: Site
    new: str


class Verdict(Enum):
    """What the paired trials say of a fix."""

    CONFIRMED = "confirmed"
    NO_EFFECT = "no effect"
    HARMFUL = "harmful"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"


@final
@dataclass(frozen=True)
class Beside:
    """Another yardstick on the same pairs, which did not decide: its means."""

    yardstick: Yardstick
    before: float
    after: float


@final
@dataclass(frozen=True)
class PairedComparison:
    """A fix against the script without it, on the same seeds.

    `effect` is the mean of the paired differences, `low` and `high` its interval: differences
    of the natural logarithm of a loss (dimensionless), of a loss relative to its start where it
    is not positive, or of an accuracy. Less is better for losses, more for accuracies.
    """

    fix: str
    rule: str
    yardstick: Yardstick
    verdict: Verdict
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    is_logarithm: bool = False
    pairs: int = 0
    reason: str = ""
    is_symptom_gone: bool | None = None
    """Whether the rule that led to the fix is silent in the trials with it."""
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    change: str = ""
    """What the user has to write."""
    edit: Edit | None = None
    """The same as a change of a line, where that is certain."""
    first_seed: int = 0
    """Of the pairs; the others follow it."""
    base: tuple[str, ...] = ()
    """Fixes that were confirmed before, and are applied on both sides."""
    beside: tuple[Beside, ...] = ()
    """What else the script's evaluation shows."""
    is_other_loss: bool = False
    """Whether the training losses with and without the fix are of different kinds."""


@final
@dataclass(frozen=True)
class Proof:
    """All trials that were made for a run; `answer` is the smallest set of confirmed fixes."""

    comparisons: tuple[PairedComparison, ...] = ()
    results: tuple[TrialResult, ...] = field(default=(), repr=False)
    answer: tuple[str, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
