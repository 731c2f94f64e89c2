"""Reads the three forms in which the batches of CIFAR-10 are passed on."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Sequence
from typing import Any, final

import numpy as np
from PIL import Image

from defib.datasets.file_tree import FileTree
from defib.datasets.image_arrays import ImageArrays
from defib.errors import DatasetError

TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_BATCH = "test_batch"
BATCHES = (*TRAIN_BATCHES, TEST_BATCH)
_BINARY = tuple(f"{name}.bin" for name in BATCHES)
_LABELS = ("train_lables.json", "test_lables.json")  # So spelt in the package.
_PNG = (*(f"{name}.png" for name in BATCHES), *_LABELS)

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32

Batch = tuple[np.ndarray, np.ndarray]
"""Images (N, 3, 32, 32) and labels (N,)."""


def has_cifar_batches(files: FileTree) -> bool:
    """Whether all six batches are there: pickled, binary or as PNG."""
    return any(all(name in files for name in form) for form in (BATCHES, _BINARY, _PNG))


def read_cifar_batches(files: FileTree) -> ImageArrays:
    """The images of the six batches. Raises `DatasetError` where one is missing or damaged."""
    try:
        if all(name in files for name in BATCHES):
            return _joined([_pickled(files[name]()) for name in BATCHES])
        if all(name in files for name in _BINARY):
            return _joined([binary_batch(files[name]()) for name in _BINARY])
        return _joined(_png_batches(files))
    except (ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise DatasetError(f"A batch of CIFAR-10 is damaged ({error}). Get it again.") from error


def _joined(batches: Sequence[Batch]) -> ImageArrays:
    train, (test_images, test_labels) = batches[:-1], batches[-1]
    images = np.concatenate([each[0] for each in train])
    labels = np.concatenate([each[1] for each in train])
    return ImageArrays(images, labels, test_images, test_labels)


def binary_batch(content: bytes) -> Batch:
    """A batch of the binary version: for each image its label, then 1024 red, green, blue."""
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS)
    return np.ascontiguousarray(rows[:, 1:]).reshape(-1, *_SHAPE), rows[:, 0].copy()


def _pickled(content: bytes) -> Batch:
    batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    images = np.asarray(batch[b"data"], np.uint8).reshape(-1, *_SHAPE)
    return images, np.asarray(batch[b"labels"], np.uint8)


@final
class _ArraysOnly(pickle.Unpickler):
    """Unpickles arrays and nothing else: a pickle of unknown origin could run anything."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if module_name.replace("_core", "core") == "numpy.core.multiarray":
            if global_name == "_reconstruct":
                return np.zeros(0).__reduce__()[0]
        elif module_name == "numpy" and global_name in ("ndarray", "dtype"):
            return getattr(np, global_name)
        elif (module_name, global_name) == ("_codecs", "encode"):
            # How Python 3 writes byte strings for Python 2.
            return _latin_1_bytes
        raise pickle.UnpicklingError(f"it asks for `{module_name}.{global_name}`")


def _latin_1_bytes(text: str, encoding: str) -> bytes:
    del encoding
    return text.encode("latin-1")


def _png_batches(files: FileTree) -> list[Batch]:
    """One row of a PNG is one image: 1024 pixels, row after row."""
    labels = np.array([each for name in _LABELS for each in json.loads(files[name]())], np.uint8)
    batches = []
    for number, name in enumerate(_PNG[: len(BATCHES)]):
        images = _png(files[name]()).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
        count = len(images)
        batches.append((images, labels[number * count : (number + 1) * count]))
    return batches


def _png(content: bytes) -> np.ndarray:
    # An array of ten million pixels is meant, and no decompression bomb.
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return np.asarray(Image.open(io.BytesIO(content), formats=("PNG",)))
    finally:
        Image.MAX_IMAGE_PIXELS = limit
