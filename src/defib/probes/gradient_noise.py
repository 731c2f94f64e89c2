"""How much the gradients of single examples differ, on a copy with the initial weights."""

from __future__ import annotations

import time
from typing import ClassVar, final

import torch
from torch import Tensor

from defib.metrics.gradient_signal import gradient_signal
from defib.probes.base import Probe
from defib.probes.example_pool import (
    MOST_EXAMPLES,
    ExamplePool,
    example_pool,
    largest_part,
    loss_of_part,
)
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

PARTS = 32
"""Gradients that are compared: the noise is then known to a fifth and better."""
FEWEST_PARTS = 12
SECONDS = 0.8
"""Of the thread's own time, for all parts."""
SHARE = 0.2
"""Of the time that is left for all probes."""
MOST_ELEMENTS = 1 << 25
"""Of all gradients together: 128 MB."""


@final
class GradientNoise(Probe):
    """The examples of further batches, or of the first one alone, in 32 parts: a gradient of each.

    `gradient_noise`: trace of the covariance of the gradients of single examples.
    `gradient_signal`, `gradient_signal_error`: squared norm of the mean gradient without the
    noise in it, and its standard error. `batch_examples`: examples of the first batch.
    """

    measures = ("gradient_noise", "gradient_signal", "gradient_signal_error", "batch_examples")
    order: ClassVar[int] = 205

    def measure(self, setup: Setup, into: Measurements) -> None:
        pool = example_pool(setup)
        part = min(min(pool.count, MOST_EXAMPLES) // PARTS, largest_part(setup, pool))
        if part < 1:
            raise CannotMeasure(f"{pool.count} examples are too few for {PARTS} parts")
        gradients = _gradients(setup, pool, part)
        found = gradient_signal((gradients @ gradients.T).double(), part)
        name = setup.optimizer_name
        into.single.add("gradient_noise", name, found.noise)
        into.single.add("gradient_signal", name, found.signal)
        into.single.add("gradient_signal_error", name, found.signal_error)
        into.single.add("batch_examples", name, float(pool.batch))


def _gradients(setup: Setup, pool: ExamplePool, part: int) -> Tensor:
    """The gradient of each part, one in a row; as many as there is time for."""
    replica = setup.replica()
    parameters = list(replica.parameters.values())
    if PARTS * sum(each.numel() for each in parameters) > MOST_ELEMENTS:
        raise CannotMeasure(f"the network is too large for the gradients of {PARTS} parts")
    end, left = time.thread_time() + SECONDS, setup.budget.left * (1 - SHARE)
    found: list[Tensor] = []
    for index in range(PARTS):
        loss = loss_of_part(replica, pool, slice(index * part, (index + 1) * part))
        given = torch.autograd.grad(loss, parameters, allow_unused=True)
        flat = [each.to_dense().reshape(-1).float() for each in given if each is not None]
        if not flat:
            raise CannotMeasure("no parameter got a gradient")
        found.append(torch.cat(flat))
        if time.thread_time() > end or setup.budget.left < left:
            break
    if len(found) < FEWEST_PARTS:
        raise CannotMeasure(f"in the time for it only {len(found)} gradients could be made")
    return torch.stack(found)
