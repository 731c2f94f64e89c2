"""Where torch has the same schedule, every step is the same to rounding."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LinearLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

from defib.schedules.base import Schedule
from defib.schedules.cosine_restarts import CosineRestarts
from defib.schedules.exp_range import ExpRange
from defib.schedules.one_cycle import OneCycle
from defib.schedules.polynomial import Polynomial
from defib.schedules.step import Step
from defib.schedules.triangular import Triangular
from defib.schedules.triangular2 import Triangular2
from defib.schedules.warm_up import WarmUp
from tests.schedules.learning_rates import learning_rates

few = settings(max_examples=40, deadline=None)
rates = st.floats(1e-6, 10.0)
lengths = st.integers(1, 40)


def assert_same(schedule: Schedule, expected: np.ndarray, *, largest: float = 1.0) -> None:
    # torch's cyclic schedules carry the rounding of `1 + step / total`.
    np.testing.assert_allclose(
        schedule.values(len(expected)), expected, rtol=1e-9, atol=1e-13 * max(1.0, largest)
    )


@few
@given(start=rates, peak=rates, up=lengths, down=lengths, mode=st.sampled_from([0, 1, 2]))
def test_triangles_are_those_of_cyclic_lr(start: float, peak: float, up: int, down: int, mode: int):
    ours, name, decay = (
        (Triangular(start, peak, up, down), "triangular", 1.0),
        (Triangular2(start, peak, up, down), "triangular2", 1.0),
        (ExpRange(start, peak, 0.99, up, down), "exp_range", 0.99),
    )[mode]
    expected = learning_rates(
        lambda optimizer: CyclicLR(
            optimizer,
            start,
            peak,
            step_size_up=up,
            step_size_down=down,
            mode=name,  # type: ignore[arg-type]
            gamma=decay,
            cycle_momentum=False,
        ),
        3 * (up + down),
    )
    assert_same(ours, expected, largest=100 * peak)


@few
@given(
    peak=rates,
    steps=st.integers(2, 100),
    rise=st.floats(0.05, 0.5),
    is_linear=st.booleans(),
    is_three_part=st.booleans(),
)
def test_one_cycle_is_that_of_torch(
    peak: float, steps: int, rise: float, is_linear: bool, is_three_part: bool
):
    assume(abs(rise * steps - 1) > 1e-6)  # torch divides by zero.
    expected = learning_rates(
        lambda optimizer: OneCycleLR(
            optimizer,
            peak,
            total_steps=steps,
            pct_start=rise,
            anneal_strategy="linear" if is_linear else "cos",
            three_phase=is_three_part,
            cycle_momentum=False,
        ),
        steps - 1,
    )
    schedule = OneCycle(peak, steps, rise, is_linear=is_linear, is_three_part=is_three_part)
    assert_same(schedule, expected, largest=peak)


@few
@given(start=rates, end=rates, cycle=lengths, growth=st.integers(1, 3))
def test_cosines_are_those_of_warm_restarts(start: float, end: float, cycle: int, growth: int):
    expected = learning_rates(
        lambda optimizer: CosineAnnealingWarmRestarts(optimizer, cycle, growth, end),
        60,
        start=start,
    )
    assert_same(CosineRestarts(start, cycle, growth, end), expected)


@few
@given(start=rates, every=lengths, factor=st.floats(0.1, 1.0))
def test_steps_are_those_of_step_lr(start: float, every: int, factor: float):
    expected = learning_rates(lambda optimizer: StepLR(optimizer, every, factor), 80, start=start)
    assert_same(Step(start, every, factor), expected)


@few
@given(start=rates, steps=lengths, power=st.floats(0.5, 3.0))
def test_polynomials_are_those_of_torch(start: float, steps: int, power: float):
    expected = learning_rates(
        lambda optimizer: PolynomialLR(optimizer, steps, power), 60, start=start
    )
    assert_same(Polynomial(start, steps, power), expected)


@few
@given(start=rates, rise=lengths, first=st.floats(0.01, 1.0), cycle=lengths)
def test_a_warm_up_is_linear_lr_in_front(start: float, rise: int, first: float, cycle: int):
    def made(optimizer):
        parts = [
            LinearLR(optimizer, first, total_iters=rise),
            CosineAnnealingWarmRestarts(optimizer, cycle),
        ]
        return SequentialLR(optimizer, parts, milestones=[rise])

    expected = learning_rates(made, 90, start=start)
    assert_same(WarmUp(CosineRestarts(start, cycle), rise, first), expected)
