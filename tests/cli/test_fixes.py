"""`defib fixes` lists what can be applied."""

from __future__ import annotations

import json

from click.testing import CliRunner

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
