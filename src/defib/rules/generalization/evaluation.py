"""Evaluations beside the training: shared by the rules that compare the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.run import RunRecord
from defib.records.series import Series
from defib.rules.trend import mean_constant_prediction_loss


@final
@dataclass(frozen=True)
class Generalization:
    """What one place in the code that evaluates saw, beside the only training loss.

    All series hold finite values only and may be empty. `baseline` is the loss of a
    constant prediction, `nan` where it is not known.
    """

    place: str
    losses: Series
    accuracies: Series
    training_losses: Series
    training_accuracies: Series
    baseline: float

    @property
    def count(self) -> int:
        return max(len(self.losses), len(self.accuracies))

    @property
    def best(self) -> int:
        """Index of the best evaluation: the lowest loss, or the highest accuracy without one."""
        if self.losses:
            return int(smoothed(self.losses).argmin())
        return int(smoothed(self.accuracies).argmax())

    @property
    def onset(self) -> int:
        """Step of the best evaluation."""
        return int((self.losses or self.accuracies).steps[self.best])

    @property
    def lowest(self) -> float:
        return float(smoothed(self.losses).min())

    @property
    def scale(self) -> float:
        """The loss of knowing nothing: the baseline, or the first evaluation's loss."""
        return self.losses.first if np.isnan(self.baseline) else self.baseline

    @property
    def harm(self) -> float:
        """How bad the end is: the loss over its scale, or the error rate without losses."""
        if self.losses:
            return level(self.losses) / max(abs(self.scale), 1e-12)
        return 1 - level(self.accuracies)

    def training_loss(self, step: int | None = None) -> float:
        """Level of the training loss up to `step`: the median of a twentieth of its entries."""
        width = max(10, len(self.training_losses) // 20)
        until = self.training_losses if step is None else self.training_losses.between(0, step)
        return float(np.median(until.values[-width:])) if until else float("nan")

    def accuracy_gain(self) -> float:
        """Gain of the accuracy since the onset beyond its noise; `nan` without accuracies."""
        since = self.accuracies.steps >= self.onset
        if not since.any():
            return float("nan")
        first = float(smoothed(self.accuracies)[since][0])
        return level(self.accuracies) - first - 2 * noise(self.accuracies)

    def ends(self) -> dict[str, float]:
        """Where each series ended, by name."""
        ends = {
            "evaluation_loss": self.losses,
            "evaluation_accuracy": self.accuracies,
            "training_accuracy": self.training_accuracies,
        }
        found = {f"{name}_at_end": level(series) for name, series in ends.items() if series}
        return found | {"training_loss_at_end": self.training_loss()}


def generalizations(run: RunRecord, optimizer: str) -> tuple[Generalization, ...]:
    """One for each place that evaluated."""
    losses, accuracies = run.of("evaluation_loss"), run.of("evaluation_accuracy")
    baseline = mean_constant_prediction_loss(run, optimizer)
    empty = Series.of(())
    return tuple(
        Generalization(
            place,
            losses.get(place, empty).finite(),
            accuracies.get(place, empty).finite(),
            run.of("loss").get(optimizer, empty).finite(),
            run.of("accuracy").get(optimizer, empty).finite(),
            float("nan") if baseline is None else baseline,
        )
        for place in dict.fromkeys((*losses, *accuracies))
    )


def smoothed(series: Series) -> np.ndarray:
    """Running median, a fifth of the series wide: fewer than 10 evaluations stay as they are."""
    half = len(series) // 5 // 2 if len(series) >= 15 else int(len(series) >= 10)
    padded = np.pad(series.values, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def level(series: Series) -> float:
    """Level at the end: the median of the last three values."""
    return float(np.median(series.values[-3:]))


def noise(series: Series) -> float:
    """Standard deviation of an evaluation; a smooth curve has none.

    The larger of two estimates, from value to value and about the running median, since
    the noise of neighbours may be alike.
    """
    values = series.values
    if len(values) < 4:
        return 0.0
    # Third differences: no parabola counts, and independent noise has sqrt(20) times its
    # deviation in them.
    quick = _deviation(np.diff(values, 3)) / np.sqrt(20)
    return max(float(quick), _deviation(values - smoothed(series)))


def _deviation(rest: np.ndarray) -> float:
    # 1.4826 turns a median absolute deviation into a standard deviation.
    return 1.4826 * float(np.median(np.abs(rest)))
