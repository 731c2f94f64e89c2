import pytest

from defib.records.study import Claim, StudyResult, Table, Verdict

TABLE = Table(("name", "x", "y"), (("a", 1, 2.0), ("a", 2, True), ("b", 1, None)), keys=2)


def test_numbers_are_those_of_the_rows_asked_for():
    assert TABLE.numbers("y", name="a") == (2.0, 1.0)
    assert TABLE.numbers("x", name="b", x=1) == (1.0,)


def test_what_is_no_number_is_nan():
    [value] = TABLE.numbers("y", name="b")
    assert value != value


def test_an_unknown_column_names_those_that_there_are():
    with pytest.raises(KeyError, match="the columns are name, x, y"):
        TABLE.column("z")


def test_rows_are_grouped_by_their_keys_in_their_order():
    assert [key for key, _ in TABLE.groups()] == [("a", 1), ("a", 2), ("b", 1)]
    assert TABLE.distinct("name") == ("a", "b")


def test_claims_are_counted_by_verdict():
    claims = tuple(
        Claim(str(at), "It is.", verdict, {}) for at, verdict in enumerate([*Verdict, *Verdict])
    )
    result = StudyResult("s", ("A1",), {}, 0, {}, {}, claims)
    assert [result.count(verdict) for verdict in Verdict] == [2, 2, 2]
