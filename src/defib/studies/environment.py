"""Where a study ran, and the command that repeats it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("defib", "torch", "numpy", "llvmlite", "scikit-learn")


def environment_of(study: str, seed: int, *, options: Sequence[str] = ()) -> dict[str, str]:
    """Versions, machine and command. No time and no number of workers: both change nothing."""
    command = " ".join(("defib study run", study, *options))
    found = {"command": command if seed == 0 else f"{command} --seed {seed}"}
    found["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"platform": f"{platform.system()} {platform.machine()}"}
