"""An optimiser that holds tensors of no network that is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import PreflightRule


@final
@dataclass(frozen=True)
class OptimizerOfOtherParameters(PreflightRule):
    """An optimiser that holds tensors of no network that is trained.

    ## What it detects
    Tensors in a parameter group that the loss does not reach and that belong to no living
    network which this training updates, where the loss does reach parameters that no optimiser
    holds.

    ## Why it matters
    The optimiser was made before the network was made again, converted or had a layer replaced:
    it steps what nobody uses any more, and the network stays as it is.

    ## How it is measured
    `foreign_parameters` of all `group_parameters`; the parameters reached by the graph of the
    first loss and held by no optimiser.

    ## Known false positives
    Loose tensors that only a later loss uses, beside a part that is left out on purpose.

    ## What to change
    Make the optimiser after the last change to the network.

    ## References
    - PyTorch documentation, `torch.optim`: constructing an optimiser.
    - Jiang et al., *TrainCheck* (2025): parameters of model and optimiser must agree.
    """

    severity = Severity.ERROR
    requires_preflight = ("foreign_parameters",)
    explains = (
        "parameter-without-gradient",
        "cannot-fit-one-batch",
        "loss-plateau",
    )

    max_parameters: float = 0.0
    """Tensors: by definition."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        forgotten = [
            each
            for each in record.facts.parameters
            if each.reached and each.requires_grad and not each.optimizer
        ]
        for group, number in record.of("foreign_parameters").items():
            if number > self.max_parameters and forgotten:
                every = record.of("group_parameters").get(group, number)
                yield self.found(
                    f"{number:.0f} of {every:.0f} tensors in `{group}` belong to no network of "
                    f"this training (limit {self.max_parameters:.0f}), and no optimizer holds "
                    f"`{forgotten[0].name}`, which the loss reaches.",
                    "Make the optimizer after the last change to the network: after replacing "
                    "layers, loading, `.to(...)` and wrapping.",
                    site=record.facts.site_of_optimizer(group.partition("[")[0]),
                    evidence={"foreign_parameters": number},
                )
