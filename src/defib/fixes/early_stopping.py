"""An end to the training where its evaluation was best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from defib.fixes.keras_spelling import spelled
from defib.fixes.length_fix import LengthFix, Lengths, in_epochs
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord

FEWEST = 5
"""Evaluations of which one is the best; as many as the rule wants for a rise."""
LATEST = 0.5
"""Place of the best evaluation in the run: a re-run of what evaluations show is at least 0.6 of
it, and has to come further."""


@final
class TrainingStopped(SystemExit):
    """Ends the script as its own `sys.exit()` would."""


@final
@dataclass(frozen=True)
class EarlyStopping(LengthFix):
    """An end to the training where its evaluation was best.

    ## What it changes
    The script ends before the step after the given one, as by `sys.exit()`. The evaluation that
    follows that step is still made; what the script does when it has trained is not.

    ## When it helps
    Where the evaluation gets worse while the training goes on.

    ## Its value
    The step of the best evaluation of the watched run (of medians of three), if it is in its first
    half; then that at which the finding begins, which a wider median tells. Without a value nothing
    is changed.

    ## How it is judged
    The re-runs as they are hold it already: their evaluation at that step is compared with that at
    their end. The step was chosen by the evaluation of the watched run, which is the best of
    many and partly luck; so the seed of that run does not count, and the same step has to be good
    on other seeds.

    ## References
    - Prechelt, *Early Stopping - But When?* (1998).
    """

    meaning: ClassVar[str] = "steps after which the training ends"
    is_chosen_by_result: ClassVar[bool] = True
    verdict_of_no_effect: ClassVar[str] = (
        "the steps after it change nothing in the evaluation, and can be saved"
    )

    def connect(self, training: LiveTraining) -> None:
        if self.value is None:
            training.missing = "it needs the step after which to stop: `early-stopping=STEP`"
            return
        last = int(self.value)

        def stop() -> None:
            if training.steps >= last:
                training.did(f"stopped after {last:,} steps")
                raise TrainingStopped

        training.before_any_step(stop)

    def lengths(self, watched: int, planned: int) -> Lengths:
        del watched
        return Lengths(planned, min(int(self.value or planned), planned))

    def candidates(self, record: RunRecord, finding: Finding) -> tuple[EarlyStopping, ...]:
        # What is found begins at an evaluation, which the steps before it led to.
        steps = dict.fromkeys((*_best(record), finding.steps[0] + 1))
        # No more digits than a label shows.
        return tuple(EarlyStopping(float(f"{each:g}")) for each in steps if each < record.steps)

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        steps = int(self.value or 0)
        return f"stop after {in_epochs(steps, record)}: " + spelled(
            record,
            "keep the weights of the best evaluation, and end the training when some evaluations "
            "in a row have brought nothing better",
            "`keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)`",
        )


def _best(record: RunRecord) -> tuple[int, ...]:
    """Steps up to the lowest evaluation loss of the worst place; none if that comes late."""
    series = [each.finite() for each in record.of("evaluation_loss").values()]
    known = [each for each in series if len(each) >= FEWEST]
    if not known:
        return ()
    # Other places may see the training data again.
    losses = max(known, key=lambda each: float(each.values.min()))
    padded = np.pad(losses.values, 1, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    steps = int(losses.steps[medians.argmin()]) + 1
    return (steps,) if steps <= LATEST * record.steps else ()
