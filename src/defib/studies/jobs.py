"""Units of work: each a pure function of study, configuration and seed, with a file of its own.

A job can be launched by anything that can call `run_job`: this process, a pool of processes, or a
cluster. Its file is written whole or not at all; a job whose file is there is not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, final

from defib.records.encoding import decode, encode
from defib.records.study import StudyResult, Table
from defib.records.study_json import table_as_json, table_from_json, write_json
from defib.script.after_import import call_after_import
from defib.studies.allocation import keep_freed_memory
from defib.studies.base import AnyStudy, study_called
from defib.studies.threads import limit_threads

JOBS_FOLDER = "jobs"


@final
@dataclass(frozen=True)
class Job:
    """One unit of work. `config` holds what JSON knows, so that a job can be sent anywhere."""

    study: str
    config: Mapping[str, Any]
    seed: int

    @property
    def key(self) -> str:
        """Names its file; another configuration, or another text of the study, has another."""
        parts = [self.study, self.config, self.seed, study_called(self.study).fingerprint]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def file(self, folder: Path) -> Path:
        return folder / JOBS_FOLDER / f"{self.seed:06d}-{self.key}.json"


def jobs_of(study: AnyStudy, config: Any, seed: int) -> tuple[Job, ...]:
    """The jobs of a run of `study`."""
    content = encode(config)
    return tuple(Job(study.name, content, each) for each in study.job_seeds(config, seed))


def run_job(job: Job, folder: Path) -> Path:
    """The file of what the job measured, under `folder`; it is run only if there is none."""
    file = job.file(folder)
    if _measured(file) is None:
        study = study_called(job.study)
        config = decode(type(study.quick), job.config)
        with _one_thread():
            tables = study.measure(config, job.seed)
        content = {"study": job.study, "config": job.config, "seed": job.seed}
        in_json = {name: table_as_json(table) for name, table in tables.items()}
        write_json(file, content | {"tables": in_json})
    return file


def run_jobs(
    jobs: Iterable[tuple[Job, Path]], *, workers: int, on_done: Callable[[Job], None]
) -> None:
    """Run the jobs, each with the folder of its study, in up to `workers` processes."""
    waiting = [(job, folder) for job, folder in jobs if not _is_done(job, folder, on_done)]
    workers = min(workers, len(waiting))
    if workers <= 1:
        for job, folder in waiting:
            run_job(job, folder)
            on_done(job)
        return
    with _pool(workers) as pool:
        running = {pool.submit(run_job, job, folder): job for job, folder in waiting}
        try:
            for future in as_completed(running):
                future.result()
                on_done(running[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def collected(study: AnyStudy, config: Any, seed: int, folder: Path) -> StudyResult:
    """The result of jobs that have all been run."""
    measured: dict[int, Mapping[str, Table]] = {}
    for job in jobs_of(study, config, seed):
        tables = _measured(run_job(job, folder))
        assert tables is not None
        measured[job.seed] = tables
    return study.result(config, seed, measured)


def _is_done(job: Job, folder: Path, on_done: Callable[[Job], None]) -> bool:
    if _measured(job.file(folder)) is None:
        return False
    on_done(job)
    return True


def _measured(file: Path) -> dict[str, Table] | None:
    """The tables in the file of a job; `None` where there is none, or none that can be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {name: table_from_json(each) for name, each in content["tables"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums depend on the number of torch's threads, and results must not."""
    undo: list[Callable[[], None]] = []

    def limit(torch: ModuleType) -> None:
        undo.append(partial(torch.set_num_threads, torch.get_num_threads()))
        torch.set_num_threads(1)

    # Some studies do without torch, whose import would take a second.
    cancel = call_after_import("torch", limit)
    try:
        yield
    finally:
        cancel()
        for each in undo:
            each()


def _prepare_worker(threads: int) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    limit_threads(threads)
    keep_freed_memory()


def _end_with_parent() -> None:
    # A worker whose parent is killed would end its job, and then wait for the next one for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _pool(workers: int) -> Executor:
    # Spawned, not forked: a fork of a process in which torch has threads can hang.
    threads = max(1, (os.cpu_count() or 1) // workers)
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=partial(_prepare_worker, threads)
    )
