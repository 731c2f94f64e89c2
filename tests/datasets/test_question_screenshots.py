import numpy as np
import pytest

from defib.datasets.question_screenshots import screenshots
from defib.errors import UnknownNameError, UsageError


def test_no_question_is_in_two_sets_and_half_of_each_is_answered_yes():
    training, validation = screenshots("comparison", (40, 20), seed=0)
    assert len(set(training.questions) | set(validation.questions)) == 60
    assert training.answers.mean() == validation.answers.mean() == 0.5
    assert training.images.shape == (40, 3, 45, 45)
    assert training.images.dtype == np.uint8


@pytest.mark.parametrize("family", ["comparison", "arithmetic"])
def test_the_answers_are_right(family: str):
    [drawn] = screenshots(family, (100,), seed=1)
    for text, answer in zip(drawn.questions, drawn.answers, strict=True):
        words = text.rstrip("?").split()
        if family == "comparison":
            assert (int(words[1]) > int(words[4])) == bool(answer)
        else:
            assert (int(words[1]) + int(words[3]) == int(words[5])) == bool(answer)


def test_every_screenshot_has_dark_text_on_a_light_page():
    [drawn] = screenshots("arithmetic", (20,), seed=2)
    pixels = drawn.images.reshape(20, 3, -1)
    assert (pixels.min(axis=2) < 130).all()
    assert (np.median(pixels, axis=2) >= 190).all()


def test_the_same_seed_draws_the_same_and_another_something_else():
    first, again, other = (screenshots("comparison", (6,), seed=seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first.images, again.images)
    assert first.questions != other.questions


def test_too_many_odd_or_unknown_is_refused():
    with pytest.raises(UsageError, match="8010 in all"):
        screenshots("comparison", (8012,), seed=0)
    with pytest.raises(UsageError, match="even"):
        screenshots("comparison", (3,), seed=0)
    with pytest.raises(UnknownNameError):
        screenshots("riddles", (2,), seed=0)
