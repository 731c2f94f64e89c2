import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defib.cli.data import data
from defib.cli.main import command_line


def run(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(
        command_line,
        ["data", *arguments],
        env={"DEFIB_DATA": str(folder), "COLUMNS": "120"},
    )


def test_the_list_shows_size_place_and_licence(tmp_path: Path):
    output = run("list", folder=tmp_path).output
    row = next(line for line in output.splitlines() if line.strip().startswith("mnist"))
    assert row.split() == [
        *("mnist", "60,000", "+", "10,000", "1x28x28", "to", "fetch,", "11.5", "MB"),
        *("CC", "BY-SA", "3.0"),
    ]
    assert str(tmp_path) in output.replace("\n", "")


def test_json_holds_every_set(tmp_path: Path):
    rows = json.loads(run("list", "--json", folder=tmp_path).output)
    assert [row["name"] for row in rows] == [
        *("cifar10", "fashion-mnist", "mnist", "breast-cancer", "diabetes", "digits")
    ]


def test_a_set_whose_files_are_there_is_here(tmp_path: Path):
    for name in ("train-images", "t10k-images"):
        (tmp_path / f"{name}-idx3-ubyte").write_bytes(b"")
    for name in ("train-labels", "t10k-labels"):
        (tmp_path / f"{name}-idx1-ubyte.gz").write_bytes(b"")
    rows = json.loads(run("list", "--json", folder=tmp_path).output)
    assert {row["name"]: row["where"] for row in rows}["mnist"] == "here"


def test_listing_imports_no_torch():
    code = "import sys, defib.cli.data as data; data.rows(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_ends_with_2(tmp_path: Path):
    result = run("fetch", "mnits", folder=tmp_path)
    assert result.exit_code == 2
    assert "Did you mean `mnist`?" in result.output


def test_a_path_that_is_not_there_ends_with_2(tmp_path: Path):
    result = run("fetch", "mnist", "--from", str(tmp_path / "nothing"), folder=tmp_path)
    assert result.exit_code == 2
    assert "There is no folder or package" in result.output


@pytest.mark.parametrize("name", ["list", "fetch"])
def test_each_part_has_help(name: str):
    assert data.commands[name].help
