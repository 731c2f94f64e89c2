import json

from click.testing import CliRunner, Result

from defib.cli.main import command_line
from defib.rules.base import every_rule


def rules(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["rules", *arguments], env={"COLUMNS": "120"})


def test_shows_every_rule_in_a_row():
    rows = [line.split() for line in rules().output.splitlines()]
    for rule in every_rule():
        assert [rule.name(), rule.severity.value] in [row[:2] for row in rows]


def test_shows_every_group_as_a_heading():
    lines = [line.strip() for line in rules().output.splitlines()]
    assert {rule.group() for rule in every_rule()} <= set(lines)


def test_a_name_is_never_cut_in_a_narrow_terminal():
    output = CliRunner().invoke(command_line, ["rules"], env={"COLUMNS": "60"}).output
    assert all(rule.name() in output for rule in every_rule())


def test_json_holds_name_group_severity_and_summary():
    [dead_relu] = [
        rule for rule in json.loads(rules("--json").output) if rule["name"] == "dead-relu"
    ]
    assert dead_relu == {
        "name": "dead-relu",
        "group": "activation",
        "severity": "error",
        "summary": "ReLU units that output zero for every input.",
    }


def test_a_group_leaves_out_the_others():
    chosen = json.loads(rules("--group", "activation", "--json").output)
    assert {rule["group"] for rule in chosen} == {"activation"}


def test_an_unknown_group_is_answered_with_near_ones():
    result = rules("--group", "activations")
    assert result.exit_code == 2
    assert "There is no group of rules `activations`. Did you mean `activation`" in result.output


def test_a_strange_group_is_answered_with_all():
    assert "The groups are activation, " in " ".join(rules("--group", "xyz").output.split())
