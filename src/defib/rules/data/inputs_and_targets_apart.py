"""Inputs and targets that are shuffled apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class InputsAndTargetsApart(PreflightRule):
    """Inputs and targets that are shuffled apart.

    ## What it detects
    Inputs and targets that come from two data loaders of which at least one shuffles, each in an
    order of its own.

    ## Why it matters
    Every input is compared with the target of another example. The loss falls no further than to
    a constant prediction on new data, and a large network learns the pairs by heart: it looks
    like overfitting.

    ## How it is measured
    `shuffled_apart` (0 or 1): which loaders gave the batches that hold the network's input and
    the targets of the loss; whether they shuffle, and whether by generators that began with the
    same seed.

    ## Known false positives
    Unpaired data on purpose (adversarial or contrastive training) with one of torch's loss
    functions between the two.

    ## What to change
    One data set that gives pairs: `TensorDataset(inputs, targets)`, and one loader.

    ## References
    - PyTorch documentation, `torch.utils.data.TensorDataset`.
    - Ben Braiek, Khomh, *TheDeepChecker* (2023): corrupted labels.
    """

    severity = Severity.ERROR
    requires_preflight = ("shuffled_apart",)
    explains = (
        "loss-plateau",
        "cannot-fit-one-batch",
        "inputs-unlike-targets",
    )

    limit: float = 0.0
    """1 where the orders differ: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        if record.value("shuffled_apart") > self.limit:
            loaders = [each for each in record.facts.loaders if each.shuffle]
            yield self.found(
                "The inputs and the targets come from two loaders that shuffle each in its own "
                "order "
                "(limit one order): every input meets the target of another example.",
                "Make one data set of pairs, `TensorDataset(inputs, targets)`, and one loader.",
                site=loaders[-1].site if loaders else None,
            )
