"""One clear message for a network that does not run: which layer, what it expected, what fits."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.inspection import inspect
from defib.networks.alexnet import AlexNet
from defib.networks.screenshots import screenshot_convolutional_network
from defib.records.architecture import Architecture


def stopped(network: nn.Module, example: object) -> Architecture:
    architecture = inspect(network, example)
    assert not architecture.is_traced
    return architecture


def test_wrong_number_of_channels():
    [note] = stopped(screenshot_convolutional_network(), (1, 4, 45, 45)).notes
    assert note == (
        "`0` (Conv2d) expects 3 input channels but received 4 (input shape 1x4x45x45). "
        "An input of shape 1x3x45x45 would fit."
    )


def test_channels_that_stand_last():
    [note] = stopped(nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 20, 30, 3)).notes
    assert note.endswith("An input of shape 1x3x20x30 would fit.")


def test_image_of_the_wrong_size_before_a_linear_layer():
    architecture = stopped(screenshot_convolutional_network(), (1, 3, 64, 64))
    assert architecture.notes == (
        "`7` (Linear) expects 900 input features but received 2500 (input shape 1x2500). "
        "An input of shape 1x3x45x45 would fit.",
    )
    assert [layer.name for layer in architecture.layers][-2:] == ["6", "7"]
    assert architecture.layers[-2].outputs[0].dimensions == (1, 2500)
    assert architecture.layers[-1].outputs == ()


def test_smallest_side_that_fits_alexnet():
    with torch.device("meta"):
        network = AlexNet()
    [note] = stopped(network, (1, 3, 100, 100)).notes
    side = int(note.rpartition("x")[2].split()[0])
    assert inspect(network, (1, 3, side, side)).is_traced
    assert not inspect(network, (1, 3, side - 1, side - 1)).is_traced


def test_kernel_larger_than_the_map():
    [note] = stopped(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 5)), (1, 1, 5, 5)).notes
    assert note == (
        "The kernel of `1` (Conv2d), 5x5, is larger than its input, 3x3, with padding. "
        "An input of shape 1x1x7x7 would fit."
    )


def test_wrong_number_of_features_inside_cannot_be_mended_by_the_input():
    [note] = stopped(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2)), (2, 3)).notes
    assert note == "`1` (Linear) expects 5 input features but received 4 (input shape 2x4)."


def test_wrong_number_of_features_of_the_input():
    [note] = stopped(nn.Sequential(nn.Linear(3, 4)), (2, 7)).notes
    assert note.endswith("An input of shape 2x3 would fit.")


def test_normalisation_of_other_channels():
    [note] = stopped(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(4)), (1, 3, 8, 8)).notes
    assert note == "`1` (BatchNorm2d) expects 4 channels but received 8 (input shape 1x8x6x6)."


def test_flat_input_of_a_convolution():
    [note] = stopped(nn.Sequential(nn.Conv2d(3, 8, 3)), (1, 75)).notes
    assert note == (
        "`0` (Conv2d) expects an input of 4 dimensions (batch, channels and 2 spatial) but "
        "received 1x75."
    )


class NeedsMask(nn.Module):
    def forward(self, features: Tensor, mask: Tensor, scale: float = 1.0) -> Tensor:
        return features * mask * scale


def test_missing_inputs_are_named():
    [note] = stopped(NeedsMask(), (2, 3)).notes
    assert note.startswith("`NeedsMask.forward` also needs `mask`: it takes (features: ")


def test_inputs_that_are_too_many():
    [note] = stopped(NeedsMask(), [(2, 3)] * 4).notes
    assert "too many positional arguments" in note


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_missing_device():
    class Moving(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return features.cuda() + 1

    [note] = stopped(nn.Sequential(nn.Linear(3, 3), Moving()), (2, 3)).notes
    assert note.startswith("`1` (Moving) moves data to a device that this machine does not have")
    assert "test_failures.py" in note


class Adding(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features + F.relu(features[:, :2])


def test_what_has_no_explanation_is_told_as_it_was_raised():
    [note] = stopped(nn.Sequential(Adding()), (2, 3)).notes
    assert note.startswith("`0` (Adding) failed at test_failures.py:")
    assert "given 2x3: RuntimeError: " in note


def test_errors_that_the_network_itself_handles_are_none():
    class Trying(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, features: Tensor) -> Tensor:
            try:
                return self.layer(features)
            except RuntimeError:
                return features

    assert inspect(Trying(), (2, 3)).is_traced
