"""A published set of a few images, and the forms in which it may lie somewhere."""

import gzip
import io
import shutil
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from defib.datasets.cifar_batches import BATCHES
from defib.datasets.idx_files import IDX_FILES
from defib.datasets.image_arrays import ImageArrays, fingerprints
from defib.datasets.packages import Package
from defib.datasets.published_set import PublishedSet
from defib.errors import DatasetUnavailableError


@final
@dataclass(frozen=True)
class FilePackage(Package):
    """A package that is downloaded by copying a file; unavailable where there is none."""

    file: Path | None = None

    @property
    def command(self) -> str:
        return f"cp {self.name}"

    def download(self, folder: Path) -> Path:
        if self.file is None:
            raise DatasetUnavailableError("`cp` is not installed")
        return self.checked(Path(shutil.copy(self.file, folder)))


def small_images(channels: int = 1, size: int = 4, seed: int = 0) -> ImageArrays:
    """Ten training images (two for each of five batches) and two test images."""
    random = np.random.default_rng(seed)

    def of(count: int) -> tuple[np.ndarray, np.ndarray]:
        images = random.integers(256, size=(count, channels, size, size), dtype=np.uint8)
        return images, random.integers(10, size=count, dtype=np.uint8)

    return ImageArrays(*of(10), *of(2))


def published_as(like: PublishedSet, arrays: ImageArrays, package: Package) -> PublishedSet:
    """The set `like`, were `arrays` what is published under its name."""
    return replace(like, fingerprints=fingerprints(arrays), package=package)


def idx_content(array: np.ndarray) -> bytes:
    extents = b"".join(extent.to_bytes(4, "big") for extent in array.shape)
    return bytes([0, 0, 8, array.ndim]) + extents + array.tobytes()


def idx_contents(arrays: ImageArrays) -> dict[str, bytes]:
    parts = (
        arrays.train_images[:, 0],
        arrays.train_labels,
        arrays.test_images[:, 0],
        arrays.test_labels,
    )
    return {name: idx_content(part) for name, part in zip(IDX_FILES, parts, strict=True)}


def batches_of(arrays: ImageArrays) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name of each batch -> its images and labels."""
    parts = [
        (arrays.train_images[at : at + 2], arrays.train_labels[at : at + 2])
        for at in range(0, 10, 2)
    ]
    return dict(zip(BATCHES, [*parts, (arrays.test_images, arrays.test_labels)], strict=True))


def binary_contents(arrays: ImageArrays) -> dict[str, bytes]:
    return {
        f"{name}.bin": np.concatenate([labels[:, None], images.reshape(2, -1)], axis=1).tobytes()
        for name, (images, labels) in batches_of(arrays).items()
    }


def write_files(folder: Path, contents: dict[str, bytes], *, is_zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if is_zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def tar_of(contents: dict[str, bytes], compression: str = "gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def debian_package(contents: dict[str, bytes]) -> bytes:
    """An `ar` archive as `dpkg-deb` writes it: version, control, data."""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar_of({"control": b"Package: x\n\n"}, "xz"),
        "data.tar.xz": tar_of(contents, "xz"),
    }
    archive = b"!<arch>\n"
    for name, content in members.items():
        archive += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        archive += content + b"\n" * (len(content) % 2)
    return archive
