"""What is true for every rule, whoever wrote it."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from defib.cli.explain import options, page
from defib.records.finding import NotEvaluated, Severity
from defib.records.run import RunRecord
from defib.rules import base
from defib.rules.base import AnyRule, Rule, all_rules
from defib.testing import make_run

TESTS = Path(__file__).resolve().parent.parent

HEADINGS = [
    "What it detects",
    "Why it matters",
    "How it is measured",
    "Known false positives",
    "What to change",
    "References",
]
KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

every_rule = pytest.mark.parametrize("rule", base.every_rule(), ids=lambda rule: rule.name())
every_rule_of_runs = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name())


def sections(rule: AnyRule) -> dict[str, str]:
    """The docstring of `rule` by heading; what stands before the first one is under ''."""
    parts = re.split(r"^## (.+)$", inspect.getdoc(type(rule)) or "", flags=re.MULTILINE)
    return {
        heading: text.strip() for heading, text in zip(["", *parts[1::2]], parts[::2], strict=True)
    }


@every_rule
def test_the_page_has_every_heading_in_order_and_nothing_is_empty(rule: AnyRule):
    found = sections(rule)
    assert [heading for heading in found if heading] == HEADINGS
    assert all(found.values())


@every_rule
def test_the_first_line_is_one_sentence(rule: AnyRule):
    first = (inspect.getdoc(type(rule)) or "").partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 96


@every_rule
def test_every_option_says_what_it_means(rule: AnyRule):
    assert [option.name for option in options(rule) if not option.meaning] == []


@every_rule
def test_the_page_can_be_shown(rule: AnyRule):
    assert page(rule).startswith(f"# {rule.name()}\n")


@every_rule
def test_what_it_explains_exists_and_is_another_rule(rule: AnyRule):
    known = {other.name() for other in base.every_rule()} - {rule.name()}
    assert set(rule.explains) - known == set()


@every_rule
def test_it_names_nothing_twice(rule: AnyRule):
    for names in (rule.requires, rule.explains, rule.fixes):
        assert len(set(names)) == len(names)


@every_rule
def test_a_test_file_stands_at_the_mirrored_path(rule: AnyRule):
    folders = type(rule).__module__.split(".")[1:-1]
    module = type(rule).__module__.rpartition(".")[2]
    assert TESTS.joinpath(*folders, f"test_{module}.py").is_file()


@every_rule
def test_names_are_words_in_lower_case_joined_by_hyphens(rule: AnyRule):
    for name in (rule.name(), *rule.fixes):
        assert KEBAB_CASE.fullmatch(name)


@every_rule
def test_the_severity_is_set(rule: AnyRule):
    assert isinstance(rule.severity, Severity)


@every_rule
def test_it_cannot_be_changed(rule: AnyRule):
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.anything = 1  # type: ignore[attr-defined]


@every_rule_of_runs
@pytest.mark.parametrize("record", [RunRecord(), make_run()], ids=["nothing", "no steps"])
def test_an_empty_record_yields_no_finding(rule: Rule, record: RunRecord):
    outcome = rule.evaluate(record)
    assert outcome == () or isinstance(outcome, NotEvaluated)


def test_no_two_rules_have_the_same_name():
    names = [rule.name() for rule in base.every_rule()]
    assert len(set(names)) == len(names)
