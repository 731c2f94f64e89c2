"""The copy in which a trial runs."""

from pathlib import Path

import pytest

from defib.errors import UsageError
from defib.verification.scratch import scratch_copy


def test_a_copy_within_the_copied_directory_does_not_copy_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # As where a script is started in the system's temporary folder.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "train.py").write_text("pass", encoding="utf-8")
    with scratch_copy(tmp_path) as copy:
        assert [each.name for each in copy.iterdir()] == ["train.py"]


def test_too_many_files_are_refused_before_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("defib.verification.scratch.LARGEST_COUNT", 3)
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"0\.0 GB in 4"), scratch_copy(tmp_path):
        pass


def test_a_link_to_a_large_file_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("defib.verification.scratch.LARGEST_BYTES", 500)
    outside = tmp_path / "data.bin"
    outside.write_bytes(b"0" * 1000)
    work = tmp_path / "work"
    work.mkdir()
    (work / "data.bin").symlink_to(outside)
    with scratch_copy(work) as copy:
        assert (copy / "data.bin").is_symlink()
