"""Gradients and steps of the weight matrices, in the order of the forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series

MEDIAN_OF = 200
"""Values, evenly spaced, of which a usual value is the median: its standard error is then a
tenth of their deviation."""
_EMPTY = Series.of(())


def trained_weights(run: RunRecord, optimizer: str) -> tuple[ParameterFact, ...]:
    """The weights with at least two axes that `optimizer` updates, from the input on.

    Biases and normalisation scales have no fan-in; most rows of an embedding have no
    gradient in any one step. Both would distort a comparison of layers.
    """
    return tuple(
        sorted(
            (
                parameter
                for parameter in run.parameters
                if parameter.optimizer == optimizer
                and parameter.requires_grad
                and len(parameter.shape) >= 2
                and not _is_embedding(run, parameter)
            ),
            key=lambda parameter: run.layer_order(parameter.layer),
        )
    )


def _is_embedding(run: RunRecord, parameter: ParameterFact) -> bool:
    layer = run.layer(parameter.layer)
    return layer is not None and "Embedding" in layer.kind


def rms_gradients(run: RunRecord, optimizer: str) -> Iterator[tuple[ParameterFact, Series]]:
    """Root mean square of the gradient's entries per weight: comparable across sizes."""
    norms = run.of("gradient_norm")
    for weight in trained_weights(run, optimizer):
        if weight.name in norms:
            norm = norms[weight.name]
            yield weight, Series(norm.steps, norm.values / np.sqrt(weight.size))


def usual_gradients(run: RunRecord, optimizer: str) -> dict[str, float]:
    """Root mean square gradient of each weight by name: the median over its recorded steps."""
    norms = run.of("gradient_norm")
    return {
        weight.name: _usual(norms[weight.name]) / float(np.sqrt(weight.size))
        for weight in trained_weights(run, optimizer)
        if weight.name in norms
    }


def usual_step(run: RunRecord, weight: ParameterFact) -> float:
    """Median of `relative_steps` of one weight, without its first quarter; `nan` if none is known.

    The first steps of an adaptive optimiser are alike for all weights, whatever their gradient.
    """
    ratios = run.of("update_ratio").get(weight.name, _EMPTY).part(0.25, 1.0)
    norms = run.of("parameter_norm").get(weight.name, _EMPTY)
    if not ratios or not norms:
        return float("nan")
    return _usual(ratios) * min(_usual(norms) / _usual_norm(weight), 1.0)


def _usual(series: Series) -> float:
    """Median of the finite values, of evenly spaced ones where there are very many."""
    values = series.values[:: max(1, len(series) // MEDIAN_OF)]
    return Series(np.arange(len(values)), values).median()


def _usual_norm(weight: ParameterFact) -> float:
    """Norm of an initialisation with standard deviation 1 / (2 sqrt(fan-in))."""
    return 0.5 * float(np.sqrt(min(weight.shape[:2])))


def relative_steps(run: RunRecord, optimizer: str) -> Iterator[tuple[ParameterFact, Series]]:
    """Length of each step relative to the weight, or to a normal weight where it is smaller.

    `update_ratio`, but with a floor for the norm: that of an initialisation with standard
    deviation 1 / (2 sqrt(fan-in)), about PyTorch's default. A layer that starts at zero or
    nearly so moves by a multiple of itself in every first step, and nothing is wrong.
    """
    ratios, norms = run.of("update_ratio"), run.of("parameter_norm")
    for weight in trained_weights(run, optimizer):
        if weight.name not in ratios or weight.name not in norms:
            continue
        ratio, norm = aligned(ratios[weight.name], norms[weight.name])
        scale = np.minimum(norm.values / _usual_norm(weight), 1.0)
        with np.errstate(invalid="ignore"):
            yield weight, Series(ratio.steps, ratio.values * scale).finite()


def aligned(first: Series, second: Series) -> tuple[Series, Series]:
    """Both series at the steps that both have."""
    steps, left, right = np.intersect1d(
        first.steps, second.steps, assume_unique=True, return_indices=True
    )
    return Series(steps, first.values[left]), Series(steps, second.values[right])


@final
@dataclass(frozen=True)
class WeightStep:
    """A step of an optimiser: `size` is relative to the norm of `parameter`."""

    step: int
    size: float
    parameter: str


def largest_steps(run: RunRecord, optimizer: str) -> tuple[WeightStep, ...]:
    """At each recorded step, the weight that it changed the most."""
    largest: dict[int, WeightStep] = {}
    for weight, series in relative_steps(run, optimizer):
        for step, size in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            if step not in largest or size > largest[step].size:
                largest[step] = WeightStep(step, size, weight.name)
    return tuple(largest[step] for step in sorted(largest))


def unseen_step(run: RunRecord, optimizer: str, moment: int) -> WeightStep | None:
    """The largest change of a norm around `moment` that steps of the usual size cannot make.

    For a large step between two recorded ones. `n` steps change a norm by `n` times their
    ratio at most; twice what the last three recorded ones allow is asked for.
    """
    found: list[WeightStep] = []
    for weight in trained_weights(run, optimizer):
        norms = run.of("parameter_norm").get(weight.name, Series.of([])).finite()
        ratios = run.of("update_ratio").get(weight.name, Series.of([])).finite()
        # The loss that shows a large step is that of the next one.
        before, after = norms.between(0, moment - 2), norms.between(moment - 1, run.steps)
        usual = ratios.between(0, moment - 2).values[-3:]
        if not before or not after or before.last == 0 or len(usual) == 0:
            continue
        change = abs(after.first - before.last) / before.last
        if change > 2 * usual.max() * int(after.steps[0] - before.steps[-1]):
            found.append(WeightStep(int(after.steps[0]) - 1, change, weight.name))
    return max(found, key=lambda each: each.size, default=None)
