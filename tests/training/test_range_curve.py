import math
from dataclasses import replace

import numpy as np
import pytest

from defib.records.learning_rate_range import Mark, Reason, Sweep, SweepEnding, Verdict
from defib.training.range_curve import CurveLimits, range_from

RATES = np.logspace(-6, 1, 300)
LOG_HALF = math.log10(0.5)


def curve(steepest: float = -2.5, blow_up: float = -1.0, noise: float = 0.05, seed: int = 0):
    """A descent by 2 from 2.3, steepest at one decade, that blows up around another."""
    decades = np.log10(RATES)
    clean = (
        2.3 - 2 / (1 + np.exp(-(decades - steepest) / 0.25)) + 2 * 10 ** (3 * (decades - blow_up))
    )
    losses = clean + noise * np.random.default_rng(seed).normal(size=len(RATES))
    end = int(np.argmax(losses > 20)) or len(losses)
    return sweep(losses[:end])


def sweep(losses, first: float | None = None, rates=RATES) -> Sweep:
    first = float(losses[0]) if first is None else first
    return Sweep(
        tuple(rates[: len(losses)]), tuple(map(float, losses)), first, SweepEnding.DIVERGED
    )


def decade(mark: Mark | None) -> float:
    assert mark is not None
    assert mark.low <= mark.value <= mark.high
    return math.log10(mark.value)


@pytest.mark.parametrize("steepest", [-4.5, -2.5])
def test_the_marks_of_a_clear_descent(steepest: float):
    found = range_from(curve(steepest, steepest + 1.5))
    assert (found.verdict, found.reasons) == (Verdict.CLEAR_DESCENT, ())
    assert decade(found.steepest) == pytest.approx(steepest, abs=0.15)
    # The loss is 10 % of the descent above its lowest level 0.3 decades before it blows up.
    assert decade(found.largest_stable) == pytest.approx(steepest + 1.2, abs=0.15)
    assert decade(found.conservative) <= decade(found.steepest)
    between = 2 / 3 * decade(found.steepest) + 1 / 3 * (decade(found.largest_stable) + LOG_HALF)
    assert decade(found.suggestion) == pytest.approx(between)


def test_half_of_the_largest_stable_rate_is_suggested_where_the_steepest_point_is_above_it():
    found = range_from(curve(-2.5, -2.3))
    assert decade(found.largest_stable) + LOG_HALF < decade(found.steepest)
    assert decade(found.suggestion) == pytest.approx(decade(found.largest_stable) + LOG_HALF)


@pytest.mark.parametrize(("factor", "offset"), [(1, -10), (1e4, 0), (1e-5, 0), (2, 500)])
def test_scale_and_sign_of_the_loss_change_nothing(factor: float, offset: float):
    plain, changed = curve(), curve()
    losses = tuple(factor * each + offset for each in changed.losses)
    changed = replace(changed, losses=losses, first_loss=factor * changed.first_loss + offset)
    one, other = range_from(plain), range_from(changed)
    assert one.verdict is other.verdict
    assert decade(one.steepest) == pytest.approx(decade(other.steepest), abs=0.03)
    assert decade(one.largest_stable) == pytest.approx(decade(other.largest_stable), abs=0.03)


def test_one_early_spike_changes_nothing():
    plain = curve()
    losses = list(plain.losses)
    losses[60] += 6
    spiked = range_from(replace(plain, losses=tuple(losses)))
    assert decade(spiked.steepest) == pytest.approx(-2.5, abs=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_no_number_on_a_flat_curve(seed: int):
    found = range_from(sweep(np.random.default_rng(seed).standard_t(4, size=300)))
    assert (found.verdict, found.reasons) == (Verdict.NO_DESCENT, (Reason.FLAT,))
    assert found.conservative is found.steepest is found.largest_stable is found.suggestion is None


def test_no_number_where_the_loss_rises_at_once():
    rising = 2.3 + 0.01 * np.random.default_rng(0).normal(size=40) + np.exp(np.arange(40) / 4) / 100
    found = range_from(sweep(rising))
    assert found.verdict is Verdict.NO_DESCENT
    assert found.conservative is None


def test_no_number_where_the_loss_is_never_finite():
    found = range_from(sweep([math.nan], first=2.3))
    assert (found.verdict, found.reasons) == (Verdict.NO_DESCENT, (Reason.RISES_AT_ONCE,))


def test_no_number_from_a_handful_of_points():
    found = range_from(sweep([3.0, 2.0, 1.0]))
    assert (found.verdict, found.reasons) == (Verdict.NO_DESCENT, (Reason.TOO_FEW_STEPS,))


def test_a_number_that_is_not_finite_ends_the_curve():
    plain = curve()
    losses = (*plain.losses[:250], math.nan, math.inf, *plain.losses[250:])
    rates = tuple(np.logspace(-6, 1, len(losses)))
    found = range_from(Sweep(rates, losses, 2.3, SweepEnding.NOT_FINITE))
    assert len(found.smooth) <= 250


def test_noise_as_large_as_the_descent_gives_no_clear_answer():
    verdicts = [range_from(curve(noise=2.0, seed=seed)).verdict for seed in range(6)]
    assert Verdict.CLEAR_DESCENT not in verdicts
    assert Verdict.NO_DESCENT in verdicts


def test_a_descent_that_begins_with_the_range_asks_for_a_lower_start():
    rates = np.logspace(-2.5, 1, 300)
    losses = curve(-2.5, 0.0, noise=0.02)
    kept = [
        loss
        for rate, loss in zip(losses.learning_rates, losses.losses, strict=True)
        if rate > 10**-2.4
    ]
    found = range_from(sweep(np.array(kept), first=1.3, rates=rates))
    assert Reason.FALLS_AT_START in found.reasons
    assert found.verdict is Verdict.WEAK


def test_a_descent_that_the_range_cuts_asks_for_a_higher_end():
    whole = curve(-2.5, 2.0, noise=0.02)
    kept = [
        loss
        for rate, loss in zip(whole.learning_rates, whole.losses, strict=True)
        if rate < 10**-2.6
    ]
    found = range_from(sweep(np.array(kept)))
    assert Reason.FALLS_AT_END in found.reasons
    assert found.largest_stable is None


def test_a_loss_that_never_rises_has_no_largest_stable_rate():
    found = range_from(curve(-2.5, 9.0))
    assert found.verdict is Verdict.CLEAR_DESCENT
    assert found.largest_stable is None
    assert decade(found.steepest) == pytest.approx(-2.5, abs=0.15)
    assert found.suggestion == found.steepest


def test_the_same_losses_give_the_same_spread():
    assert range_from(curve()) == range_from(curve())


def test_a_smaller_share_of_noise_gives_a_narrower_spread():
    def width(noise: float) -> float:
        mark = range_from(curve(noise=noise), CurveLimits(replicates=60)).steepest
        assert mark is not None
        return math.log10(mark.high / mark.low)

    assert width(0.02) < width(0.4)
