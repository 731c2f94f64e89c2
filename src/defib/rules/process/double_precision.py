"""A network in float64 that float32 would serve as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule


@final
@dataclass(frozen=True)
class DoublePrecision(PreflightRule):
    """A network in float64 that float32 would serve as well.

    ## What it detects
    Parameters that are mostly float64, and outputs that hardly change where a copy of the network
    computes in float32. It mostly comes from NumPy, whose numbers are float64: torch raises
    "expected Float but found Double", and `model.double()` makes the error go away.

    ## Why it matters
    Twice the memory and half the speed on a CPU; on most GPUs 32 to 64 times slower, and no tensor
    cores.

    ## How it is measured
    `double_share` of the elements of all parameters; `single_precision_difference` of the outputs
    of the first batch in evaluation mode, relative to their norm.

    ## Known false positives
    Trainings that need the digits later: differential equations, LBFGS near a minimum. It is
    information only.

    ## What to change
    `torch.from_numpy(array).float()`, or `torch.tensor(array, dtype=torch.float32)`, and no
    `double()`.

    ## References
    - PyTorch documentation, `torch.get_default_dtype`, `torch.from_numpy`.
    - NVIDIA, *CUDA C++ Programming Guide*: throughput of arithmetic instructions, by device.
    """

    severity = Severity.INFO
    requires_preflight = ("double_share",)

    max_share: float = 0.5
    """Share of the elements that may be float64, in [0, 1]: a few of them cost nothing."""
    min_difference: float = 1e-3
    """Relative change of the outputs from which on the digits matter, dimensionless: rounding by
    2 ** -24 in a network of a few layers gives 1e-7 to 1e-5."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        share = record.value("double_share")
        if not share > self.max_share:
            return
        difference = record.value("single_precision_difference")
        if not difference >= 0:
            raise CannotJudge("the network was not computed in float32")
        if difference < self.min_difference:
            optimizer = record.loss.optimizer if record.loss else ""
            yield self.found(
                f"{share:.0%} of the parameters' elements are float64 (limit "
                f"{self.max_share:.0%}), and in float32 the outputs of the first batch change by "
                f"{difference:.1g} of their norm.",
                "Make inputs and network float32 (`.float()`), if nothing later needs the digits.",
                site=record.facts.site_of_optimizer(optimizer),
                evidence={"double_share": share, "single_precision_difference": difference},
            )
