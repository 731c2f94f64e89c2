"""Trained parameters that the loss does not depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.records.run import ParameterFact, RunRecord
from defib.rules.base import CannotJudge, PreflightRule, Rule
from defib.rules.course import is_harmed


@final
@dataclass(frozen=True)
class ParameterWithoutGradient(Rule, PreflightRule):
    """Trained parameters that the loss does not depend on.

    ## What it detects
    Parameters that require a gradient and belong to an optimiser, but to which the graph
    of no recorded loss leads. Where these are all the parameters before some layer, the
    graph is cut there; elsewhere a layer is defined and never used.

    ## Why it matters
    They never receive a gradient and stay as they were initialised. Behind a cut, the
    rest of the network learns from random features.

    ## How it is measured
    The autograd graph is walked from the loss, and each parameter that is met is marked.
    Parameters are taken in the order of their registration.

    ## Known false positives
    A frozen feature extractor that was handed to the optimiser all the same (a warning
    as long as the loss falls); a head that a pretrained model brings along and nobody
    calls (told, no more, while the loss falls). Not judged where part of the graph is
    hidden (compiled code, reentrant checkpoints).

    ## What to change
    Remove the `detach()`, `.data`, `.item()`, NumPy conversion or `torch.no_grad()` before
    the named layer; call the unused layer in `forward`, or delete it.

    ## References
    - PyTorch documentation, *Autograd mechanics*: locally disabling gradient computation.
    """

    severity = Severity.ERROR
    explains = (
        "loss-plateau",
        "zero-gradient",
        "vanishing-gradient",
        "parameter-not-in-optimizer",
        "cannot-fit-one-batch",
        "input-not-used",
        "learning-rate-too-low",
        "learning-rate-too-high",
        "unsuitable-initialization",
    )
    fixes = ("reconnect-graph",)

    shown: int = 3
    """Names of parameters that a message lists."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if run.coverage.opaque:
            raise CannotJudge(f"part of the graph is hidden: {', '.join(run.coverage.opaque)}")
        if not run.losses:
            raise CannotJudge("no loss was read")
        for optimizer in run.optimizers:
            trained = [
                parameter
                for parameter in run.parameters
                if parameter.requires_grad and parameter.optimizer == optimizer.name
            ]
            groups = [
                (reached, list(group)) for reached, group in groupby(trained, key=_is_reached)
            ]
            for index, (reached, group) in enumerate(groups):
                if not reached:
                    after = groups[index + 1][1][0] if index + 1 < len(groups) else None
                    yield self._finding(run, group, after, is_cut=index == 0)

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        # An optimiser of which this loss reaches nothing belongs to a loss that comes later.
        run = record.first_step
        of_this_loss = {each.optimizer for each in run.parameters if _is_reached(each)}
        optimizers = tuple(each for each in run.optimizers if each.name in of_this_loss)
        yield from self.check(replace(run, optimizers=optimizers))

    def _finding(
        self,
        run: RunRecord,
        group: list[ParameterFact],
        after: ParameterFact | None,
        *,
        is_cut: bool,
    ) -> Finding:
        optimizer, layer = group[0].optimizer, group[0].layer
        mild, harmful = (
            (Severity.WARNING, Severity.ERROR) if is_cut else (Severity.INFO, Severity.WARNING)
        )
        names = ", ".join(f"`{each.name}`" for each in group[: self.shown])
        more = f" and {len(group) - self.shown} more" if len(group) > self.shown else ""
        where = f" and which are all before `{after.layer}`" if is_cut and after else ""
        return Finding(
            rule=self.name(),
            severity=harmful if is_harmed(run, optimizer) else mild,
            layer=layer,
            site=run.site_of_layer(after.layer if is_cut and after else layer)
            or run.site_of_optimizer(optimizer),
            steps=(0, max(run.steps - 1, 0)),
            message=f"The loss does not depend on {names}{more} (limit 0 parameters), which "
            f"`{optimizer}` trains{where}, since step 0.",
            evidence={"parameters": len(group), "elements": sum(each.size for each in group)},
            remedy=_remedy(layer, group[-1].layer, after) if is_cut else _UNUSED.format(layer),
            fixes=self.fixes if is_cut else (),
        )


_UNUSED = "Call `{}` in `forward`, or delete it."


def _is_reached(parameter: ParameterFact) -> bool:
    return parameter.reached


def _remedy(first: str, last: str, after: ParameterFact | None) -> str:
    place = f"between `{last}` and `{after.layer}`" if after else f"between `{last}` and the loss"
    return (
        f"Look {place} for `detach()`, `.data`, NumPy or `torch.no_grad()` and remove it; "
        f"if nothing calls `{first}`, delete it."
    )
