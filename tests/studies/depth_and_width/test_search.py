import torch

from defib.studies.depth_and_width.search import (
    DROPOUTS,
    HIGHEST_RATE,
    LOWEST_RATE,
    drawn_recipes,
    split,
    without_held_out,
)
from tests.studies.digit_images import TINY, random_digits


def test_units_are_split_evenly_or_with_a_taper_and_none_is_lost():
    assert split(100, 3) == (33, 34, 33)
    assert split(200, 1, 4.0) == (200,)
    assert split(1000, 2, 4.0) == (800, 200)
    assert split(100, 3, 4.0) == (76, 19, 5)


def test_no_candidate_has_more_units_than_allowed_or_another_depth():
    recipes = drawn_recipes(100, (2, 3), 200)
    assert all(sum(each.widths) == 100 and min(each.widths) > 0 for each in recipes)
    assert {len(each.widths) for each in recipes} == {2, 3}
    assert {each.dropout for each in recipes} == set(DROPOUTS)
    assert all(LOWEST_RATE <= each.peak_rate <= HIGHEST_RATE for each in recipes)


def test_candidates_are_the_same_each_time_and_more_of_them_begin_alike():
    assert drawn_recipes(100, (1, 2), 3) == drawn_recipes(100, (1, 2), 9)[:3]
    assert drawn_recipes(100, (1, 2), 3) != drawn_recipes(200, (1, 2), 3)


def test_the_held_out_images_are_training_images_and_the_rest_is_trained_on():
    data = random_digits(TINY, 0)
    part = without_held_out(data, 28)
    assert (len(part.images), len(part.validation_images)) == (100, 28)
    assert torch.equal(torch.cat([part.images, part.validation_images]), data.images)
    assert torch.equal(torch.cat([part.labels, part.validation_labels]), data.labels)
