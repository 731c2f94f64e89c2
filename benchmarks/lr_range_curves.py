"""Curves of a learning-rate range test whose answer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defib.records.learning_rate_range import Sweep, SweepEnding
from defib.training.range_stop import SweepRecorder, learning_rates

Numbers = NDArray[np.float64]

NOISES = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Standard deviation of the noise, relative to the descent of the loss."""
STEPS = 700
"""As `defib lr-range` sweeps by default."""
OTHERS_STEPS = 100
"""As the other tools sweep by default."""


@dataclass(frozen=True)
class KnownCurve:
    """A sweep with the decades of its steepest point and of its largest stable rate.

    Both are `None` for a curve without a descent; `steepest` is `None` as well where the curve
    without noise has no single steepest point.
    """

    family: str
    sweep: Sweep
    steepest: float | None
    stable: float | None


def every_curve(seed: int) -> Iterator[KnownCurve]:
    """All families, each member drawn from `seed`."""
    generator = np.random.default_rng(seed)
    for noise in NOISES:
        for _ in range(20):
            yield synthetic(generator, noise)
    for momentum in (0.0, 0.5, 0.9):
        for _ in range(10):
            yield quadratic(generator, momentum)
    for _ in range(30):
        yield linear_regression(generator)
    for _ in range(30):
        yield flat(generator)
    for _ in range(30):
        yield diverging_at_once(generator)


def curves_of_other_tools(seed: int) -> Iterator[KnownCurve]:
    """The synthetic family as other tools expect a curve: a hundred steps, positive losses."""
    generator = np.random.default_rng(seed)
    for noise in NOISES:
        for _ in range(20):
            yield synthetic(generator, noise, steps=OTHERS_STEPS, is_positive=True)


def synthetic(
    generator: np.random.Generator,
    noise: float,
    *,
    steps: int = STEPS,
    is_positive: bool = False,
) -> KnownCurve:
    """Flat, a sigmoid descent, a blow-up by a power of the learning rate.

    Of random place, width, power, height and sign of the loss; half of them with heavy tails
    (Student's t of 4 degrees), a third with a spike of thrice the descent on the flat part.
    The truth is that of the curve without noise: its steepest point, and where it is a tenth of
    the descent above its lowest level.
    """
    steepest = generator.uniform(-4.5, -1.5)
    width, power = generator.uniform(0.15, 0.5), generator.uniform(1.5, 4)
    blow_up = steepest + generator.uniform(1.0, 2.5)
    descent, top = 10 ** generator.uniform(-3, 3), 3 * generator.normal()
    top = descent * generator.uniform(1.3, 3) if is_positive else top

    def clean(decades: Numbers) -> Numbers:
        fall = 1 / (1 + np.exp(-(decades - steepest) / width))
        return top + descent * (10 ** (power * (decades - blow_up)) - fall)

    rates = np.array(learning_rates(1e-6, 10.0, steps))
    draw: Callable[[int], Numbers] = (
        generator.standard_normal
        if generator.random() < 0.5
        else lambda size: generator.standard_t(4, size) / np.sqrt(2.0)
    )
    losses = clean(np.log10(rates)) + noise * descent * draw(steps)
    if generator.random() < 1 / 3:
        losses[generator.integers(steps // 10, steps // 4)] += 3 * descent
    first = top + noise * descent * float(draw(1)[0])
    true = _truth(clean)
    return KnownCurve(f"synthetic, noise {noise:g}", _recorded(rates, first, losses), *true)


def _truth(clean: Callable[[Numbers], Numbers]) -> tuple[float, float]:
    decades = np.linspace(-6, 1, 20_001)
    losses = clean(decades)
    lowest = int(np.argmin(losses))
    slope = np.gradient(losses, decades)[: lowest + 1]
    limit = losses[lowest] + 0.1 * (losses[0] - losses[lowest])
    behind = np.flatnonzero(losses[lowest:] > limit)
    return float(decades[np.argmin(slope)]), float(decades[lowest + behind[0]])


def quadratic(generator: np.random.Generator, momentum: float) -> KnownCurve:
    """Gradient descent on a quadratic of 1 to 20 directions; its limit is 2 (1 + m)/curvature."""
    curvatures = _curvatures(generator)
    limit = 2 * (1 + momentum) / curvatures.max()
    rates = _rates_around(limit, generator)
    position = generator.normal(size=len(curvatures)) / np.sqrt(curvatures)
    velocity = np.zeros(len(curvatures))

    def losses() -> Iterator[float]:
        nonlocal position, velocity
        for rate in (*rates, rates[-1]):
            yield 0.5 * float((curvatures * position**2).sum())
            velocity = momentum * velocity + curvatures * position
            position = position - rate * velocity

    sweep = _swept(rates, losses(), momentum)
    return KnownCurve("quadratic, exact gradients", sweep, None, float(np.log10(limit)))


def linear_regression(generator: np.random.Generator) -> KnownCurve:
    """Stochastic gradient descent on fresh Gaussian batches with noise on the targets.

    In the mean of squares it is stable up to the rate a at which the sum over the curvatures
    c of a c / (B (2 - a c (B + 1)/B)) is 1, for batches of B; for large ones that is 2/c.
    """
    curvatures = _curvatures(generator)
    batch = int(2 ** generator.integers(5, 9))
    limit = _mean_square_limit(curvatures, batch)
    rates = _rates_around(limit, generator)
    error = generator.normal(size=len(curvatures)) / np.sqrt(curvatures)
    deviation = np.sqrt(len(curvatures)) * 10 ** generator.uniform(-1.5, -0.3)

    def losses() -> Iterator[float]:
        nonlocal error
        for rate in (*rates, rates[-1]):
            inputs = generator.normal(size=(batch, len(curvatures))) * np.sqrt(curvatures)
            residuals = inputs @ error + deviation * generator.normal(size=batch)
            yield 0.5 * float((residuals**2).mean())
            error = error - rate * (inputs.T @ residuals) / batch

    sweep = _swept(rates, losses(), 0.0)
    return KnownCurve("linear regression, noisy", sweep, None, float(np.log10(limit)))


def flat(generator: np.random.Generator) -> KnownCurve:
    """Noise about a level, normal or with heavy tails, that no learning rate changes."""
    noise = generator.standard_normal(STEPS + 1)
    if generator.random() < 0.5:
        noise = generator.standard_t(3, STEPS + 1)
    losses = 3 * generator.normal() + 10 ** generator.uniform(-3, 1) * noise
    rates = np.array(learning_rates(1e-6, 10.0, STEPS))
    return KnownCurve("flat", _recorded(rates, float(losses[0]), losses[1:]), None, None)


def diverging_at_once(generator: np.random.Generator) -> KnownCurve:
    """A level, and then a rise by a power of the learning rate, without any descent."""
    rates = np.array(learning_rates(1e-6, 10.0, STEPS))
    place = generator.uniform(-6.5, 0)
    rise = 10 ** (generator.uniform(1, 4) * (np.log10(rates) - place))
    noise = generator.choice(NOISES) * generator.standard_normal(STEPS)
    losses = 3 * generator.normal() + 10 ** generator.uniform(-2, 2) * (rise + noise)
    first = float(losses[0])
    return KnownCurve("diverging at once", _recorded(rates, first, losses), None, None)


def _curvatures(generator: np.random.Generator) -> Numbers:
    count, condition = int(generator.integers(1, 21)), generator.uniform(0, 3)
    return 10 ** (generator.uniform(-2, 2) - condition * generator.random(count))


def _rates_around(limit: float, generator: np.random.Generator) -> Numbers:
    """Seven decades, with the limit in the last but one to three of them."""
    start = limit * 10 ** generator.uniform(-6, -4)
    return np.array(learning_rates(start, start * 1e7, STEPS))


def _mean_square_limit(curvatures: Numbers, batch: int) -> float:
    low, high = 0.0, 2 / curvatures.max() * batch / (batch + 1)
    for _ in range(200):
        rate = (low + high) / 2
        scaled = rate * curvatures
        total = float((scaled / (batch * (2 - scaled * (batch + 1) / batch))).sum())
        low, high = (rate, high) if total < 1 else (low, rate)
    return low


def _recorded(rates: Numbers, first: float, losses: Numbers) -> Sweep:
    return _swept(rates, iter((first, *losses.tolist())), 0.0)


def _swept(rates: Numbers, losses: Iterator[float], momentum: float) -> Sweep:
    """What a sweep sees of the losses: it stops as it does in a training."""
    recorder = SweepRecorder(tuple(rates.tolist()))
    with np.errstate(over="ignore", invalid="ignore"):
        for loss in losses:
            if recorder.add(loss):
                break
    sweep = recorder.sweep(momentum)
    assert sweep.ending is not SweepEnding.DATA_ENDED
    return sweep
