import json
import pickle
from pathlib import Path

import pytest
import torch

from benchmarks.scoreboard import running
from benchmarks.scoreboard.cases import Case, Kind
from benchmarks.scoreboard.judging import judge
from benchmarks.scoreboard.preflight_file import FILE, read_preflight
from benchmarks.scoreboard.running import Facts, run_case


class Unknown:
    """Stands for a class that is no longer there."""


CASE = Case(Kind.HEALTHY, "thirty-steps", "", 0)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("records")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run_case(CASE, directory, 0.01)
    torch.set_num_threads(threads)
    return directory


def test_a_case_is_one_folder_with_its_record(out: Path):
    assert [each.name for each in out.iterdir()] == [CASE.folder]
    assert Facts.read(out / CASE.folder).error is not None


def test_a_healthy_training_lowers_its_error(out: Path):
    facts = Facts.read(out / CASE.folder)
    assert facts.error is not None
    assert facts.error_before is not None
    assert facts.error < facts.error_before


def test_the_same_training_is_checked_before_its_first_step(out: Path):
    facts = Facts.read(out / CASE.folder)
    assert facts.check_error == ""
    assert facts.check_seconds > 0


def test_a_kept_record_is_judged_without_a_run(out: Path):
    [judged] = judge([CASE, Case(Kind.HEALTHY, "sgd", "", 0)], out).judged
    assert judged.case == CASE
    assert judged.record.steps == 30


def test_what_was_measured_before_the_first_step_is_judged_again(out: Path):
    path = out / CASE.folder / running.FACTS
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"check_rules": ["of-another-day"]}))
    [judged] = judge([CASE], out).judged
    path.write_text(json.dumps(facts))
    assert "of-another-day" not in judged.facts.check_rules


def test_what_was_measured_is_not_read_where_records_have_changed(tmp_path: Path):
    assert read_preflight(tmp_path) is None
    (tmp_path / FILE).write_bytes(pickle.dumps(Unknown).replace(b"Unknown", b"Missing"))
    assert read_preflight(tmp_path) is None


def test_what_is_there_is_not_run_again(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "ProcessPoolExecutor", None)
    assert list(running.run_all([CASE], out, budget=0.01, jobs=1)) == []


def test_a_case_that_cannot_be_kept_does_not_stop_the_others(tmp_path: Path):
    facts = running.attempted(Case(Kind.HEALTHY, "no-such-training", "", 0), tmp_path, 0.01)
    assert facts.raised.startswith("no record: KeyError")
    assert list(tmp_path.iterdir()) == []


def test_facts_are_read_as_they_were_written(tmp_path: Path):
    (tmp_path / running.FACTS).write_text(
        json.dumps({"raised": "ValueError: x", "check_rules": ["a"], "check_alarms": [["a", "b"]]})
    )
    facts = Facts.read(tmp_path)
    assert facts == Facts("ValueError: x", check_rules=("a",), check_alarms=(("a", "b"),))
