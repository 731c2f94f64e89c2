"""The script as it is, run again: whether it can be, and whether it trains the same way."""

from __future__ import annotations

from defib.errors import UsageError
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.trial import TrialEnding
from defib.script.write_guard import REFUSAL
from defib.verification.ledger import Condition, Ledger
from defib.verification.progress import Progress
from defib.verification.reproducibility import is_same_training

MORE_PAIRS = 1
"""Added to the fewest where the same seed does not give the same training: pairs are loose then,
and an interval from few of them is more often wrong."""


def check_reference(progress: Progress, made: list[Condition]) -> None:
    """Raise `UsageError` where the script as it is cannot be re-run; all of `made` were.

    Where none of them is the script as it is, it is run for some steps once one of them failed.
    """
    ledger, reference = progress.ledger, progress.without(0)
    if reference not in made:
        if all(ledger.result(each).ending is TrialEnding.TRAINED for each in made):
            return
        reference = reference._replace(is_repetition=True)
        ledger.make([reference])
    _check(ledger, reference)


def look_whether_it_repeats_itself(progress: Progress, deciding: list[Condition]) -> None:
    """Find out whether the same seed gives the same training, and note it where it does not.

    The watched run tells it where it was trained as its first re-run was. Otherwise a short
    repetition of that is made beside the trials that are `deciding`, if both may be spent.
    """
    if progress.repeats_itself is not None or progress.answer:
        return
    first, ledger = progress.without(0), progress.ledger
    progress.repeats_itself = _is_same(progress.watched, ledger, first)
    if progress.repeats_itself:
        return
    repetition = first._replace(is_repetition=True)
    if not ledger.affords([*deciding, repetition]):
        progress.notes.append(
            "Whether the script trains the same way twice from the same seed was not looked at: "
            "that would cost more than allowed."
        )
        return
    ledger.make([*deciding, repetition])
    progress.repeats_itself = _repeated(ledger, first, repetition)
    if not progress.repeats_itself:
        progress.fewest_pairs += MORE_PAIRS
        progress.notes.append(
            "The script does not train the same way twice from the same seed: pairs of "
            f"re-runs differ by more than the fix, so at least {progress.fewest_pairs} are "
            "compared."
        )


def _check(ledger: Ledger, condition: Condition) -> None:
    reference = ledger.result(condition)
    if reference.refused_writes or REFUSAL in reference.reason:
        paths = ", ".join(f"`{path}`" for path in reference.refused_writes[:3])
        raise UsageError(
            f"The script writes outside of its working directory: {paths or reference.reason} "
            "A re-run would change that again; if it may, add --allow-side-effects."
        )
    if reference.ending is not TrialEnding.TRAINED:
        raise UsageError(
            f"The script could not be re-run as it is ({reference.ending.value}: "
            f"{reference.reason}), so nothing can be compared. What it printed is in "
            f"`{ledger.folder(condition) / 'output.txt'}`."
        )


def _is_same(watched: RunRecord, ledger: Ledger, first: Condition) -> bool:
    """Whether the first re-run has the losses of the watched run, bit by bit."""
    return is_same_training(watched, read_run(ledger.folder(first))) is True


def _repeated(ledger: Ledger, first: Condition, repetition: Condition) -> bool:
    """Whether the same seed gave the same training, as far as both re-runs tell."""
    if ledger.result(repetition).ending is not TrialEnding.TRAINED:
        return True
    one, other = (read_run(ledger.folder(each)) for each in (first, repetition))
    return is_same_training(one, other) is not False
