import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defib.cli.main import command_line
from defib.derivations.base import every_problem


def derive(*arguments: str, columns: int = 80) -> Result:
    return CliRunner().invoke(command_line, ["derive", *arguments], env={"COLUMNS": str(columns)})


def test_the_help_lists_every_derivation_with_its_first_line():
    shown = " ".join(derive("--help").output.split())
    for problem in every_problem():
        assert f" {problem.name()} " in shown


@pytest.mark.parametrize("name", [problem.name() for problem in every_problem()])
def test_every_derivation_explains_itself(name: str):
    result = derive(name, "--help")
    assert result.exit_code == 0
    assert "--latex" in result.output


def test_it_prints_numbered_steps_and_checks():
    output = derive("pooling").output
    assert " 1. The picture, and what becomes of it." in output
    assert "A[1,1] = (1 + 1 + 1 + 1)/4 = 1" in output
    assert "✓ torch: both poolings of every picture" in output


def test_json_has_exact_results_and_the_checks():
    content = json.loads(derive("shapes", "--example", "small-classifier", "--json").output)
    assert content["results"]["3 maxpool 3 stride 3"] == "3x3x10"
    assert content["confirmed"] is True


def test_a_fraction_is_not_rounded_in_json():
    content = json.loads(derive("he-and-glorot", "--fan-in", "300", "--json").output)
    assert content["results"]["He"] == "1/150"


def test_latex_is_a_whole_document():
    output = derive("backprop", "--example", "--latex").output
    assert output.startswith(r"\documentclass")
    assert r"\frac{\partial L}{\partial w^{(2)}_{1,1}}" in output or (
        r"\partial w_{1,1}^{(2)}" in output
    )


def test_markdown_has_display_formulas():
    output = derive("tanh-sigmoid", "--markdown").output
    assert "$$\n\\begin{aligned}\n" in output


def test_a_page_is_written_and_its_name_told(tmp_path: Path):
    page = tmp_path / "page.html"
    result = derive("dropout-ensemble", "--html", str(page))
    assert result.exit_code == 0
    text = page.read_text()
    assert "<math" in text
    assert "Dropout averages subnetworks" in text


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path):
    result = derive("pooling", "--html", str(tmp_path / "none" / "page.html"))
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_a_network_of_a_file(tmp_path: Path):
    file = tmp_path / "net.toml"
    file.write_text("input=[2]\ntarget=1\n[[layer]]\nweights=[['1/3']]\n")
    result = derive("backprop", str(file))
    assert result.exit_code == 0
    assert "∂L/∂w⁽¹⁾₁₁ = ∂L/∂z⁽¹⁾₁·x = (−2/3)·2 = −4/3" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convolution", "--kernel", "30"), "no window fits"),
        (("shapes", "--input", "4x4x1", "--layers", "conv 9 out 1"), "reaches over 9 positions"),
        (("optimizer", "adm"), "Did you mean `adam`"),
        (("backprop", "missing.toml"), "cannot be read"),
        (("backprop",), "Expected a network as a TOML file, or --example"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], message: str):
    result = derive(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_an_unknown_derivation_is_answered_with_near_ones():
    result = derive("convolutions")
    assert result.exit_code == 2
    assert "Did you mean `convolution`" in result.output


def test_a_contradicted_derivation_ends_with_1(monkeypatch: pytest.MonkeyPatch):
    from defib.crosschecks import base
    from defib.derivations.comparison import compare

    def checks_of(_: str):
        return lambda *_: [compare("test", "one and two", [(1.0, 2.0)])]

    monkeypatch.setattr(base, "checks_of", checks_of)
    runner = CliRunner()
    ending = runner.invoke(command_line, ["derive", "xor"], standalone_mode=False)
    assert "✗ DIFFERS test: one and two" in ending.output
    with pytest.raises(SystemExit, match="1"):
        ending.return_value()
