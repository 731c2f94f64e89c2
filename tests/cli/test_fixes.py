"""`defib fixes` lists what can be applied."""

from __future__ import annotations

import json

from click.testing import CliRunner

from defib.cli.explain import explain
from defib.cli.fixes import fixes
from defib.fixes.names import fix_names


def test_every_fix_is_listed_with_what_it_does():
    listed = json.loads(CliRunner().invoke(fixes, ["--json"]).output)
    assert tuple(each["name"] for each in listed) == fix_names()
    assert all(each["what_it_does"].endswith(".") for each in listed)


def test_the_table_says_how_to_apply_one():
    output = CliRunner().invoke(fixes).output
    assert "lower-learning-rate" in output
    assert "defib run --with" in output


def test_a_fix_has_a_page_with_its_command_and_the_rules_that_name_it():
    output = CliRunner().invoke(explain, ["clip-gradients"]).output
    assert "What it changes" in output
    assert "defib run --with clip-gradients=VALUE train.py" in " ".join(output.split())
    assert "learning-rate-too-high" in output
