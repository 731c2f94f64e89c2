"""What a proof has come to so far."""

from __future__ import annotations

from typing import final

from defib.records.run import RunRecord
from defib.records.trial import PairedComparison, Proof
from defib.verification.comparison import FEWEST_PAIRS
from defib.verification.costs import Costs
from defib.verification.ledger import Condition, Ledger
from defib.verification.plan import Candidate
from defib.verification.sides import Sides


@final
class Progress:
    """One proof under way: of the run `watched`, by the trials of `ledger`."""

    def __init__(self, watched: RunRecord, ledger: Ledger) -> None:
        self.watched = watched
        self.ledger = ledger
        self.answer: tuple[str, ...] = ()
        """The fixes that were confirmed; further ones are tried on top of them."""
        self.comparisons: list[PairedComparison] = []
        self.notes: list[str] = []
        self.repeats_itself: bool | None = None
        """Whether the same seed gives the same training; `None` as long as that is not known."""
        self.fewest_pairs = FEWEST_PAIRS

    @property
    def costs(self) -> Costs:
        """Of the trials on top of the answer."""
        return Costs(self.answer, self.watched.steps, self.ledger)

    def sides(self, candidate: Candidate) -> Sides:
        """What is compared to judge `candidate`."""
        return self.costs.sides(candidate)

    def without(self, seed: int) -> Condition:
        """The training that a further fix is compared with."""
        return Condition(self.answer, seed)

    def proof(self) -> Proof:
        """All that was found."""
        return Proof(
            comparisons=tuple(self.comparisons),
            results=self.ledger.results,
            answer=self.answer,
            steps=self.ledger.steps,
            notes=tuple(self.notes),
        )
