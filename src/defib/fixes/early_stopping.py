"""An end to the training where its evaluation was best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from defib.fixes.length_fix import LengthFix, Lengths, in_epochs
from defib.fixes.live_training import LiveTraining
from defib.records.finding import Finding
from defib.records.run import RunRecord


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
    The step of the best evaluation of the watched run, where the rule found it: the lowest of
    the running median, not the lowest of all. Without a value nothing is changed.

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
        # What is found begins at the best evaluation, which the steps before it led to.
        steps = float(f"{finding.steps[0] + 1:g}")  # no more digits than a label shows
        return (EarlyStopping(steps),) if steps < record.steps else ()

    def change(self, record: RunRecord, finding: Finding) -> str:
        del finding
        steps = int(self.value or 0)
        return (
            f"stop after {in_epochs(steps, record)}: keep the weights of the best evaluation, and "
            "end the training when some evaluations in a row have brought nothing better"
        )
