"""What is known of a published data set: its origin, its licence, its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from defib.datasets.file_tree import FileTree
from defib.datasets.image_arrays import Fingerprints, ImageArrays
from defib.datasets.packages import Package


@final
@dataclass(frozen=True)
class Licence:
    """The terms of the data themselves (not of the package that carries them), and who says so."""

    terms: str
    source: str
    citation: str


@final
@dataclass(frozen=True)
class PublishedSet:
    """A labelled set of images; a file in `published/` holds one.

    `folders` are where the files may lie in a folder of the user's, as other libraries leave
    them, relative to it or absolute. `holds` says whether all files are there by name, `read`
    reads them, `forms` says in words which they are.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    """Channels, height, width."""
    train_count: int
    test_count: int
    licence: Licence
    package: Package
    holds: Callable[[FileTree], bool]
    read: Callable[[FileTree], ImageArrays]
    fingerprints: Fingerprints
    folders: tuple[str, ...]
    forms: str
