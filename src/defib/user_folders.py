"""Where programs keep what belongs to the user: caches and settings.

Source: XDG Base Directory Specification.
"""

from __future__ import annotations

import os
from pathlib import Path


def user_caches() -> Path:
    """`XDG_CACHE_HOME`, else `~/.cache`: what can be made again."""
    return _folder("XDG_CACHE_HOME", ".cache")


def user_settings() -> Path:
    """`XDG_CONFIG_HOME`, else `~/.config`."""
    return _folder("XDG_CONFIG_HOME", ".config")


def _folder(variable: str, name: str) -> Path:
    chosen = os.environ.get(variable, "")
    # The specification says to ignore a relative path.
    return Path(chosen) if chosen.startswith("/") else Path.home() / name
