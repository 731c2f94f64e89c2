"""Reads the idx files in which MNIST and its successors are published."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import numpy as np

from defib.datasets.file_tree import FileTree
from defib.datasets.image_arrays import ImageArrays
from defib.errors import DatasetError

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_UNSIGNED_BYTES = 0x08


def has_idx_files(files: FileTree) -> bool:
    """Whether the four idx files are there, zipped or not."""
    return all(_find(files, name) is not None for name in IDX_FILES)


def read_idx_files(files: FileTree) -> ImageArrays:
    """The images of the four idx files. Raises `DatasetError` where one is missing or damaged."""
    arrays = [_read(files, name) for name in IDX_FILES]
    return ImageArrays(arrays[0][:, None], arrays[1], arrays[2][:, None], arrays[3])


def _read(files: FileTree, name: str) -> np.ndarray:
    read = _find(files, name)
    if read is None:
        raise DatasetError(f"The file `{name}` is missing.")
    return idx_array(_unzipped(read()), name)


def idx_array(content: bytes, name: str) -> np.ndarray:
    """The array in an idx file: two zero bytes, type, number of axes, extents, values.

    Raises `DatasetError` where `content` is cut off or is no idx file of unsigned bytes.
    """
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    size = int(np.prod(shape, dtype=np.int64))
    is_idx = content[:3] == bytes([0, 0, _UNSIGNED_BYTES]) and axes in (1, 3)
    if not is_idx or len(content) != start + size:
        raise DatasetError(
            f"`{name}` is no whole idx file of unsigned bytes: {len(content):,} bytes came, which "
            f"begin with {content[:4].hex(' ') or 'nothing'}. Get it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _find(files: FileTree, name: str) -> Callable[[], bytes] | None:
    # Unpacked with some tools the files are called `train-images.idx3-ubyte`.
    names = (name, name.replace("-idx", ".idx"))
    known = [each + ending for ending in ("", ".gz") for each in names]
    return next((files[each] for each in known if each in files), None)


def _unzipped(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise DatasetError(f"A zipped idx file is damaged ({error}). Get it again.") from error
