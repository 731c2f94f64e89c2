"""The folder in which data sets are kept between runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from defib.datasets.image_arrays import ImageArrays
from defib.errors import DatasetError
from defib.user_folders import user_caches

FOLDER_VARIABLE = "DEFIB_DATA"

_ARRAYS = tuple(field.name for field in fields(ImageArrays))


def data_folder() -> Path:
    """`DEFIB_DATA` where it is set, else `defib/datasets` in the user's cache."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return user_caches() / "defib" / "datasets"


def is_stored(name: str) -> bool:
    """Whether the data set lies in the data folder as `store` writes it."""
    return all(_file(name, array).is_file() for array in _ARRAYS)


def stored(name: str) -> ImageArrays | None:
    """The data set that `store` wrote; `None` where it is not there, or not whole."""
    try:
        arrays = [np.load(_file(name, array), allow_pickle=False) for array in _ARRAYS]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(
            f"`{data_folder() / name}` is damaged ({error}). Delete this folder."
        ) from error
    return ImageArrays(*arrays)


def store(name: str, arrays: ImageArrays) -> Path:
    """The folder to which `arrays` were written: all of them or, if that fails, nothing."""
    target = data_folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    except OSError as error:
        raise DatasetError(
            f"`{target.parent}` cannot be written to ({error.strerror}). Set {FOLDER_VARIABLE} to "
            "a folder that can."
        ) from error
    try:
        for array in _ARRAYS:
            np.save(partial / f"{array}.npy", getattr(arrays, array), allow_pickle=False)
        partial.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not is_stored(name):  # Else another process was faster.
            raise DatasetError(f"`{target}` cannot be written ({error.strerror}).") from error
    return target


def _file(name: str, array: str) -> Path:
    return data_folder() / name / f"{array}.npy"
