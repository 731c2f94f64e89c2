"""Studies from beginning to end: their jobs, and results with pages in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from defib.errors import UsageError
from defib.records.study import StudyResult
from defib.report.study_site import write_index, write_study
from defib.studies.base import AnyStudy
from defib.studies.devices import on_device
from defib.studies.jobs import Job, collected, jobs_of, run_jobs


@final
@dataclass(frozen=True)
class Request:
    """Which studies, how large, with which seed, in how many processes, to which folder."""

    studies: tuple[AnyStudy, ...]
    is_full: bool
    seed: int
    workers: int
    out: Path
    has_index: bool = False
    device: str = ""
    """torch's, for studies that train with torch; empty for what the configuration says."""

    def config(self, study: AnyStudy) -> Any:
        """The configuration of `study`."""
        config = study.config(is_full=self.is_full)
        return on_device(config, self.device) if self.device else config

    def folder(self, study: AnyStudy) -> Path:
        return self.out / study.name

    def jobs(self) -> Sequence[tuple[Job, Path]]:
        """Every job with the folder of its study."""
        return [
            (job, self.folder(study))
            for study in self.studies
            for job in jobs_of(study, self.config(study), self.seed)
        ]


def run_studies(request: Request, on_done: Callable[[Job], None]) -> Iterator[StudyResult]:
    """The results, each after its files have been written. Raises `UsageError` on a bad folder."""
    _check(request.out)
    run_jobs(request.jobs(), workers=request.workers, on_done=on_done)
    results: dict[str, StudyResult] = {}
    index = "../index.html" if request.has_index else ""
    for study in request.studies:
        config, folder = request.config(study), request.folder(study)
        result = collected(study, config, request.seed, folder)
        write_study(result, study.figures(result), folder, page=study.page, index=index)
        results[study.name] = result
        yield result
    if request.has_index:
        write_index(results, {each.name: each.question for each in request.studies}, request.out)


def _check(out: Path) -> None:
    """Fail before anything runs where nothing could be written afterwards."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".defib-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"Results cannot be written to `{out}` ({error.strerror}). "
            "Name another folder with `--out DIR`."
        ) from error
