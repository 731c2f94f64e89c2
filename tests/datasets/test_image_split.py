import numpy as np
import pytest
import torch

from defib.datasets.image_split import channel_statistics, standardized
from tests.datasets.small_sets import small_images


def test_training_images_have_mean_0_and_deviation_1_by_channel():
    split = standardized(small_images(channels=3, size=8))
    axes = (0, 2, 3)
    torch.testing.assert_close(split.inputs.mean(axes), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(split.inputs.std(axes, correction=0), torch.ones(3))


def test_test_images_are_shifted_by_what_the_training_images_are():
    arrays = small_images(channels=3, size=8)
    mean, deviation = channel_statistics(arrays.train_images)
    expected = (arrays.test_images[1, 2, 3, 4] / 255 - mean[2]) / deviation[2]
    found = standardized(arrays).validation_inputs[1, 2, 3, 4].item()
    assert found == pytest.approx(expected, abs=1e-6)


def test_statistics_from_counts_equal_those_of_numpy():
    images = small_images(channels=2, size=16).train_images
    mean, deviation = channel_statistics(images)
    scaled = images.astype(np.float64) / 255
    np.testing.assert_allclose(mean, scaled.mean((0, 2, 3)))
    np.testing.assert_allclose(deviation, scaled.std((0, 2, 3)))


def test_labels_are_what_a_loss_takes():
    split = standardized(small_images())
    assert split.targets.dtype == split.validation_targets.dtype == torch.int64
