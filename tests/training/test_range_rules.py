import math

import numpy as np
import pytest

from defib.records.learning_rate_range import Sweep, SweepEnding
from defib.training.range_rules import TOOLS, other_rules, suggested

RATES = np.logspace(-8, 0, 100)


def sweep(noise: float = 0.0, offset: float = 0.0, seed: int = 0) -> Sweep:
    """Flat, a descent steepest at 10^-2.5, a blow-up near 10^-0.8: as other tools sweep."""
    decades = np.log10(RATES)
    losses = (
        offset + 2.3 - 1.8 / (1 + np.exp(-(decades + 2.5) / 0.35)) + 10 ** (3 * (decades + 0.6))
    )
    losses = losses + noise * np.random.default_rng(seed).normal(size=100)
    # These tools pair a rate with the loss before its step.
    return Sweep(tuple(RATES), (*losses[1:], losses[-1]), float(losses[0]), SweepEnding.COMPLETED)


def rule(name: str, found: Sweep) -> float | None:
    return next(each.learning_rate for each in other_rules(found) if each.name == name)


def slow_lightning(losses: list[float]) -> float:
    mean, smooth, lowest, stop = 0.0, [], math.inf, len(losses)
    for index, loss in enumerate(losses):
        mean = 0.98 * mean + 0.02 * loss
        smooth.append(mean / (1 - 0.98 ** (index + 1)))
        if index and smooth[-1] > 4 * lowest:
            stop = index + 1
            break
        lowest = min(lowest, smooth[-1])
    best, where = math.inf, 0
    for index in range(10, stop - 1):
        left, right = max(index - 1, 10), min(index + 1, stop - 2)
        if left < index < right:
            near, far = RATES[index] - RATES[left], RATES[right] - RATES[index]
            before = (smooth[index] - smooth[left]) / near
            after = (smooth[right] - smooth[index]) / far
            slope = (before * far + after * near) / (near + far)
        else:
            slope = (smooth[right] - smooth[left]) / (RATES[right] - RATES[left])
        if slope < best:
            best, where = slope, index
    return float(RATES[where])


def slow_valley(losses: list[float]) -> float:
    mean, smooth = 0.0, []
    for index, loss in enumerate(losses):
        mean = 0.98 * mean + 0.02 * loss
        smooth.append(mean / (1 - 0.98 ** (index + 1)))
    smooth, rates = smooth[10:-5], RATES[10:-5]
    lengths = [1] * len(smooth)
    for index in range(len(smooth)):
        for before in range(index):
            if smooth[before] > smooth[index]:
                lengths[index] = max(lengths[index], lengths[before] + 1)
    end = lengths.index(max(lengths))
    third = max(lengths) / 3
    return float(rates[end - max(lengths) + int(third) + int(third / 2)])


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(4))
def test_each_rule_equals_a_plain_loop(noise: float, seed: int):
    found = sweep(noise, seed=seed)
    raw = [found.first_loss, *found.losses[:-1]]
    assert rule("lightning", found) == pytest.approx(slow_lightning(raw))
    assert rule("fastai-valley", found) == pytest.approx(slow_valley(raw))


def test_a_derivative_by_the_learning_rate_itself_falls_to_the_left_edge_with_noise():
    suggestions = [rule("lightning", sweep(0.02, seed=seed)) for seed in range(20)]
    assert np.median(np.log10([each for each in suggestions if each])) < -6.5


def test_a_lagging_mean_suggests_too_high_a_rate():
    found = rule("fastai-steep", sweep())
    assert found is not None
    assert math.log10(found) > -2.5 + 0.4


def test_a_ratio_stops_at_once_where_the_loss_is_negative():
    assert rule("lightning", sweep(offset=-10)) is None


def test_every_tool_is_named_once():
    assert [each.name for each in other_rules(sweep())] == [tool.name for tool in TOOLS]
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


def test_nothing_is_suggested_for_a_handful_of_losses():
    short = Sweep((1e-3, 1e-2), (2.0, 1.0), 3.0, SweepEnding.COMPLETED)
    assert all(suggested(tool, short) is None for tool in TOOLS)
