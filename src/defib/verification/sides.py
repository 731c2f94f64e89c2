"""Which trials stand for a training without and with a fix, and which of them have to be made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

from defib.fixes.length_fix import LengthFix, Lengths
from defib.records.reading import read_run
from defib.records.run import RunRecord
from defib.records.trial import TrialEnding, TrialResult
from defib.verification.beginnings import beginning_of_record
from defib.verification.comparison import FEWEST_PAIRS
from defib.verification.ledger import Condition, Ledger
from defib.verification.plan import Candidate

MUCH_LONGER = 0.9
"""Share of the steps that a longer training is to have, from which on it is one."""


@final
@dataclass(frozen=True)
class Sides:
    """Both sides of the comparison of a candidate, of a run of `watched` steps.

    `base` are the fixes that were confirmed before. Of a fix that changes nothing but the
    length, the longer training is made, and the shorter one read off it.
    """

    candidate: Candidate
    base: tuple[str, ...]
    watched: int
    ledger: Ledger

    def seeds(self, pairs: int) -> tuple[int, ...]:
        """Of the trials that decide."""
        fix = self.candidate.fix
        # Seed 0 is that of the watched run, where the script sets one.
        first = int(isinstance(fix, LengthFix) and fix.is_chosen_by_result)
        return tuple(range(first, first + pairs))

    def needed(self, seeds: Iterable[int]) -> list[Condition]:
        """The trials that have to be made."""
        return [each for seed in seeds for each in self._made(seed)]

    def deciding(self) -> list[Condition]:
        """The same for the fewest pairs that can decide."""
        return self.needed(self.seeds(FEWEST_PAIRS))

    @property
    def is_longer(self) -> bool:
        """Whether it takes more steps than the script does, so that nothing else is made."""
        lengths = self._lengths
        return lengths is not None and lengths.after > lengths.before

    def results(
        self, seeds: Sequence[int]
    ) -> tuple[tuple[TrialResult, ...], tuple[TrialResult, ...]]:
        """Of the trials without the fix, and of those with it."""
        pairs = [self._pair(seed) for seed in seeds]
        return tuple(before for before, _ in pairs), tuple(after for _, after in pairs)

    def record_with(self, seed: int) -> RunRecord:
        """Of the training with the fix, once its trial was made."""
        [*_, made] = self._made(seed)
        record = read_run(self.ledger.folder(made))
        lengths = self._lengths
        if lengths is None or self.is_longer:
            return record
        return beginning_of_record(record, lengths.after)

    @property
    def _lengths(self) -> Lengths | None:
        fix = self.candidate.fix
        if not isinstance(fix, LengthFix):
            return None
        return fix.lengths(self.watched, self.ledger.steps)

    def _made(self, seed: int) -> list[Condition]:
        without, with_fix = self._conditions(seed)
        lengths = self._lengths
        if lengths is None:
            return [without, with_fix]
        return [with_fix._replace(steps=lengths.after)] if self.is_longer else [without]

    def _pair(self, seed: int) -> tuple[TrialResult, TrialResult]:
        lengths = self._lengths
        without, with_fix = self._conditions(seed)
        if lengths is None:
            return self.ledger.result(without), self.ledger.result(with_fix)
        [made] = self._made(seed)
        whole = self.ledger.result(made)
        if self.is_longer:
            part = self.ledger.beginning(made, without._replace(steps=lengths.before))
            return part, _void_unless_longer(whole, lengths)
        return whole, self.ledger.beginning(made, with_fix._replace(steps=lengths.after))

    def _conditions(self, seed: int) -> tuple[Condition, Condition]:
        fixes = (*self.base, self.candidate.fix.label)
        return Condition(self.base, seed), Condition(fixes, seed)


def _void_unless_longer(result: TrialResult, lengths: Lengths) -> TrialResult:
    is_made = result.ending is TrialEnding.TRAINED
    if not is_made or result.steps >= MUCH_LONGER * lengths.after:
        return result
    reason = f"the training ended after {result.steps:,} steps all the same"
    return replace(result, ending=TrialEnding.VOID, reason=reason)
