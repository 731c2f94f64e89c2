"""The page of the fault catalogue names rules that exist, and all of them."""

import re
from pathlib import Path

from defib.rules.base import every_rule

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()
ROWS = {
    int(number): cell
    for number, cell in re.findall(r"^\| (\d+) \| .*? \| ([^|]*) \|$", PAGE, flags=re.MULTILINE)
}
RULE = re.compile(r"`([a-z]+(?:-[a-z]+)*)`")
"""Names of rules are words and hyphens; other code has dots, brackets, underscores."""
FEWEST_SEEN = 85


def test_every_entry_is_there_once():
    assert sorted(ROWS) == list(range(1, 109))
    assert len(re.findall(r"^\| \d+ \|", PAGE, flags=re.MULTILINE)) == 108


def test_every_rule_that_is_named_exists():
    assert set(RULE.findall(PAGE)) <= {rule.name() for rule in every_rule()}


def test_every_rule_is_named():
    assert {rule.name() for rule in every_rule()} <= set(RULE.findall(PAGE))


def test_an_entry_has_rules_or_a_reason():
    for cell in ROWS.values():
        is_reason = cell.startswith("— ")
        assert is_reason or RULE.match(cell)
        assert not is_reason or len(cell) > 20


def test_the_number_of_entries_that_are_seen_is_true():
    seen = sum(not cell.startswith("— ") for cell in ROWS.values())
    assert f"{seen} of the 108 are seen by a rule." in PAGE
    assert seen >= FEWEST_SEEN
