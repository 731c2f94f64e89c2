"""The script as it is, run again: whether it can be, and whether it trains the same way."""

from __future__ import annotations

from defib.errors import UsageError
from defib.records.reading import read_run
from defib.records.trial import TrialEnding
from defib.script.write_guard import REFUSAL
from defib.verification.ledger import Condition, Ledger
from defib.verification.reproducibility import is_same_training


def check_reference(ledger: Ledger, condition: Condition) -> None:
    """Raise `UsageError` where the script as it is cannot be re-run at all."""
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


def repeats_itself(ledger: Ledger, first: Condition, repetition: Condition) -> bool:
    """Whether the same seed gave the same training, as far as both re-runs tell."""
    both = (first, repetition)
    if any(ledger.result(each).ending is not TrialEnding.TRAINED for each in both):
        return True
    one, other = (read_run(ledger.folder(each)) for each in both)
    return is_same_training(one, other) is not False
