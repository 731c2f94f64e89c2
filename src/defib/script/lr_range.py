"""A learning-rate range test within a script that runs unmodified."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace

from defib.errors import UsageError
from defib.records.learning_rate_range import LearningRateRange, Sweep, SweepEnding
from defib.report.quantities import count, enumeration
from defib.script.driven_steps import DrivenSteps
from defib.script.first_backward import nothing_trained
from defib.script.outcome import Ending, Outcome
from defib.training.range_options import RangeOptions
from defib.training.range_stop import SweepRecorder, learning_rates


def range_of_script(
    name: str, launch: Callable[[], Outcome], options: RangeOptions
) -> LearningRateRange:
    """The answer of the range test on the training that `launch` runs, in this process.

    The script `name` is stopped at the end of the sweep. Raises `UsageError` where it takes
    no step of an optimiser of torch, or has no loss to go by.
    """
    # A compiled step would be compiled anew for each learning rate.
    os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    begun = time.perf_counter()
    recorder = SweepRecorder(learning_rates(options.start, options.end, options.steps))
    driven = DrivenSteps(recorder)
    outcome = driven.run(launch)
    if recorder.steps == 0 or not driven.has_loss:
        raise UsageError(_nothing_to_sweep(name, driven, outcome))
    from defib.training.range_curve import range_from
    from defib.training.steering import momentum_of

    if recorder.ending is None and outcome.ending is Ending.RAISED and driven.has_broken_down():
        recorder.add(math.nan)
    momentum = momentum_of(driven.optimizer) if driven.optimizer is not None else 0.0
    sweep = recorder.sweep(momentum)
    if not math.isfinite(sweep.first_loss):
        raise UsageError(
            f"The loss of `{name}` is {sweep.first_loss} before the first step: no learning "
            "rate mends that. `defib check` looks for the cause."
        )
    return replace(
        range_from(sweep),
        groups=driven.rates.groups,
        current=driven.rates.reference,
        name=name,
        seconds=time.perf_counter() - begun,
        notes=_notes(name, sweep, driven, options),
    )


def _nothing_to_sweep(name: str, driven: DrivenSteps, outcome: Outcome) -> str:
    if not driven.has_loss:
        return (
            f"`{name}` steps `{type(driven.optimizer).__name__}` without a call of `backward`: "
            "there is no loss to go by. Use `defib.lr_range_test` in Python."
        )
    sentence = nothing_trained(name, outcome)
    return f"{sentence} A range test needs a step of an optimiser of `torch.optim`."


def _notes(name: str, sweep: Sweep, driven: DrivenSteps, options: RangeOptions) -> tuple[str, ...]:
    notes: list[str] = []
    taken = len(sweep.losses)
    if sweep.ending is SweepEnding.DATA_ENDED:
        notes.append(
            f"`{name}` ended after {taken + 1} of {options.steps + 1} steps, before the range "
            f"was swept: let it train for longer, or sweep with `--steps {taken}`."
        )
    optimizers = tuple(dict.fromkeys(each.optimizer for each in driven.rates.groups))
    if len(optimizers) > 1:
        notes.append(
            f"{enumeration(tuple(f'`{each}`' for each in optimizers))} were swept together, in "
            "proportion to their own learning rates."
        )
    if driven.skipped_files:
        notes.append(
            f"{count(driven.skipped_files, 'call')} of `torch.save` wrote nothing: weights of a "
            "sweep are of no use."
        )
    return tuple(notes)
