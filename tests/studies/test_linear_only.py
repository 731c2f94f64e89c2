import numpy as np
import pytest

from defib.datasets.playground import PlanePoints, circle, two_gaussians
from defib.studies.linear_only import Config, best_line_accuracy, measure

TINY = Config(seeds=1, networks=2, points=60, steps=20, depths=(1, 3))


def by_search(points: PlanePoints) -> float:
    """The best of very many lines."""
    angles = np.linspace(0, np.pi, 721)
    best = 0.0
    for angle in angles:
        along = points.inputs @ np.array([np.cos(angle), np.sin(angle)])
        for threshold in np.append(along, -9) + 1e-6:
            right = ((along > threshold) == (points.classes == 1)).mean()
            best = max(best, right, 1 - right)
    return best


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_is_that_of_the_best_line_or_two_points_above(seed: int):
    points = circle(40, np.random.default_rng(seed))
    found, bound = by_search(points), best_line_accuracy(points)
    assert found <= bound <= found + 2 / 40 + 1e-9


def test_the_bound_is_one_where_a_line_parts_the_classes():
    points = two_gaussians(50, np.random.default_rng(0))
    assert by_search(points) == best_line_accuracy(points) == 1


def test_the_pictures_come_with_the_first_seed_only():
    assert set(measure(TINY, 1000)) == {"accuracy", "points", "regions"}
    assert set(measure(TINY, 1001)) == {"accuracy"}


def test_linear_networks_are_one_map_and_the_other_is_not():
    accuracy = measure(TINY, 0)["accuracy"]
    assert max(accuracy.numbers("difference_from_one_map", layers=3)) < 1e-5
    assert min(accuracy.numbers("difference_from_one_map", layers=0)) > 0.1
