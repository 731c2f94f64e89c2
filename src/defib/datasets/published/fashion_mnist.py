"""FashionMNIST: photographs of clothes, made as a harder MNIST."""

from __future__ import annotations

from defib.datasets.idx_files import has_idx_files, read_idx_files
from defib.datasets.image_arrays import Fingerprints
from defib.datasets.packages import DebianPackage
from defib.datasets.published_set import Licence, PublishedSet

FASHION_MNIST = PublishedSet(
    name="fashion-mnist",
    title="photographs of clothes",
    classes=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    image_shape=(1, 28, 28),
    train_count=60_000,
    test_count=10_000,
    licence=Licence(
        terms="MIT, © 2017 Zalando SE",
        source="the upstream repository",
        citation="Xiao, Rasul, Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
    ),
    # No checksum of the package: each distribution builds its own, and signs it.
    package=DebianPackage("dataset-fashion-mnist", megabytes=30.9),
    holds=has_idx_files,
    read=read_idx_files,
    fingerprints=Fingerprints(
        train_images="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        train_labels="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        test_images="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        test_labels="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    folders=(
        "FashionMNIST/raw",
        "FashionMNIST",
        "fashion-mnist",
        "/usr/share/datasets/fashion-mnist",  # Where Debian's package, once installed, has it.
    ),
    forms="torchvision's `FashionMNIST/raw`, or the four idx files, zipped or not",
)
