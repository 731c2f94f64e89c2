"""Parameters that get a gradient and are never updated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import is_harmed

_EMPTY = Series.of(())


@final
@dataclass(frozen=True)
class ParameterNotInOptimizer(Rule, PreflightRule):
    """Parameters that get a gradient and are never updated.

    ## What it detects
    Parameters that require a gradient and that the loss depends on, but that were handed
    to no optimiser, while others of the same training were; or while an optimiser that steps
    after their loss holds nothing that gets a gradient, whatever another one has trained before.

    ## Why it matters
    They stay as they were initialised. The usual reasons: a layer kept in a plain Python
    list, a layer made or replaced after the optimiser, an optimiser over one part only.

    ## How it is measured
    The parameters met on the way from the loss, less those of every optimiser that
    stepped, and less those whose norm changes from sample to sample all the same
    (`loose_parameter_norm`): they are updated by hand. Where no recorded step of an optimiser
    had a gradient other than 0 (`total_gradient_norm`), the parameters whose norm stayed the same
    to the bit from its first step to its last. Before the first step, less those of every
    optimiser that was made. It is then mere information where the running code names
    `add_param_group`, or changes tensors in place in a function that reads their `grad`
    (`named_in_code`, `steps_by_hand`): what it does with them comes later.

    ## Known false positives
    A part that is frozen on purpose but without `requires_grad_(False)`: its gradients are
    computed for nothing.

    ## What to change
    Pass these parameters to the optimiser (make it after the last change to the model, keep
    layers in `nn.ModuleList`), or freeze them with `requires_grad_(False)`.

    ## References
    - PyTorch documentation, `torch.optim`: constructing an optimiser.
    """

    severity = Severity.ERROR
    explains = (
        "loss-plateau",
        "too-few-epochs",
        "optimizer-of-other-parameters",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "cannot-fit-one-batch",
    )
    fixes = ("add-parameters-to-optimizer",)

    min_samples: int = 5
    """Recorded steps of an optimiser that holds no gradient, as in `ParameterUnchanged`."""
    shown: int = 3
    """Names of parameters that the message lists."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        told: set[str] = set()
        for optimizer, losses in run.of("loss").items():
            gradients = run.of("total_gradient_norm").get(optimizer, _EMPTY)
            if not losses or np.any(gradients.values):
                continue
            steps = int(losses.steps[0]), int(losses.steps[-1])
            left = [each for each in run.parameters if self._stays(run, each.name, steps)]
            if left:
                told |= {each.name for each in left}
                yield self._finding_without_gradients(run, left, optimizer, steps)
        trained = [parameter for parameter in run.parameters if parameter.optimizer]
        if not trained and not told:
            raise CannotJudge("no parameter of an optimizer is known")
        forgotten = [
            parameter
            for parameter in run.parameters
            if parameter.requires_grad
            and parameter.reached
            and not parameter.optimizer
            and parameter.name not in told
            and not _is_updated_by_hand(run, parameter)
        ]
        if trained and forgotten:
            yield self._finding(run, forgotten, trained[0].optimizer)

    def _stays(self, run: RunRecord, parameter: str, steps: tuple[int, int]) -> bool:
        """Whether it got a gradient, was in no optimiser and did not move at these steps."""
        norms = run.of("loose_parameter_norm").get(parameter, _EMPTY).between(*steps)
        return len(norms) >= self.min_samples and len(set(norms.values.tolist())) == 1

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        later = _later(record)
        for finding in self.check(record.first_step):
            if not later:
                yield finding
                continue
            yield replace(
                finding,
                severity=Severity.INFO,
                message=f"{finding.message.removesuffix(', since step 0.')}. {later}",
                remedy=f"Nothing to do where that is meant for them. Else: {finding.remedy}",
            )

    def _finding_without_gradients(
        self, run: RunRecord, left: list[ParameterFact], optimizer: str, steps: tuple[int, int]
    ) -> Finding:
        finding = self._finding(run, left, optimizer)
        message = finding.message.removesuffix(", since step 0.")
        return replace(
            finding,
            steps=steps,
            message=f"{message}, and `{optimizer}` holds none that gets one, since step "
            f"{steps[0]}.",
            remedy=f"Make `{optimizer}` after the last change to the model (after layers are "
            "replaced or frozen), so that it holds what gets a gradient.",
        )

    def _finding(self, run: RunRecord, forgotten: list[ParameterFact], optimizer: str) -> Finding:
        elements = sum(parameter.size for parameter in forgotten)
        names = ", ".join(f"`{parameter.name}`" for parameter in forgotten[: self.shown])
        rest = len(forgotten) - self.shown
        more = f" and {rest} more" if rest > 0 else ""
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_harmed(run, optimizer) else Severity.WARNING,
            layer=forgotten[0].layer,
            site=run.site_of_optimizer(optimizer),
            steps=(0, max(run.steps - 1, 0)),
            message=f"No optimizer updates {names}{more} ({elements:,} elements, limit 0), which "
            "get a gradient, since step 0.",
            evidence={"parameters": len(forgotten), "elements": elements},
            remedy=f"Pass {names}{more} to `{optimizer}` (make it after the last change to the "
            "model), or freeze them with `requires_grad_(False)`.",
            fixes=self.fixes,
        )


def _is_updated_by_hand(run: RunRecord, parameter: ParameterFact) -> bool:
    norms = run.of("loose_parameter_norm").get(parameter.name)
    return norms is not None and len(set(norms.finite().values.tolist())) > 1


NEAR = 2.0
"""Of `named_in_code` and `steps_by_hand`: the functions that run, or one that they call."""


def _later(record: PreflightRecord) -> str:
    """What the running code may yet do with the parameters; empty where it does nothing."""
    if record.of("named_in_code").get("add_param_group", 0.0) >= NEAR:
        return "The running code adds parameters to an optimizer later (`add_param_group`)."
    if record.value("steps_by_hand") >= NEAR:
        return "The running code changes tensors by their gradients itself."
    return ""
