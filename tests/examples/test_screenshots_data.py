"""The screenshots that `examples/screenshots/data.py` draws."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("PIL")

PATH = Path(__file__).parents[2] / "examples" / "screenshots" / "data.py"
FAMILIES = ("comparison", "arithmetic", "knowledge")


@pytest.fixture(scope="module")
def data() -> ModuleType:
    specification = importlib.util.spec_from_file_location("screenshots_data", PATH)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("family", FAMILIES)
def test_images_are_rgb_bytes_of_45_by_45_pixels(data: ModuleType, family: str):
    training, validation = data.training_and_validation(family, 20, 10, seed=0)
    assert training.images.shape == (20, 45, 45, 3)
    assert validation.images.shape == (10, 45, 45, 3)
    assert training.images.dtype == np.uint8


@pytest.mark.parametrize("family", FAMILIES)
def test_half_of_each_set_is_answered_yes(data: ModuleType, family: str):
    for screenshots in data.training_and_validation(family, 60, 20, seed=1):
        assert set(screenshots.answers) == {0.0, 1.0}
        assert screenshots.answers.dtype == np.float32
        assert screenshots.answers.mean() == 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_no_question_is_asked_twice(data: ModuleType, family: str):
    training, validation = data.training_and_validation(family, 60, 20, seed=2)
    assert len({*training.questions, *validation.questions}) == 80


def test_answers_follow_from_the_questions(data: ModuleType):
    training, _ = data.training_and_validation("comparison", 40, 2, seed=0)
    for text, answer in zip(training.questions, training.answers, strict=True):
        first, second = (int(word) for word in text.rstrip("?").split() if word.isdigit())
        assert answer == (first > second)


def test_sums_are_answered_by_their_result(data: ModuleType):
    training, _ = data.training_and_validation("arithmetic", 40, 2, seed=0)
    for text, answer in zip(training.questions, training.answers, strict=True):
        first, second, result = (int(word) for word in text.rstrip("?").split() if word.isdigit())
        assert answer == (first + second == result)


def test_equal_seeds_give_equal_screenshots(data: ModuleType):
    first, _ = data.training_and_validation("arithmetic", 10, 4, seed=3)
    again, _ = data.training_and_validation("arithmetic", 10, 4, seed=3)
    assert first.questions == again.questions
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.answers, again.answers)


def test_another_seed_gives_other_screenshots(data: ModuleType):
    first, _ = data.training_and_validation("comparison", 10, 4, seed=3)
    other, _ = data.training_and_validation("comparison", 10, 4, seed=4)
    assert first.questions != other.questions


def test_text_is_dark_on_a_light_page_and_off_the_border(data: ModuleType):
    training, _ = data.training_and_validation("comparison", 20, 2, seed=0)
    border = np.ones((45, 45), dtype=bool)
    border[1:-1, 1:-1] = False
    assert training.images[:, border].min() >= 190
    assert training.images.min(axis=(1, 2)).max() < 100


def test_every_question_of_the_word_list_fits(data: ModuleType):
    questions = data.knowledge(np.random.default_rng(0))
    screenshots = data.draw_all(questions, np.random.default_rng(0))
    assert len(screenshots.images) == len(set(screenshots.questions)) == len(questions)


def test_text_that_does_not_fit_is_refused(data: ModuleType):
    question = data.Question("Is a hippopotamus purple?", False)
    with pytest.raises(ValueError, match="too long"):
        data.draw_all([question], np.random.default_rng(0))


def test_more_questions_than_the_family_has_are_refused(data: ModuleType):
    with pytest.raises(ValueError, match="'knowledge' has"):
        data.training_and_validation("knowledge", 1000, 100, seed=0)


def test_odd_counts_are_refused(data: ModuleType):
    with pytest.raises(ValueError, match="even counts"):
        data.training_and_validation("comparison", 11, 10, seed=0)
