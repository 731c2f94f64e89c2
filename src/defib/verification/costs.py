"""Which trials the candidates of a round need, and how many candidates that allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from defib.fixes.length_fix import LengthFix
from defib.verification.ledger import Condition, Ledger
from defib.verification.plan import Candidate
from defib.verification.sides import Sides


@final
@dataclass(frozen=True)
class Costs:
    """Of a run of `watched` steps, with the fixes `base` on both sides."""

    base: tuple[str, ...]
    watched: int
    ledger: Ledger

    def affordable(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """As many as may be spent on screening them and on deciding one, the first ones first."""
        chosen: list[Candidate] = []
        for candidate in candidates:
            if all(map(self.ledger.affords, self._plans([*chosen, candidate]))):
                chosen.append(candidate)
        return chosen

    def cheapest(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The first that takes no more steps than the script: something is to be tried."""
        return [each for each in candidates if not self.sides(each).is_longer][:1]

    def screening(self, tried: Sequence[Candidate]) -> list[Condition]:
        """All on one seed; the script as it is as well, unless longer ones begin like it."""
        needed = [each for candidate in tried for each in self.sides(candidate).needed((0,))]
        needed += [each for candidate in tried for each in self.measuring(candidate)]
        is_needed = any(not self.sides(each).is_longer for each in tried)
        return [Condition(self.base, 0), *needed] if is_needed else needed

    def measuring(self, candidate: Candidate) -> list[Condition]:
        """The trial that finds the value of the fix, where it needs one."""
        steps = min(candidate.fix.measuring_steps, self.watched)
        is_open = candidate.fix.value is None and steps > 0
        return [Condition((*self.base, candidate.fix.label), 0, steps=steps)] if is_open else []

    def sides(self, candidate: Candidate) -> Sides:
        """What is compared."""
        return Sides(candidate, self.base, self.watched, self.ledger)

    def _plans(self, tried: Sequence[Candidate]) -> list[list[Condition]]:
        """Screening all and deciding on one: on each of them."""
        screening = self.screening(tried)
        return [
            [*screening, *self.sides(each).deciding(), *self._repeating(each)] for each in tried
        ]

    def _repeating(self, candidate: Candidate) -> list[Condition]:
        """What may be needed to see whether the script repeats itself."""
        # Both lengths of one re-run are the same training anyway.
        is_needed = not self.base and not isinstance(candidate.fix, LengthFix)
        return [Condition((), 0, is_repetition=True)] if is_needed else []
