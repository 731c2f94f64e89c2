from __future__ import annotations

from pathlib import Path

import pytest

from defib.ensemble.kernel.compilation import (
    CACHE_VARIABLE,
    compiled,
    kernel_folder,
    specialization,
)
from defib.ensemble.specification import OptimizerSpecification, Training, relu_network

TRAINING = Training(relu_network(1, (1,)), optimizer=OptimizerSpecification("sgd"))
SPECIAL = specialization(TRAINING)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for kernels, and a process that remembers none."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "kernels"))
    compiled.cache_clear()
    return tmp_path / "kernels"


def test_a_later_process_finds_the_code_on_disk(folder: Path):
    assert not compiled(SPECIAL).is_from_disk
    compiled.cache_clear()
    assert compiled(SPECIAL).is_from_disk
    assert [file.suffix for file in folder.iterdir()] == [".o"]


@pytest.mark.usefixtures("folder")
def test_what_differs_in_its_numbers_only_shares_the_code():
    first = compiled(SPECIAL)
    other = Training(
        TRAINING.network, optimizer=OptimizerSpecification("sgd", 0.5), batch_size=7, l2=0.1
    )
    assert compiled(specialization(other)) is first


def test_damaged_code_is_made_again(folder: Path):
    compiled(SPECIAL)
    [file] = folder.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    compiled.cache_clear()
    assert not compiled(SPECIAL).is_from_disk
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_written_to_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "kernels"))
    compiled.cache_clear()
    assert not compiled(SPECIAL).is_from_disk


def test_the_folder_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert kernel_folder() == Path("/somewhere/defib/kernels")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert kernel_folder() == Path.home() / ".cache" / "defib" / "kernels"
