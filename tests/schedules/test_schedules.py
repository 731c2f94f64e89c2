import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defib.errors import UnknownNameError, UsageError
from defib.schedules.base import Quantity
from defib.schedules.batch_growth import BatchGrowth
from defib.schedules.catalogue import every_schedule, schedule_called
from defib.schedules.constant import Constant
from defib.schedules.cosine_restarts import CosineRestarts
from defib.schedules.exp_range import ExpRange
from defib.schedules.one_cycle import OneCycle
from defib.schedules.polynomial import Polynomial
from defib.schedules.step import Step
from defib.schedules.triangular import Triangular
from defib.schedules.triangular2 import Triangular2
from defib.schedules.warm_up import WarmUp

EXAMPLES = (
    BatchGrowth(10),
    Constant(0.1),
    CosineRestarts(0.1, 10, 2),
    ExpRange(0.001, 0.1, 0.99, 10),
    OneCycle(0.1, 30),
    Polynomial(0.1, 30),
    Step(0.1, 10),
    Triangular(0.001, 0.1, 10),
    Triangular2(0.001, 0.1, 10),
    WarmUp(Step(0.1, 10), 5),
)
each = pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda schedule: schedule.name())


def test_every_schedule_is_found_and_has_an_example():
    assert {type(schedule) for schedule in EXAMPLES} == set(every_schedule())


@each
def test_a_schedule_goes_on_after_its_end(schedule):
    assert np.isfinite([schedule.at(step) for step in (0, schedule.extent, 10**6)]).all()


@each
def test_a_schedule_is_found_by_its_name(schedule):
    assert schedule_called(schedule.name()) is type(schedule)


@each
def test_a_schedule_with_other_parameters_has_other_plain_values(schedule):
    others = [other.parameters() for other in EXAMPLES if other is not schedule]
    assert schedule.parameters() not in others
    assert {type(value) for value in schedule.parameters().values()} <= {
        *(str, int, float, bool, type(None))
    }


def test_an_unknown_name_offers_the_near_ones():
    with pytest.raises(UnknownNameError, match=r"Did you mean `triangular"):
        schedule_called("triangel")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Triangular(0.0, 1.0, 0),
        lambda: Triangular2(0.0, 1.0, 5, -1),
        lambda: ExpRange(0.0, 1.0, 1.1, 5),
        lambda: OneCycle(1.0, 0),
        lambda: OneCycle(1.0, 10, 1.5),
        lambda: OneCycle(1.0, 10, 0.6, is_three_part=True),
        lambda: CosineRestarts(1.0, 0),
        lambda: CosineRestarts(1.0, 5, 0),
        lambda: Step(1.0, 0),
        lambda: Step(1.0, 5, -0.1),
        lambda: Polynomial(1.0, 0),
        lambda: Polynomial(1.0, 5, 0.0),
        lambda: WarmUp(Constant(1.0), -1),
        lambda: WarmUp(Constant(1.0), 5, -0.1),
        lambda: BatchGrowth(0),
        lambda: BatchGrowth(5, 0),
        lambda: BatchGrowth(5, 32, 16),
        lambda: BatchGrowth(5, factor=1.0),
    ],
)
def test_a_parameter_out_of_range_is_named(make):
    with pytest.raises(UsageError, match=r"`\w+` of the schedule [\w-]+ must be .+, and is "):
        make()


def test_triangles_are_low_at_the_ends_and_high_in_the_middle():
    assert Triangular(1.0, 3.0, 2, 4).values(8).tolist() == [1, 2, 3, 2.5, 2, 1.5, 1, 2]


def test_without_a_way_down_a_triangle_is_as_steep_on_both_sides():
    assert Triangular(1.0, 3.0, 2) != Triangular(1.0, 3.0, 2, 2)
    assert np.array_equal(Triangular(1.0, 3.0, 2).values(9), Triangular(1.0, 3.0, 2, 2).values(9))


def test_each_triangle_is_half_as_high_as_the_one_before():
    assert Triangular2(1.0, 3.0, 1).values(6).tolist() == [1, 3, 1, 2, 1, 1.5]


def test_the_decay_is_on_the_height_and_of_each_step():
    assert ExpRange(1.0, 3.0, 0.5, 1).values(4).tolist() == [1, 2, 1, 1.25]


def test_a_triangle_may_stand_on_its_head_as_a_momentum_does():
    assert Triangular(0.95, 0.85, 2).values(3) == pytest.approx([0.95, 0.9, 0.85])


def test_one_cycle_starts_peaks_and_ends_where_it_says():
    values = OneCycle(1.0, 101, 0.5, start=0.2, end=0.1, is_linear=True).values(110)
    assert values[0] == 0.2
    assert values.max() == pytest.approx(1.0, abs=0.01)
    assert values[100:].tolist() == pytest.approx([0.1] * 10)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("rise", [0.0, 0.25, 0.5, 1.0])
def test_the_shortest_one_cycles_stay_within_their_values(steps: int, rise: float):
    values = OneCycle(1.0, steps, rise).values(steps + 2)
    assert (values >= OneCycle(1.0, steps, rise).at(10**6)).all()
    assert (values <= 1.0).all()


@given(st.integers(1, 50), st.integers(1, 3), st.integers(0, 3000))
def test_a_restart_is_at_the_top_and_the_step_before_is_not(cycle: int, growth: int, step: int):
    schedule = CosineRestarts(1.0, cycle, growth)
    rises = schedule.at(step + 1) > schedule.at(step)
    assert not rises or schedule.at(step + 1) == 1.0


def test_a_warm_up_meets_what_follows_without_a_jump():
    schedule = WarmUp(Polynomial(0.4, 10), 4)
    assert schedule.values(6).tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.36])


def test_a_warm_up_of_no_steps_changes_nothing():
    assert np.array_equal(WarmUp(Step(0.1, 3), 0).values(9), Step(0.1, 3).values(9))


def test_batches_double_and_stop():
    assert BatchGrowth(2, 32, 100).values(8).tolist() == [32, 32, 64, 64, 100, 100, 100, 100]
    assert BatchGrowth(2).quantity is Quantity.BATCH_SIZE


def test_nine_doublings_lead_from_32_to_16384():
    assert BatchGrowth(10).at(89) == 8192
    assert BatchGrowth(10).at(90) == 16_384
    assert BatchGrowth(10).extent == 100


@example(1, 1.9999999999999996, 0)  # 12 of these lead to 4095.9999999999
@given(st.integers(1, 64), st.floats(1.1, 4.0), st.integers(0, 60))
def test_batch_sizes_are_whole_never_shrink_and_reach_the_last(first, factor, changes):
    schedule = BatchGrowth(3, first, 4096, factor)
    here, there = schedule.at(3 * changes), schedule.at(3 * changes + 3)
    assert here == int(here)
    assert first <= here <= there <= 4096
    assert schedule.at(schedule.extent) == 4096


def test_growing_the_batch_does_to_the_noise_of_a_step_what_lowering_the_rate_does():
    # The noise of SGD is proportional to learning rate over batch size (Smith et al. 2018).
    growth = Constant(0.1).values(60) / BatchGrowth(10, 32, 1024).values(60)
    decay = Step(0.1, 10, 0.5).values(60) / 32
    np.testing.assert_allclose(growth, decay)
