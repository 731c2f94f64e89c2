from pathlib import Path

import pytest

from defib.user_folders import user_caches, user_settings


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_folders_are_in_the_home_folder(home: Path):
    assert (user_caches(), user_settings()) == (home / ".cache", home / ".config")


def test_the_environment_may_name_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert user_caches() == Path("/var/caches")


def test_a_relative_path_is_ignored(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")
    assert user_settings() == home / ".config"
