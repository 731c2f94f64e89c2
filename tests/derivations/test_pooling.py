import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.pooling import Pooling
from defib.errors import UsageError


def test_the_four_pictures_have_the_published_averages():
    results = Pooling().derive().results
    averages = [
        results[f"block {corner}, average"]
        for corner in ("top left", "top right", "bottom left", "bottom right")
    ]
    assert averages == ["1 1/2; 1/2 1/4", "1/2 1; 1/4 1/2", "1/2 1/4; 1 1/2", "1/4 1/2; 1/2 1"]


def test_the_maximum_is_1_everywhere():
    results = Pooling().derive().results
    assert {value for name, value in results.items() if "maximum" in name} == {"1 1; 1 1"}


def test_every_picture_is_drawn_with_both_outputs():
    drawn = [step.pictures for step in Pooling().derive().steps if step.pictures]
    assert [[each.title for each in pictures] for pictures in drawn] == [
        ["input", "average", "maximum"]
    ] * 4


@pytest.mark.parametrize(("size", "stride"), [(2, 1), (3, 2), (1, 1), (2, 3)])
def test_any_window_and_stride_agree_with_torch(size: int, stride: int):
    picture = "1,2,3,-1,0;4,5/2,6,7,1;0,0,1,2,3;9,8,7,6,5"
    assert confirmed(Pooling(picture=picture, size=size, stride=stride)).is_confirmed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 5}, "A window of 5x5 does not fit into a picture of 4x4"),
        ({"picture": "1,2;3"}, "Expected rows of one length for --picture, got 2, 1"),
        ({"picture": "1,a"}, "Expected numbers or fractions"),
        ({"size": 0}, "Expected at least 1 for --size"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        Pooling(**options).derive()
