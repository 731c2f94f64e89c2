from dataclasses import dataclass

from click.testing import CliRunner, Result

from defib.cli.explain import (
    Option,
    field_docstrings,
    measured_lines,
    options,
    page,
    relations,
    rule_called,
)
from defib.cli.main import command_line
from defib.rules.activation.dead_relu import DeadReLU
from defib.rules.measured import measurements


@dataclass
class Documented:
    first: float = 0.5
    """Fraction of units,
    in [0, 1]."""
    undocumented: int = 3
    second: int = 2
    """Steps."""

    def method(self) -> str:
        """Not a field."""
        return ""


def explain(name: str, *, columns: int = 100) -> Result:
    return CliRunner().invoke(command_line, ["explain", name], env={"COLUMNS": str(columns)})


def test_shows_the_docstring_without_its_markup():
    output = explain("dead-relu").output
    assert "ReLU units that output zero for every input." in output
    assert "What it detects" in output
    assert "##" not in output
    assert "`" not in output


def test_shows_each_option_with_default_and_meaning():
    assert "max_fraction = 0.6: Fraction of units, in [0, 1]." in explain("dead-relu").output


def test_an_option_is_read_from_the_rule_and_its_source():
    assert options(DeadReLU(patience=7))[2] == Option(
        "patience", "7", "Consecutive recorded steps."
    )


def test_a_field_without_a_string_below_it_has_no_docstring():
    assert field_docstrings(Documented) == {
        "first": "Fraction of units, in [0, 1].",
        "second": "Steps.",
    }


def test_relations_name_metrics_rules_and_fixes():
    lines = relations(rule_called("dead-relu"))
    assert "Needs the metrics: `dead_unit_fraction`" in lines
    assert "Fixes: `lower-learning-rate`, `he-initialization`, `leaky-relu`" in lines


def test_relations_name_the_rules_that_explain_this_one():
    [line] = [line for line in relations(rule_called("loss-plateau")) if "explained" in line]
    assert "`dead-relu`" in line


def test_the_page_begins_with_the_name_of_the_rule():
    assert page(rule_called("dead-relu")).startswith("# dead-relu\n\nReLU units")


def test_no_line_is_wider_than_a_narrow_terminal():
    assert max(map(len, explain("dead-relu", columns=50).output.splitlines())) <= 50


def test_an_unknown_name_is_answered_with_near_ones():
    result = explain("dead-rellu")
    assert result.exit_code == 2
    assert result.output.startswith("Error: There is no rule, fix or concept `dead-rellu`. ")
    assert "Did you mean `dead-relu`" in result.output


def test_a_strange_name_is_answered_with_the_command_that_lists_all():
    assert "`defib rules`, `defib fixes` and `defib explain` list them." in explain("xyz").output


def test_the_page_shows_what_was_measured():
    lines = measured_lines("dead-relu")
    row = measurements().rules["dead-relu"].every
    assert lines[0] == "Faults of the corpus that it must find: `dead-relu`."
    assert lines[1].startswith(f"Found in {row.found} of {row.broken} broken trainings")
    assert any(f"{row.alarms} of {row.healthy} healthy trainings" in line for line in lines)
    assert "Measured" in explain("dead-relu").output


def test_the_page_says_where_nothing_was_measured():
    [line] = measured_lines("no-such-rule")
    assert line.startswith("Not measured yet")


def test_a_concept_is_explained_with_what_derives_and_shows_it():
    output = explain("weight-decay").output
    assert "Weight decay takes a fixed share off every weight" in output
    assert "defib derive weight-decay" in output
    assert "decay-inside-adam" in output


def test_a_name_of_both_shows_the_rule_then_the_concept():
    output = explain("dead-relu").output
    assert output.index("What it detects") < output.index("Shown by experiment")


def test_without_a_name_the_concepts_are_listed():
    result = CliRunner().invoke(command_line, ["explain"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert "saddle-point" in result.output


def test_near_names_of_concepts_are_offered():
    assert "`saddle-point`" in explain("sadle-point").output
