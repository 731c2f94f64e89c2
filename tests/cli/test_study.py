import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defib.cli.main import command_line
from defib.datasets import images
from defib.errors import DatasetUnavailableError
from defib.studies import base
from defib.studies import jobs as study_jobs
from tests.studies import small_study

STUDY = small_study.STUDY


@pytest.fixture(autouse=True)
def only_the_small_study(monkeypatch: pytest.MonkeyPatch):
    """Studies that take no time stand for all."""
    monkeypatch.setattr(base, "all_studies", lambda: (STUDY,))


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, ["study", *map(str, arguments)])


def run(out: Path, *arguments: str) -> Result:
    return call("run", STUDY.name, "--out", out, "--jobs", "1", *arguments)


def test_the_list_names_each_study_with_its_exercises_and_question():
    text = call("list").stdout
    assert "small-study" in text
    assert "A1" in text
    [only] = json.loads(call("list", "--json").stdout)
    assert only["exercises"] == ["A1"]


def test_a_run_prints_its_claims_and_writes_result_page_and_pictures(tmp_path: Path):
    done = run(tmp_path)
    assert done.exit_code == 0
    assert "1 claim: 1 holds, 0 fail, 0 undecided." in done.stdout
    folder = tmp_path / STUDY.name
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"result.json", "index.html", "figures/sum.svg", "figures/sum.png"} <= names


def test_json_is_the_result_file(tmp_path: Path):
    assert run(tmp_path, "--json").stdout == (tmp_path / STUDY.name / "result.json").read_text()


def test_the_full_size_and_the_seed_are_in_the_result(tmp_path: Path):
    result = json.loads(run(tmp_path, "--json", "--full", "--seed", "7").stdout)
    assert result["config"]["seeds"] == 5
    assert result["seed"] == 7
    assert result["environment"]["command"] == "defib study run small-study --full --seed 7"
    assert [row[0] for row in result["tables"]["sum-by-seed"]["rows"]][::2] == list(
        range(7000, 7005)
    )


def test_show_prints_what_run_printed(tmp_path: Path):
    printed = run(tmp_path).stdout
    assert call("show", tmp_path / STUDY.name).stdout == printed
    assert call("show", tmp_path / STUDY.name / "result.json").stdout == printed


def test_all_makes_an_index_with_every_claim(tmp_path: Path):
    done = call("all", "--out", tmp_path, "--jobs", "1")
    assert done.exit_code == 0
    page = (tmp_path / "index.html").read_text()
    assert "It is large." in page
    assert 'href="small-study/index.html' in page
    assert "../index.html" in (tmp_path / "small-study" / "index.html").read_text()


def test_strict_fails_unless_every_claim_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = small_study.Config(offset=-100.0)
    study = base.Study(STUDY.exercises, config, config, STUDY.measure, STUDY.claims, STUDY.figures)
    monkeypatch.setattr(base, "all_studies", lambda: (study,))
    done = CliRunner().invoke(
        command_line,
        ["study", "run", study.name, "--strict", "--jobs", "1", "--out", str(tmp_path)],
        standalone_mode=False,
    )
    assert "1 fails" in done.stdout
    with pytest.raises(SystemExit) as ending:
        done.return_value()
    assert ending.value.code == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "small-studdy"], "There is no study `small-studdy`. Did you mean `small-study`?"),
        (["run", "small-study", "--seed", "1000"], "1000 is not in the range"),
        (["run", "small-study", "--jobs", "0"], "0 is not in the range"),
        (["show", "nowhere"], "There is no result of a study at `nowhere`"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: list[str], message: str):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path):
    (tmp_path / "file").write_text("")
    small_study.CALLS.clear()
    done = run(tmp_path / "file" / "below")
    assert done.exit_code == 2
    assert "Name another folder with `--out DIR`." in done.output
    assert small_study.CALLS == []


def test_a_file_that_is_no_result_is_said(tmp_path: Path):
    (tmp_path / "result.json").write_text('{"study": 1}')
    done = call("show", tmp_path)
    assert done.exit_code == 2
    assert "is not the result of a study" in done.output


def test_jobs_are_known_by_name_in_other_processes():
    assert study_jobs.study_called is base.study_called


@pytest.fixture
def needing_data(monkeypatch: pytest.MonkeyPatch):
    """A second study, whose data set cannot be had."""
    study = replace(STUDY, dataset="fashion-mnist")

    def refuse(*_: object, **__: object) -> None:
        raise DatasetUnavailableError("There are three ways to provide it.")

    monkeypatch.setattr(images, "load_images", refuse)
    monkeypatch.setattr(base, "all_studies", lambda: (study,))


@pytest.mark.usefixtures("needing_data")
def test_a_study_without_its_data_says_how_to_provide_them(tmp_path: Path):
    done = run(tmp_path)
    assert done.exit_code != 0
    assert "three ways to provide it" in done.output
    assert not (tmp_path / STUDY.name).exists()


@pytest.mark.usefixtures("needing_data")
def test_all_studies_go_on_without_the_one_that_lacks_data(tmp_path: Path):
    done = call("all", "--out", tmp_path, "--jobs", "1")
    assert done.exit_code == 0
    assert "small-study is left out: it needs `defib data fetch fashion-mnist`." in done.stderr
    assert (tmp_path / "index.html").is_file()
