"""What is fetched equals the files that the authors published, by the checksums of these."""

import hashlib

import numpy as np
import pytest

from defib.datasets.image_arrays import ImageArrays
from defib.datasets.image_split import channel_statistics
from defib.datasets.images import load_images
from defib.datasets.published.cifar10 import CIFAR10
from defib.datasets.published.fashion_mnist import FASHION_MNIST
from defib.datasets.published.mnist import MNIST
from defib.datasets.published_set import PublishedSet
from defib.errors import DatasetUnavailableError
from tests.datasets.small_sets import idx_contents

pytestmark = pytest.mark.slow

# MD5 of the four unzipped idx files.
IDX_CHECKSUMS = {
    "mnist": (
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    "fashion-mnist": (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
}
# MD5 of the six files of the binary version.
CIFAR_CHECKSUMS = (
    "5dd7e06a14cb22eb9f671a540d1b7c25",
    "5ea93a67294ea407fff1d09f752e9692",
    "942cd6a4bcdd0dd3c604fbe906cb4421",
    "ae636b3ba5c66a11e91e8cb52e771fcb",
    "53f37980c15c3d472c316c40844f3f0d",
    "803d5f7f4d78ea53de84dbe85f74fb6d",
)
# As usually quoted, by channel, of values in [0, 1].
STATISTICS = {
    "mnist": ([0.1307], [0.3081]),
    "fashion-mnist": ([0.2860], [0.3530]),
    "cifar10": ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
}


def available(known: PublishedSet) -> ImageArrays:
    try:
        return load_images(known)
    except DatasetUnavailableError as error:
        pytest.skip(str(error).partition("\n")[0])


@pytest.mark.parametrize("known", [MNIST, FASHION_MNIST], ids=lambda known: known.name)
def test_idx_files_are_the_published_ones(known: PublishedSet):
    contents = idx_contents(available(known)).values()
    found = tuple(hashlib.md5(content).hexdigest() for content in contents)
    assert found == IDX_CHECKSUMS[known.name]


def test_batches_of_cifar_are_the_published_ones():
    arrays = available(CIFAR10)
    images = np.concatenate([arrays.train_images, arrays.test_images]).reshape(60_000, -1)
    labels = np.concatenate([arrays.train_labels, arrays.test_labels])[:, None]
    rows = np.concatenate([labels, images], axis=1).reshape(6, 10_000, -1)
    assert tuple(hashlib.md5(batch.tobytes()).hexdigest() for batch in rows) == CIFAR_CHECKSUMS


@pytest.mark.parametrize("known", [MNIST, FASHION_MNIST, CIFAR10], ids=lambda known: known.name)
def test_sizes_and_statistics_are_those_that_are_quoted(known: PublishedSet):
    arrays = available(known)
    assert arrays.train_images.shape == (known.train_count, *known.image_shape)
    assert arrays.test_images.shape == (known.test_count, *known.image_shape)
    assert set(arrays.train_labels.tolist()) == set(range(len(known.classes)))
    mean, deviation = channel_statistics(arrays.train_images)
    np.testing.assert_allclose(mean, STATISTICS[known.name][0], atol=6e-5)
    np.testing.assert_allclose(deviation, STATISTICS[known.name][1], atol=6e-5)
