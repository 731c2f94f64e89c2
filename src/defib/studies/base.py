"""What a study is, and how all studies are found.

A study is a file of this folder, or `study.py` in a folder of its own beside its other parts. Its
docstring asks the question and tells the protocol; it holds a frozen `Config`, the configurations
`QUICK` and `FULL`, and `STUDY`. What is measured is split into jobs, each of them a pure function
of the configuration and of a seed.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, final

import defib.studies
from defib.errors import UnknownNameError
from defib.records.chart import Chart
from defib.records.encoding import encode
from defib.records.study import Claim, StudyResult, Table, Verdict
from defib.studies.devices import devices_of, on_device
from defib.studies.environment import environment_of
from defib.studies.summary import tables_of_seeds

_MAIN = "study"
"""The module of a study that has a folder."""
MOST_SEEDS = 1000
"""Of one configuration; beyond, the seeds of `--seed 0` and `--seed 1` would meet."""


class HasSeeds(Protocol):
    """Every configuration says on how many seeds it is measured."""

    @property
    def seeds(self) -> int: ...


Config = TypeVar("Config", bound=HasSeeds)


@final
@dataclass(frozen=True)
class Study(Generic[Config]):
    """A question with its experiment, its claims and its pictures.

    `measure` is one unit of work: pure, so that a job can run anywhere, at any time, twice.
    `claims` and `figures` read the tables of a result and nothing else.
    """

    exercises: tuple[str, ...]
    quick: Config
    full: Config
    measure: Callable[[Config, int], Mapping[str, Table]]
    claims: Callable[[StudyResult], tuple[Claim, ...]]
    figures: Callable[[StudyResult], tuple[Chart, ...]]
    dataset: str = ""
    """The published data set that it needs, which may have to be fetched first."""

    @property
    def name(self) -> str:
        """`dying-relu` for the study in `dying_relu.py`, or in `dying_relu/study.py`."""
        module = self.measure.__module__.removesuffix(f".{_MAIN}")
        return module.rpartition(".")[2].replace("_", "-")

    @property
    def page(self) -> str:
        """The docstring of its file: the question in the first line, then the protocol."""
        return inspect.getdoc(inspect.getmodule(self.measure)) or ""

    @property
    def question(self) -> str:
        return self.page.partition("\n")[0]

    @property
    def fingerprint(self) -> str:
        """Changes when the study's files do: results of another text are not reused."""
        file = Path(inspect.getfile(self.measure))
        files = sorted(file.parent.glob("*.py")) if file.stem == _MAIN else [file]
        text = b"".join(each.read_bytes() for each in files)
        return hashlib.sha256(text).hexdigest()[:16]

    def config(self, *, is_full: bool) -> Config:
        return self.full if is_full else self.quick

    def job_seeds(self, config: Config, seed: int) -> tuple[int, ...]:
        """The seeds of the jobs; those of another `seed` are all different."""
        return tuple(MOST_SEEDS * seed + index for index in range(config.seeds))

    def run(self, config: Config, seed: int = 0) -> StudyResult:
        """The result, measured here and now, one job after another."""
        measured = {each: self.measure(config, each) for each in self.job_seeds(config, seed)}
        return self.result(config, seed, measured)

    def result(
        self, config: Config, seed: int, measured: Mapping[int, Mapping[str, Table]]
    ) -> StudyResult:
        """What the measurements of all jobs, by seed, say together."""
        result = StudyResult(
            study=self.name,
            exercises=self.exercises,
            config=encode(config),
            seed=seed,
            environment=environment_of(self.name, seed, options=self._options(config)),
            tables=tables_of_seeds(measured),
        )
        claims = (
            replace(claim, reason="") if claim.verdict is Verdict.HOLDS else claim
            for claim in self.claims(result)
        )
        return replace(result, claims=tuple(claims))

    def _options(self, config: Config) -> tuple[str, ...]:
        """What was typed for `config`; nothing of one that was made in Python."""
        for known, options in ((self.quick, ()), (self.full, ("--full",))):
            if config == known:
                return options
            devices = devices_of(config)
            if devices and on_device(known, devices[0]) == config:
                return (*options, f"--device {devices[0]}")
        return ()


# Any: each study has a configuration of its own.
AnyStudy = Study[Any]


@cache
def all_studies() -> tuple[AnyStudy, ...]:
    """Every study of the package, by name."""
    found = [study for study in map(_study_in, _modules().values()) if study is not None]
    return tuple(sorted(found, key=lambda study: study.name))


def study_called(name: str) -> AnyStudy:
    """The study of that name. Raises `UnknownNameError` if there is none."""
    # Its own module first, alone: the others import what this one may do without.
    module = _modules().get(name.replace("-", "_"))
    study = _study_in(module) if module is not None else None
    if study is not None and study.name == name:
        return study
    studies = {study.name: study for study in all_studies()}
    if name not in studies:
        advice = "`defib study list` shows them."
        raise UnknownNameError("study", name, studies, advice=advice)
    return studies[name]


def _modules() -> dict[str, str]:
    """The module in which a study may be, by the name of its file or folder."""
    found = pkgutil.iter_modules(defib.studies.__path__)
    prefix = defib.studies.__name__
    return {e.name: f"{prefix}.{e.name}{f'.{_MAIN}' if e.ispkg else ''}" for e in found}


def _study_in(module: str) -> AnyStudy | None:
    member = getattr(importlib.import_module(module), "STUDY", None)
    return member if isinstance(member, Study) else None
