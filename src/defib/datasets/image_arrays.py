"""Labelled images as they were published: whole numbers, nothing scaled."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images (N, channels, height, width) and labels (N,), all `uint8`, in the published order."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@final
@dataclass(frozen=True)
class Fingerprints:
    """SHA-256 of the bytes of each array of `ImageArrays`, in C order, as hexadecimal digits."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str

    def differing(self, arrays: ImageArrays) -> tuple[str, ...]:
        """Names of the arrays that are not the published ones; empty if all are."""
        found = astuple(fingerprints(arrays))
        names = self.__dataclass_fields__
        expected = astuple(self)
        return tuple(
            name for name, here, there in zip(names, found, expected, strict=True) if here != there
        )


def fingerprints(arrays: ImageArrays) -> Fingerprints:
    """What identifies `arrays`, bit for bit."""
    return Fingerprints(
        _digest(arrays.train_images),
        _digest(arrays.train_labels),
        _digest(arrays.test_images),
        _digest(arrays.test_labels),
    )


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
