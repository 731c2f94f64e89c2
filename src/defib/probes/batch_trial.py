"""Copies that are trained on the same examples in batches of other sizes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar, final

from defib.monitor.transfer import loss_value
from defib.probes.base import Probe
from defib.probes.example_pool import ExamplePool, example_pool, largest_part, loss_of_part
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Replica, Setup

FACTOR = 16
"""Between the sizes that are compared."""
SMALL = 8
"""A batch below it is compared with one 16 times as large. Batches of 8 and more trained best, or
as well, in Masters and Luschi 2018, arXiv:1804.07612, from 2 on."""
FEW_BATCHES = 10
"""A batch of which an epoch has fewer is compared with a 16th of it."""
LEAST = 64
"""Examples of a batch that is called large."""
EPOCHS = 5
HELD_SHARE = 0.2
"""Of the examples, on which both are compared; neither is trained on them."""
MOST_HELD = 512
SECONDS = 1.0
"""Of the thread's own time, for the copy with the smaller batches; the other takes less."""
SHARE = 0.3
"""Of the time that is left for all probes."""


@final
class BatchTrial(Probe):
    """Where the batch is small, or most of the data: another size for as many examples.

    Two copies, each with a copy of the optimiser, are trained for up to 5 epochs of the examples
    at hand. `batch_trial_progress`: how far the loss on a held-out fifth fell, of the `own` size
    and of the `other`, a sixteenth or sixteen times as large; `batch_trial_size` is that size,
    `batch_trial_examples` how many examples both saw.
    """

    measures = ("batch_trial_progress", "batch_trial_size", "batch_trial_examples")
    order: ClassVar[int] = 210

    def measure(self, setup: Setup, into: Measurements) -> None:
        if any(each.keywords.get("reduction") == "sum" for each in setup.own_losses):
            raise CannotMeasure("the loss is a sum, and grows with the batch")
        pool = example_pool(setup)
        held = min(int(HELD_SHARE * pool.count), MOST_HELD)
        sizes, largest = _sizes(pool, pool.count - held), largest_part(setup, pool)
        if max(sizes) > largest:
            raise CannotMeasure(f"a batch of {max(sizes)} may not fit into memory")
        held = min(held, largest)
        first = loss_on(setup.replica(), pool, held)
        # The smaller batches first: they take the time, and the larger ones see as much.
        small, large = sorted(sizes)
        seen = _seen_in_time(setup, pool, held, small=small, large=large)
        ends = {
            small: seen.loss,
            large: _loss_after(setup, pool, held, size=large, examples=seen.examples),
        }
        own, other = sizes
        into.single.add("batch_trial_progress", "own", _progress(first, ends[own]))
        into.single.add("batch_trial_progress", "other", _progress(first, ends[other]))
        into.single.add("batch_trial_size", "", float(other))
        into.single.add("batch_trial_examples", "", float(seen.examples // large * large))


@final
@dataclass(frozen=True)
class Seen:
    """How many examples a copy was trained on in its time, and the loss that it has then."""

    examples: int
    loss: float


def _seen_in_time(setup: Setup, pool: ExamplePool, held: int, *, small: int, large: int) -> Seen:
    """Training in batches of the smaller size, for whole batches of the larger one."""
    end, left = time.thread_time() + SECONDS, setup.budget.left * (1 - SHARE)
    replica, examples = setup.replica(), 0
    allowed = EPOCHS * (pool.count - held) // large * large
    while examples < allowed:
        _step(replica, pool, held, size=small, step=examples // small)
        is_whole = (examples + small) // large > examples // large
        examples += small
        if is_whole and (time.thread_time() > end or setup.budget.left < left):
            break
    if examples < large:
        raise CannotMeasure("the examples are too few for a step of the larger size")
    return Seen(examples, loss_on(replica, pool, held))


def _loss_after(setup: Setup, pool: ExamplePool, held: int, *, size: int, examples: int) -> float:
    replica = setup.replica()
    for step in range(examples // size):
        _step(replica, pool, held, size=size, step=step)
    return loss_on(replica, pool, held)


def _sizes(pool: ExamplePool, count: int) -> tuple[int, int]:
    """The own size and the other one, of which `count` examples hold at least two batches."""
    own = min(pool.batch, count)
    if not pool.epoch_batches:
        raise CannotMeasure("no loader gives further examples")
    if own < SMALL and count >= 2 * FACTOR * own:
        return own, FACTOR * own
    if own >= LEAST and pool.epoch_batches < FEW_BATCHES and count >= 2 * own // FACTOR:
        return own, own // FACTOR
    raise CannotMeasure(
        f"the batch has {SMALL} examples or more, and an epoch {FEW_BATCHES} batches or more"
    )


def _step(replica: Replica, pool: ExamplePool, held: int, *, size: int, step: int) -> None:
    for each in replica.parameters.values():
        each.grad = None
    rows = (pool.count - held) // size
    begin = held + step % rows * size
    loss_of_part(replica, pool, slice(begin, begin + size)).backward()
    replica.optimizer.step()


def loss_on(replica: Replica, pool: ExamplePool, held: int) -> float:
    """The loss of the examples that are held out."""
    return float(loss_value(loss_of_part(replica, pool, slice(0, held))))


def _progress(first: float, end: float) -> float:
    """How far a loss fell; a loss that is no number any more has fallen infinitely little."""
    return first - end if math.isfinite(end) else -math.inf
