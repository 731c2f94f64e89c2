import numpy as np
import pytest

from defib.records.learning_rate_range import Sweep, SweepEnding
from defib.training.range_curve import range_from
from defib.training.range_edge import Edge, Growth, filter_width, find_edge


def descend(curvatures, momentum: float, *, steps: int = 300) -> Sweep:
    """Gradient descent on a quadratic, with learning rates from 1e-4 to 1e3 over 2/curvature."""
    curvatures = np.asarray(curvatures, dtype=float)
    rates = 2 / curvatures.max() * np.logspace(-4, 3, steps)
    position, velocity = 1 / np.sqrt(curvatures), np.zeros(len(curvatures))
    losses = [0.5 * float((curvatures * position**2).sum())]
    for rate in rates:
        velocity = momentum * velocity + curvatures * position
        position = position - rate * velocity
        losses.append(0.5 * float((curvatures * position**2).sum()))
        if losses[-1] > 1e4 * losses[0]:
            break
    done = tuple(rates[: len(losses) - 1])
    return Sweep(done, tuple(losses[1:]), losses[0], SweepEnding.DIVERGED, momentum)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("curvatures", [[3.0], [1.0, 10.0, 100.0], [0.01, 0.02, 5.0]])
def test_the_largest_stable_rate_of_a_quadratic_is_two_over_its_curvature(
    curvatures: list[float], momentum: float
):
    found = range_from(descend(curvatures, momentum))
    assert found.largest_stable is not None
    limit = 2 * (1 + momentum) / max(curvatures)
    assert abs(np.log10(found.largest_stable.value / limit)) < 0.1


def test_the_limit_follows_from_the_growth():
    growth = Growth(np.log10([4.0, 5.0]), np.array([3.0, 4.0]))
    np.testing.assert_allclose(10 ** growth.limits(0.0), [2.0, 2.0])
    assert len(Growth(np.zeros(1), np.array([3.0])).limits(0.0)) == 0


def test_the_edge_is_the_last_point_of_the_lowest_level():
    losses = np.concatenate([np.full(50, 2.0), np.full(50, 1.0), np.full(20, 4.0)])
    found = find_edge(losses, 2.0, np.full(120, 0.01))
    assert found.last == 99
    assert 99 < found.diverged < 105


def test_a_curve_that_never_rises_does_not_diverge():
    losses = np.linspace(2, 1, 100)
    assert find_edge(losses, 2.0, np.full(100, 0.01)) == Edge(99, 100)


def test_the_running_median_is_odd_and_grows_with_the_curve():
    assert [filter_width(points) for points in (20, 300, 700, 5000)] == [5, 9, 15, 15]
