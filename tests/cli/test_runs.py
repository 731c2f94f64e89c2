import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from defib.cli.main import command_line
from defib.cli.runs import NO_DIAGNOSIS, RunSummary, summary

DIAGNOSIS = {
    "version": "1.0",
    "script": "train.py",
    "steps": 1200,
    "seconds": 3.5,
    "overhead": 0.004,
    "status": "findings",
    "summary": "The learning rate is too low.",
    "findings": [{"rule": "loss-plateau", "rank": 2}, {"rule": "learning-rate", "rank": 1}],
}


def write_run(folder: Path, started: str = "", diagnosis: Any = DIAGNOSIS) -> Path:
    folder.mkdir(parents=True)
    header = {"kind": "run", "version": "1.0", "script": "train.py", "started": started}
    (folder / "run.jsonl").write_text(json.dumps(header) + '\n{"kind": "state"')
    if diagnosis is not None:
        text = diagnosis if isinstance(diagnosis, str) else json.dumps(diagnosis)
        (folder / "diagnosis.json").write_text(text)
    return folder


def runs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        command_line, ["runs", *map(str, arguments)], env={"COLUMNS": "120"}, catch_exceptions=False
    )


def names(folder: Path) -> list[str]:
    return [run["name"] for run in json.loads(runs(folder, "--json").output)]


def test_a_row_says_script_time_steps_status_and_primary_rule(tmp_path: Path):
    write_run(tmp_path / "first", "2026-11-21T05:04:01+0000")
    row = next(line for line in runs(tmp_path).output.splitlines() if "first" in line)
    assert row.split() == [
        *("first", "train.py", "2026-11-21", "05:04", "1,200", "findings", "learning-rate")
    ]


def test_json_holds_the_same(tmp_path: Path):
    write_run(tmp_path / "first", "2026-11-21T05:04:01+0000")
    assert json.loads(runs(tmp_path, "--json").output) == [
        {
            "name": "first",
            "script": "train.py",
            "started": "2026-11-21T05:04:01+0000",
            "steps": 1200,
            "status": "findings",
            "primary_rule": "learning-rate",
        }
    ]


def test_the_newest_comes_first_whatever_its_time_zone(tmp_path: Path):
    write_run(tmp_path / "early", "2026-11-21T09:30:00+0200")
    write_run(tmp_path / "late", "2026-11-21T08:00:00+0000")
    write_run(tmp_path / "unknown")
    assert names(tmp_path) == ["late", "early", "unknown"]


@pytest.mark.parametrize(
    "diagnosis", [None, "", '{"version": "1.0", "sta', "[1, 2]", "null", '"text"', "{}"]
)
def test_a_missing_or_damaged_diagnosis_is_said(tmp_path: Path, diagnosis: str | None):
    run = write_run(tmp_path / "damaged", diagnosis=diagnosis)
    assert summary(run) == RunSummary("damaged", "train.py", "", None, NO_DIAGNOSIS, None)
    assert NO_DIAGNOSIS in runs(tmp_path).output


def test_a_diagnosis_that_is_no_text_is_said(tmp_path: Path):
    run = write_run(tmp_path / "binary")
    (run / "diagnosis.json").write_bytes(b"\xff\xfe\x00")
    assert summary(run).status == NO_DIAGNOSIS


def test_a_healthy_run_has_no_primary_rule(tmp_path: Path):
    healthy = DIAGNOSIS | {"status": "healthy", "findings": []}
    assert summary(write_run(tmp_path / "good", diagnosis=healthy)).primary_rule is None


@pytest.mark.parametrize("findings", ["none", [None], [{"rank": 1}], [{"rule": "a"}], {"rank": 1}])
def test_strange_findings_have_no_primary_rule(tmp_path: Path, findings: Any):
    strange = DIAGNOSIS | {"findings": findings}
    assert summary(write_run(tmp_path / "strange", diagnosis=strange)).primary_rule is None


def test_other_files_and_folders_are_no_runs(tmp_path: Path):
    write_run(tmp_path / "run")
    (tmp_path / "notes").mkdir()
    (tmp_path / "table.csv").touch()
    assert names(tmp_path) == ["run"]


def test_control_characters_and_markup_of_a_name_are_shown_not_obeyed(tmp_path: Path):
    write_run(tmp_path / "[bold]x", diagnosis=DIAGNOSIS | {"script": "\x1b[2Jtrain.py"})
    output = runs(tmp_path).output
    assert "[bold]x" in output
    assert "\\x1b[2Jtrain.py" in output


def test_without_a_run_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert runs().output == "No runs in `defib-runs`. `defib run train.py` makes one.\n"
    assert runs("--json").output == "[]\n"


def test_the_default_directory_is_the_one_that_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "defib-runs" / "first")
    assert "first" in runs().output


def test_a_named_directory_that_does_not_exist_is_an_error(tmp_path: Path):
    result = runs(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "There is no directory" in result.output
