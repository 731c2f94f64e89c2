import math

import numpy as np
import pytest
import torch

from defib.studies.image_sets import Images
from defib.studies.input_gradients.input_walks import Walk, nearest_distances

WALK = Walk(
    moved=np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]),
    probability=np.array([[0.1, 0.0], [0.3, 0.2], [0.7, 0.4]]),
    score=np.array([[-1.0, -2.0], [0.0, 0.0], [1.0, 2.0]]),
    first=torch.zeros(3, 1, 1),
)


def test_the_means_at_a_distance_lie_between_the_steps():
    assert WALK.at(1.0) == pytest.approx(((0.3 + 0.1) / 2, (0.0 - 1.0) / 2))


def test_a_distance_that_one_image_never_came_to_has_no_mean():
    assert all(map(math.isnan, WALK.at(3.0)))


def test_the_crossing_is_the_first_distance_with_a_half_and_nan_without_one():
    assert WALK.crossing() == pytest.approx([2.0, math.nan], nan_ok=True)


def test_the_shown_step_is_the_first_that_is_sure_enough_or_the_best():
    assert WALK.step_at(0.2) == 1
    assert WALK.step_at(0.9) == 2


def test_the_nearest_image_is_one_of_the_class():
    images = torch.tensor([0.0, 1.0, 9.0]).view(3, 1, 1, 1)
    data = Images(images, torch.tensor([1, 2, 2]), images, torch.tensor([1, 2, 2]))
    found = nearest_distances(torch.zeros(1, 1, 1, 1), torch.tensor([2]), data)
    assert found.tolist() == [1.0]
