"""Files by name, whether they lie in a folder or in a package."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from defib.errors import DatasetError

FileTree = Mapping[str, Callable[[], bytes]]
"""The name of a file without its folder -> its content, read when called."""

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60


def files_of(path: Path) -> FileTree:
    """The files directly in the folder `path`, or all in the package `path` (.tgz, .tar, .deb).

    Empty where there is nothing. Raises `DatasetError` for a file that is no package.
    """
    if path.is_dir():
        return {each.name: each.read_bytes for each in sorted(path.iterdir()) if each.is_file()}
    if not path.is_file():
        return {}
    content = path.read_bytes()
    archive = _data_of_debian_package(content, path) if content.startswith(_AR_MAGIC) else content
    try:
        return _files_of_tar(archive)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DatasetError(
            f"`{path}` is neither a folder nor a whole .tgz, .tar or .deb package."
        ) from error


def _files_of_tar(archive: bytes) -> FileTree:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # Nothing is written to disk: names in an archive cannot lead anywhere.
        contents = {
            Path(member.name).name: stream.read()
            for member in tar
            if member.isfile() and (stream := tar.extractfile(member)) is not None
        }
    return {name: partial(bytes, content) for name, content in contents.items()}


def _data_of_debian_package(content: bytes, path: Path) -> bytes:
    """The member `data.tar.*` of an `ar` archive. Source: deb(5)."""
    position = len(_AR_MAGIC)
    while position + _AR_HEADER_BYTES <= len(content):
        header = content[position : position + _AR_HEADER_BYTES]
        name = header[:16].decode("ascii", "replace").strip().rstrip("/")
        size = int(header[48:58])
        start = position + _AR_HEADER_BYTES
        if name.startswith("data.tar"):
            return content[start : start + size]
        position = start + size + size % 2
    raise DatasetError(f"`{path}` holds no `data.tar`: it is no whole Debian package.")
