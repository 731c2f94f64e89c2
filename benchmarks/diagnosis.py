"""How long a diagnosis takes, and how fast the command line starts.

    python benchmarks/diagnosis.py

The record has 10,000 sampled steps and 100 layers: every metric at every step, far more
than a real run keeps. Each time is the least of several, in milliseconds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from defib.diagnosis import diagnose
from defib.records.run import LayerFact, LossFact, OptimizerFact, ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import all_rules

STEPS, LAYERS = 10_000, 100
PER_PARAMETER = (
    *("gradient_norm", "parameter_norm", "update_ratio"),
    *("zero_gradient_fraction", "unit_spread", "gradient_sign_agreement"),
)
PER_LAYER = (
    *("activation_mean", "activation_std", "activation_batch_std"),
    *("zero_fraction", "dead_unit_fraction", "saturated_fraction"),
)
PER_OPTIMIZER = (
    *("learning_rate", "total_gradient_norm", "carried_gradient_ratio", "prediction_mean"),
    *("prediction_std", "prediction_batch_std", "prediction_top_share", "accuracy"),
    *("label_mix_loss",),
)
PER_INPUT = (
    *("input_mean", "input_std", "input_minimum", "input_maximum"),
    *("input_scale_ratio", "input_largest_scale", "input_largest_feature"),
)


def large_record() -> RunRecord:
    """A record whose loss falls from 2.3 to 0.5 with noise, and whose metrics are noise."""
    random = np.random.default_rng(0)
    steps = np.arange(STEPS)
    names = [f"layer{number}" for number in range(LAYERS)]

    def noise() -> Series:
        return Series(steps, random.uniform(0.01, 0.02, STEPS))

    loss = 0.5 + 1.8 * np.exp(-steps / 2000) + 0.05 * random.standard_normal(STEPS)
    series = {"loss": {"Adam": Series(steps, loss)}}
    series |= {metric: {"Adam": noise()} for metric in PER_OPTIMIZER}
    series |= {metric: {name: noise() for name in names} for metric in PER_LAYER}
    series |= {metric: {names[0]: noise()} for metric in PER_INPUT}
    series |= {metric: {f"{name}.weight": noise() for name in names} for metric in PER_PARAMETER}
    labels = {str(k): Series(steps, random.binomial(32, 0.1, STEPS) + 0.0) for k in range(10)}
    return RunRecord(
        steps=STEPS,
        layers=tuple(
            LayerFact(n, "Linear", order=i, optimizer="Adam") for i, n in enumerate(names)
        ),
        parameters=tuple(
            ParameterFact(f"{n}.weight", n, (64, 64), optimizer="Adam") for n in names
        ),
        optimizers=(OptimizerFact("Adam", "Adam"),),
        losses=(LossFact("Adam", "cross-entropy"),),
        series=series | {"label_count": labels},
    )


def least_milliseconds(action: Callable[[], object], repeats: int) -> float:
    """The least of `repeats` times: what is above it is the machine's other work."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return 1000 * min(times)


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    record = large_record()
    print(f"{len(all_rules())} rules on {STEPS:,} steps and {LAYERS} layers: ", end="")
    print(f"{least_milliseconds(lambda: diagnose(record), 7):.0f} ms")
    command = str(Path(sys.executable).with_name("defib"))
    help_time = least_milliseconds(
        lambda: subprocess.run([command, "--help"], capture_output=True, check=True), 10
    )
    print(f"defib --help: {help_time:.0f} ms (a bare python: ", end="")
    print(f"{least_milliseconds(lambda: python('-c', ''), 10):.0f} ms)")
    loaded = python("-c", "import defib, sys; print('torch' in sys.modules)")
    print(f"import defib imports torch: {loaded.strip()}")


if __name__ == "__main__":
    main()
