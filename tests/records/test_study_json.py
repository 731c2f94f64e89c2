import json
import math
from pathlib import Path

import pytest

from defib.errors import UsageError
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Verdict
from defib.records.study_json import (
    json_text,
    read_result,
    result_as_json,
    result_from_json,
    table_as_json,
    table_from_json,
    write_json,
)

RESULT = StudyResult(
    study="some-study",
    exercises=("C2", "C3"),
    config={"seeds": 2, "rates": [0.1, 1.0]},
    seed=3,
    environment={"command": "defib study run some-study --seed 3"},
    tables={"t": Table(("k", "v"), (("a", 1.5), ("b", math.inf), ("c", None)), 1)},
    claims=(
        Claim(
            "one",
            "It is so.",
            Verdict.FAILS,
            {"x": 1.0, "is_y": True},
            Published("so it was", "someone (1998)", Sureness.READ, {"x": 2.0}),
            "why",
        ),
        Claim("two", "It is also so.", Verdict.UNDECIDED, {"x": math.nan}),
    ),
)


def test_the_layout_is_the_stable_one():
    content = json.loads(json_text(result_as_json(RESULT)))
    assert list(content) == [
        "study", "exercises", "config", "seed", "environment", "claims", "tables",
    ]  # fmt: skip
    first, second = content["claims"]
    assert list(first)[:5] == ["id", "statement", "verdict", "numbers", "published"]
    assert first["verdict"] == "fails"
    assert first["published"]["numbers"] == {"x": 2.0}
    assert second["published"] == {}
    assert second["numbers"] == {"x": "NaN"}


def test_a_result_comes_back_as_it_was():
    again = result_from_json(json.loads(json_text(result_as_json(RESULT))))
    assert again.tables == RESULT.tables
    assert again.claims[0] == RESULT.claims[0]
    assert math.isnan(float(again.claims[1].numbers["x"] or 0))


def test_a_table_keeps_its_values_and_their_types():
    table = Table(("k", "v"), ((1, True), (2, 0.5), (3, "text"), (4, None)), 1)
    assert table_from_json(json.loads(json.dumps(table_as_json(table)))) == table


def test_each_row_of_a_table_is_one_line():
    text = json_text({"rows": [[index, "x" * 60] for index in range(3)]})
    assert len(text.splitlines()) == 7


def test_a_result_is_read_from_its_file_or_its_folder(tmp_path: Path):
    write_json(tmp_path / "result.json", result_as_json(RESULT))
    assert read_result(tmp_path).study == read_result(tmp_path / "result.json").study
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"study": "x"}', '{"claims": 3}'])
def test_another_file_is_refused_with_a_sentence(tmp_path: Path, text: str):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(UsageError, match="is not the result of a study"):
        read_result(tmp_path)
