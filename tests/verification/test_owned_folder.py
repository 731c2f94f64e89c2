"""Folders that are removed whatever becomes of their process."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from defib.verification.owned_folder import owned_folder

PREFIX = "defib-test-"
OWNER = f"""
import sys, time
from defib.verification.owned_folder import owned_folder
with owned_folder({PREFIX!r}) as folder:
    (folder / "data").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_it_is_gone_afterwards(tmp_path: Path):
    with owned_folder(PREFIX) as folder:
        (folder / "data").write_text("x", encoding="utf-8")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_two_of_one_process_leave_each_other_alone():
    with owned_folder(PREFIX) as one, owned_folder(PREFIX) as other:
        assert one != other
        assert one.is_dir()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_that_of_a_killed_process_is_removed_by_the_next_and_not_before(tmp_path: Path):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    with owner.stdout:
        left = Path(owner.stdout.readline().strip())
        with owned_folder(PREFIX):
            assert (left / "data").exists()
        owner.kill()
        owner.wait()
    assert left.is_dir()
    with owned_folder(PREFIX):
        assert not left.exists()


def test_a_folder_without_an_owner_is_not_ours_to_remove(tmp_path: Path):
    strange = tmp_path / f"{PREFIX}of-somebody"
    strange.mkdir()
    with owned_folder(PREFIX):
        assert strange.is_dir()
    assert strange.is_dir()


def test_one_that_is_being_made_is_left_alone(tmp_path: Path):
    made = tmp_path / f"{PREFIX}now"
    made.mkdir()
    (made / "owner.lock").touch()
    with owned_folder(PREFIX):
        assert made.is_dir()


def test_many_at_once_leave_one_another_alone():
    def is_kept(_: int) -> bool:
        with owned_folder(PREFIX) as folder:
            time.sleep(0.002)
            return (folder / "owner.lock").exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_kept, range(200)))
