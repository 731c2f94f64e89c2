import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from defib.cli.main import command_line
from defib.records.study import Table
from defib.records.study_json import RESULT_FILE, json_text, result_as_json
from defib.studies import base, jobs
from defib.studies.base import study_called
from defib.studies.jobs import Job, collected, jobs_of, run_job, run_jobs
from tests.studies import small_study

STUDY = small_study.STUDY


@pytest.fixture(autouse=True)
def only_the_small_study(monkeypatch: pytest.MonkeyPatch):
    """Known by its name, as if its file stood among the others."""
    monkeypatch.setattr(jobs, "study_called", lambda _: STUDY)
    small_study.CALLS.clear()


def run(folder: Path, *, workers: int = 1, seed: int = 0) -> list[Job]:
    done: list[Job] = []
    to_do = [(job, folder) for job in jobs_of(STUDY, STUDY.quick, seed)]
    run_jobs(to_do, workers=workers, on_done=done.append)
    return done


def test_each_job_is_run_once_and_not_again(tmp_path: Path):
    assert len(run(tmp_path)) == 3
    assert len(run(tmp_path)) == 3
    assert small_study.CALLS == [0, 1, 2]


def test_another_seed_or_configuration_is_another_job(tmp_path: Path):
    run(tmp_path)
    run(tmp_path, seed=1)
    other = jobs_of(STUDY, small_study.Config(offset=2.0), 0)
    assert {each.key for each in other}.isdisjoint(
        each.key for each in jobs_of(STUDY, STUDY.quick, 0)
    )
    assert small_study.CALLS == [0, 1, 2, 1000, 1001, 1002]


def test_a_torn_file_is_measured_again(tmp_path: Path):
    [first, *_] = jobs_of(STUDY, STUDY.quick, 0)
    whole = run_job(first, tmp_path).read_text()
    first.file(tmp_path).write_text(whole[: len(whole) // 2])
    assert run_job(first, tmp_path).read_text() == whole


def test_only_what_is_missing_is_run_after_an_interruption(tmp_path: Path):
    run_job(jobs_of(STUDY, STUDY.quick, 0)[1], tmp_path)
    small_study.CALLS.clear()
    run(tmp_path)
    assert small_study.CALLS == [0, 2]


def test_a_job_file_says_what_it_is_of(tmp_path: Path):
    file = run_job(jobs_of(STUDY, STUDY.quick, 0)[2], tmp_path)
    content = json.loads(file.read_text())
    assert (content["seed"], content["config"]) == (2, {"seeds": 3, "offset": 1.0})
    assert not list(file.parent.glob("*.tmp"))


def test_jobs_and_a_run_in_memory_give_the_same_result(tmp_path: Path):
    run(tmp_path)
    from_files = collected(STUDY, STUDY.quick, 0, tmp_path)
    in_memory = STUDY.run(STUDY.quick)
    assert json_text(result_as_json(from_files)) == json_text(result_as_json(in_memory))


def test_an_error_in_a_job_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = base.Study(
        STUDY.exercises, STUDY.quick, STUDY.full, _raise, STUDY.claims, STUDY.figures
    )
    monkeypatch.setattr(jobs, "study_called", lambda _: broken)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path)


def _raise(_config: object, _seed: int) -> dict[str, Table]:
    raise ZeroDivisionError


def test_one_and_two_workers_write_the_same_bytes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(jobs, "study_called", study_called)
    results = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        arguments = ["study", "run", "saddle-point", "--jobs", workers, "--out", str(out)]
        assert command_line.main(arguments, standalone_mode=False) in (None, 0)
        results.append((out / "saddle-point" / RESULT_FILE).read_bytes())
    assert results[0] == results[1]


PARENT = """
import os, time
from defib.studies.jobs import _pool
if __name__ == "__main__":
    pool = _pool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for the state of a process as POSIX does")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path):
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(worker)


def is_running(process: int) -> bool:
    # Where nobody waits for what was left behind, it stays listed when it has ended.
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() not in ("", "Z")
