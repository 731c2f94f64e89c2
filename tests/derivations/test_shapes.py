import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.shapes import Shapes, text_of
from defib.errors import UnknownNameError, UsageError


def sizes(problem: Shapes) -> list[str]:
    return [text_of(each.after) for each in problem.counted]


def test_the_small_classifier_has_the_published_sizes():
    found = sizes(Shapes(example="small-classifier"))
    assert [found[i] for i in (0, 2, 3, 5, 7, 9)] == [
        "9x9x10",
        "3x3x10",
        "3x3x30",
        "1x1x30",
        "20",
        "10",
    ]


def test_the_screenshot_network_has_the_published_sizes():
    found = sizes(Shapes(example="screenshots"))
    assert [found[i] for i in (0, 2, 4)] == ["21x21x100", "9x9x100", "3x3x100"]


def test_a_5x5_convolution_of_32x32_gives_28x28():
    assert sizes(Shapes(example="single-convolution")) == ["28x28x8"]


@pytest.mark.parametrize(
    "layers",
    [
        "conv 3 out 4 pad 1 stride 2, maxpool 3 stride 2 pad 1, avgpool 2",
        "conv 3 out 4 dilation 3, upconv 4 out 2 stride 2 pad 1, relu",
        "conv 5 out 6 groups 3 no-bias, lrn, tanh, flatten, linear 7, dropout, softmax",
    ],
)
def test_every_kind_of_layer_has_the_size_that_torch_gives(layers: str):
    assert confirmed(Shapes(input="20x23x3", layers=layers)).is_confirmed


@pytest.mark.parametrize(
    ("size", "layers", "message"),
    [
        ("4x4x1", "conv 5 out 2", "reaches over 5 positions, but the height has only 4"),
        ("4x4x1", "linear 3", "Put `flatten` before it"),
        ("16", "conv 3 out 2", "needs a map of height, width and channels"),
        ("4x4x1", "conv 3", "a convolution needs its channels"),
        ("4x4x1", "conv three out 2", "expected a whole number from 1 to 1,000,000, got `three`"),
        ("4x4x1", "conv 3 out 2 padding 1", "settings as name and number"),
        ("4x4x3", "conv 3 out 2 groups 2", "groups divide neither"),
        ("4x4x1", "maxpool 2 pad 2", "more than half of the window"),
        ("4x4", "relu", "Expected a size such as"),
        ("", "relu", "Expected --input and --layers"),
        ("3000000000", "linear 5", "3,000,000,000 numbers is too large"),
        ("8", "linear 9999999", "a whole number from 1 to 1,000,000"),
        ("4x4x1", " , ", "Expected at least one layer"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_layer(size: str, layers: str, message: str):
    with pytest.raises(UsageError, match=message):
        Shapes(input=size, layers=layers).derive()


def test_unknown_layers_and_examples_are_answered_with_known_ones():
    with pytest.raises(UnknownNameError, match="Did you mean `conv`"):
        Shapes(input="4x4x1", layers="cnov 3 out 2").derive()
    with pytest.raises(UnknownNameError, match="Did you mean `alexnet`"):
        Shapes(example="alexnt").derive()
