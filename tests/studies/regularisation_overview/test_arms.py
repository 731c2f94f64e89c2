import pytest
import torch
from torch import nn

from defib.studies.regularisation_overview.arms import (
    ARMS,
    EVERY,
    FARTHEST,
    MORE,
    MORE_DATA,
    judged,
    questions_of,
    shifted,
    trained,
)


def test_a_shifted_picture_is_the_picture_moved_by_at_most_the_farthest():
    torch.manual_seed(0)
    images = torch.rand(6, 3, 9, 9)
    found = shifted(images)
    inside = slice(FARTHEST, 9 - FARTHEST)
    offsets = range(-FARTHEST, FARTHEST + 1)
    for image, moved in zip(images, found, strict=True):
        ways = [image.roll((down, right), (1, 2)) for down in offsets for right in offsets]
        assert any(torch.equal(way[:, inside, inside], moved[:, inside, inside]) for way in ways)


def test_more_data_begin_with_the_own_examples_and_no_set_meets_another():
    questions = questions_of("comparison", 8, 6, 0, "cpu")
    assert len(questions.more[0]) == MORE * 8
    assert torch.equal(questions.more[0][:8], questions.training[0])
    assert abs(float(questions.training[0].mean())) < 1e-4
    parts = (questions.more, questions.validation, questions.test)
    every = {each.numpy().tobytes() for images, _ in parts for each in images}
    assert len(every) == MORE * 8 + 6 + 6


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_takes_as_many_steps_or_stops_earlier(name: str):
    questions = questions_of("comparison", 40, 6, 0, "cpu")
    found = trained(name, questions, 10, MORE * EVERY, 0)
    last = MORE * EVERY // (MORE if name == MORE_DATA else 1)
    assert found.course[-1][0] <= last
    assert found.test.loss > 0


def test_answers_above_zero_count_as_yes():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    network = nn.Sequential(nn.Flatten(), layer)
    images = torch.tensor([2.0, -2.0, 2.0, -2.0]).view(4, 1, 1, 1)
    found = judged(network, (images, torch.tensor([[1.0], [0.0], [0.0], [0.0]])))
    assert found.accuracy == 0.75
