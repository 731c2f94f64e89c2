from itertools import pairwise

import pytest

from defib.monitor.budget import COST_FACTOR, EARLY_SECONDS, Budget
from defib.monitor.jumps import JumpDetector
from defib.monitor.sampling import FIRST_GLANCES, FIRST_STEPS, LONGEST_INTERVAL, Look, Sampler


def exhausted() -> Budget:
    budget = Budget(share=0.0, initial_seconds=0.0)
    budget.start(0.0)
    budget.spent = 1.0
    return budget


def full_looks(sampler: Sampler, steps: int, urgent: frozenset[int] = frozenset()) -> list[int]:
    looks = []
    for step in range(steps):
        if sampler.look(step, 1.0, is_urgent=step in urgent) is Look.FULL:
            sampler.sampled(step, 0.01)
            looks.append(step)
    return looks


def is_jump(detector: JumpDetector, loss: float) -> bool:
    jumped = not loss <= detector.limit
    detector.add(loss)
    return jumped


def test_every_step_is_sampled_while_the_budget_allows():
    budget = Budget(share=0.5, initial_seconds=10.0)
    budget.start(0.0)
    assert full_looks(Sampler(budget), 50) == list(range(50))


def test_the_floor_holds_without_any_budget():
    looks = full_looks(Sampler(exhausted()), 10_000)
    assert looks[:FIRST_STEPS] == [0, 1, 2, 3, 4]
    assert max(later - earlier for earlier, later in pairwise(looks)) == LONGEST_INTERVAL
    assert len(looks) < 30


def test_first_steps_are_glanced_at():
    sampler = Sampler(exhausted())
    full_looks(sampler, 7)
    assert sampler.look(7, 1.0) is Look.GLANCE
    assert sampler.look(FIRST_GLANCES + 1, 1.0) in (Look.NONE, Look.FULL)


def test_a_jump_brings_a_burst():
    looks = full_looks(Sampler(exhausted()), 600, frozenset({300}))
    assert [step for step in looks if 300 <= step <= 345] == list(range(300, 346, 5))


def test_jumps_without_end_do_not_break_the_budget():
    looks = full_looks(Sampler(exhausted()), 5000, frozenset(range(100, 5000)))
    assert len(looks) < 70


def test_budget_allows_its_share_of_the_time():
    budget = Budget(share=0.01, initial_seconds=0.0)
    budget.start(100.0)
    # The share counts double at first: 0.02 of 2 seconds.
    assert budget.allows(0.039 / COST_FACTOR, 102.0)
    assert not budget.allows(0.041 / COST_FACTOR, 102.0)
    # Later the early credit is a constant: 1 + 0.045 of 100 seconds.
    assert budget.allows((1 + EARLY_SECONDS - 0.001) / COST_FACTOR, 200.0)
    assert not budget.allows((1 + EARLY_SECONDS + 0.001) / COST_FACTOR, 200.0)


def test_the_overhead_is_what_the_training_lost_and_not_only_what_was_spent():
    budget = Budget()
    budget.start(100.0)
    budget.spent = 1.0
    assert budget.overhead(100.0 + 50 + COST_FACTOR) == pytest.approx(COST_FACTOR / 50)


def test_a_run_that_is_nearly_all_watching_has_a_large_overhead_and_not_none():
    budget = Budget()
    budget.start(100.0)
    budget.spent = 0.8
    assert budget.overhead(101.0) > 4


@pytest.mark.parametrize("spent", [0.0, 0.01, 0.04, 0.2, 3.0])
def test_the_next_moment_that_the_budget_allows_is_never_told_too_late(spent: float):
    budget = Budget()
    budget.start(100.0)
    budget.spent = spent
    moment = budget.next_allowed(0.002)
    assert budget.allows(0.002, max(moment, 100.0) + 1e-6)
    assert moment <= 100.0 or not budget.allows(0.002, moment - 1e-6)


def test_a_fitted_loss_that_jumps_about_is_no_jump():
    detector = JumpDetector()
    detector.add(*[2.0] * 30, *[2.0 * 0.8**step for step in range(100)], *[1e-9] * 100)
    assert not is_jump(detector, 1e-3)
    assert is_jump(detector, 0.2)


def test_a_step_told_to_be_quiet_is_not_looked_at():
    budget = Budget()
    budget.start(0.0)
    sampler = Sampler(budget)
    for step in range(3000):
        now = step * 0.001
        is_quiet = sampler.quiet_steps(step, now) > 0
        look = sampler.look(step, now)
        assert not is_quiet or look is Look.NONE
        if look is Look.FULL:
            budget.spent += 0.002
            sampler.sampled(step, 0.002)
    assert sampler.quiet_steps(3000, 3.0) > 0


def test_a_jump_is_a_loss_far_above_the_recent_ones():
    detector = JumpDetector()
    calm = [is_jump(detector, 1.0 + 0.01 * (step % 3)) for step in range(100)]
    assert not any(calm)
    assert is_jump(detector, 2.0)


def test_a_non_finite_loss_is_always_a_jump():
    assert is_jump(JumpDetector(), float("nan"))


def test_a_falling_loss_never_jumps():
    detector = JumpDetector()
    assert not any(is_jump(detector, 1 / (1 + step)) for step in range(500))
