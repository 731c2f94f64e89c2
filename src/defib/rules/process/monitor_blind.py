"""Parts of the training that the monitor could not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import Rule

ACTIVATION_METRICS = ("activation_mean", "activation_std", "zero_fraction", "saturated_fraction")


@final
@dataclass(frozen=True)
class MonitorBlind(Rule):
    """Parts of the training that the monitor could not see.

    ## What it detects
    Steps without a loss or a backward call, a graph whose inside is hidden, and saved
    tensors that could not be read at any recorded step.

    ## Why it matters
    Rules that lack their measurements are silent, and silence looks like health.

    ## How it is measured
    The coverage that the monitor writes: backward calls, recorded steps, recorded steps
    whose saved tensors were not read, and graph nodes that hide others.

    ## Known false positives
    None: it tells what was not measured, not that anything is wrong.

    ## What to change
    Run once in a way that can be watched, for example without `torch.compile`.

    ## References
    - PyTorch issue 117758: hooks are skipped under `torch.compile`.
    """

    severity = Severity.INFO

    def check(self, run: RunRecord) -> Iterator[Finding]:
        if run.steps == 0:
            return
        problems = (_unseen_loss(run), _hidden_layers(run), _unreadable_tensors(run))
        for problem in problems:
            if problem is not None:
                message, remedy = problem
                yield Finding(
                    rule=self.name(),
                    severity=self.severity,
                    site=next((each.step_site for each in run.optimizers), None),
                    steps=(0, run.steps - 1),
                    message=message,
                    evidence={
                        "backward_calls": float(run.coverage.backward_calls),
                        "sampled_steps": float(run.coverage.sampled_steps),
                        "unreadable_steps": float(run.coverage.unreadable_steps),
                        "opaque": ", ".join(run.coverage.opaque),
                    },
                    remedy=remedy,
                )


def _unseen_loss(run: RunRecord) -> tuple[str, str] | None:
    """What was not seen and why, then what to do; so for each of the three problems."""
    if any(run.of("loss").values()):
        return None
    if run.coverage.backward_calls == 0:
        return (
            f"No loss was recorded: the optimizer took {run.steps} steps (limit 0), since step 0, "
            "but no call of `backward` was seen. Gradients come from elsewhere, such as "
            "`torch.autograd.grad` or `torch.func`.",
            "Call `loss.backward()` in the process that calls `optimizer.step()`.",
        )
    return (
        f"No loss was recorded although `backward` was called {run.coverage.backward_calls} "
        "times, since step 0: no call belonged to a step of an optimizer, or none was on a "
        "single number.",
        "Call `backward` on the scalar loss, in the thread that calls `optimizer.step()`.",
    )


def _hidden_layers(run: RunRecord) -> tuple[str, str] | None:
    opaque = run.coverage.opaque
    if not opaque or any(run.of(metric) for metric in ACTIVATION_METRICS):
        return None
    return (
        "No activation was recorded since step 0: the graph has nodes that hide what is inside "
        f"them, of {len(opaque)} kinds (limit 0): {', '.join(opaque[:3])}.",
        "For one run, switch compilation off (`TORCH_COMPILE_DISABLE=1`) and activation "
        "checkpointing likewise."
        if any("Compiled" in name for name in opaque)
        else "For one run, call the model without activation checkpointing or custom functions.",
    )


def _unreadable_tensors(run: RunRecord) -> tuple[str, str] | None:
    coverage = run.coverage
    if not 0 < coverage.sampled_steps == coverage.unreadable_steps:
        return None
    return (
        f"Activations, inputs and predictions were read at none of the {coverage.sampled_steps} "
        "recorded steps, since step 0: the script uses saved-tensor hooks (activation "
        "checkpointing or offloading), which reading would run once more.",
        "For one run, leave out `torch.utils.checkpoint` or `saved_tensors_hooks`.",
    )
