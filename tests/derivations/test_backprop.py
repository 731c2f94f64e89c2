from fractions import Fraction
from pathlib import Path

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations import backpropagation
from defib.derivations.algebra import sympy
from defib.derivations.backprop import EXAMPLE, Backprop
from defib.derivations.network import network_of
from defib.derivations.propagation import propagate
from defib.errors import UnknownNameError, UsageError
from defib.records.formula import Formula
from defib.report.formula_text import formula_text

PUBLISHED = {
    "dL/dw^(2)_1,1": 24,
    "dL/dw^(2)_1,2": 0,
    "dL/dw^(2)_1,3": 30,
    "dL/db^(2)_1": 6,
    "dL/dw^(1)_1,1": -6,
    "dL/dw^(1)_1,2": -12,
    "dL/db^(1)_1": -6,
    "dL/dw^(1)_2,1": 0,
    "dL/dw^(1)_2,2": 0,
    "dL/db^(1)_2": 0,
    "dL/dw^(1)_3,1": 12,
    "dL/dw^(1)_3,2": 24,
    "dL/db^(1)_3": 12,
}
"""The gradients of exercise D1."""


def texts(formulas: list[Formula]) -> list[str]:
    return [formula_text(each) for each in formulas]


def lines_of(part: str, problem: Backprop) -> list[str]:
    steps = [step for step in problem.derive().steps if step.part.startswith(part)]
    return texts([formula for step in steps for formula in step.formulas])


def write(folder: Path, text: str) -> Backprop:
    file = folder / "net.toml"
    file.write_text(text)
    return Backprop(network=file)


def test_the_example_has_the_published_gradients():
    results = Backprop(example=True).derive().results
    assert {name: results[name] for name in PUBLISHED} == PUBLISHED


@pytest.mark.parametrize("unknown", [-5, 0, 3, "v"])
def test_the_weight_of_a_unit_that_is_off_does_not_matter(unknown: int | str):
    layers = [EXAMPLE["layer"][0], {"weights": [[-1, unknown, 2]]}]
    results = backpropagation({**EXAMPLE, "layer": layers}).results
    assert {name: results[name] for name in PUBLISHED} == PUBLISHED


def test_the_update_goes_against_the_gradient():
    results = Backprop(example=True).derive().results
    assert results["w^(2)_1,1"] == Fraction(-1) - Fraction(1, 10) * 24
    assert results["w^(1)_1,1"] == Fraction(2) + Fraction(1, 10) * 6
    assert results["w^(2)_1,2"] == "v"


def test_the_wrong_sign_of_the_published_update_is_named():
    statements = [step.statement for step in Backprop(example=True).derive().steps]
    assert "The published update has the wrong sign." in statements


def test_with_a_short_step_the_loss_falls_and_with_the_other_sign_it_rises():
    [step] = [
        step for step in Backprop(example=True).derive().steps if "times smaller" in step.statement
    ]
    assert step.table is not None
    against, along = (formula_text(row[2]) for row in step.table.rows)  # type: ignore[arg-type]
    assert float(against.rpartition(" ")[2]) < 9 < float(along.rpartition(" ")[2])


def test_backwards_the_weights_follow_from_the_gradients():
    lines = lines_of("Backwards", Backprop(example=True))
    assert "ŷ = 3 + 6/2 = 6" in lines
    assert "h⁽¹⁾₁ = (∂L/∂w⁽²⁾₁₁)/(∂L/∂ŷ) = 24/6 = 4" in lines
    assert "h⁽¹⁾₃ = (∂L/∂w⁽²⁾₁₃)/(∂L/∂ŷ) = 30/6 = 5" in lines
    assert "w⁽²⁾₁₁ = (∂L/∂b⁽¹⁾₁)/(∂L/∂ŷ) = (−6)/6 = −1" in lines
    assert "w⁽²⁾₁₂ ∈ any number: its unit is off" in lines
    assert "1·w⁽¹⁾₁₁ + 2·w⁽¹⁾₁₂ + b⁽¹⁾₁ = 4" in lines
    assert "1·w⁽¹⁾₂₁ + 2·w⁽¹⁾₂₂ + b⁽¹⁾₂ ≤ 0" in lines


def test_any_solution_found_backwards_has_the_same_gradients():
    # Of the family w₁ + 2·w₂ = 4, ≤ 0, = 5 another member than the example's.
    layers = [
        {"weights": [[10, -3], [-7, 1], [-1, 3]], "activation": "relu"},
        {"weights": [[-1, 11, 2]]},
    ]
    results = backpropagation({**EXAMPLE, "layer": layers}).results
    assert {name: results[name] for name in PUBLISHED} == PUBLISHED


def test_the_way_back_is_refused_where_the_gradients_say_nothing(tmp_path: Path):
    text = (
        "input=[1]\ntarget=2\n[[layer]]\nweights=[[1]]\nactivation='relu'\n[[layer]]\nweights=[[2]]"
    )
    problem = write(tmp_path, text)
    with pytest.raises(UsageError, match="Every gradient of this example is 0"):
        Backprop(network=problem.network, backwards=True).derive()


def test_the_way_back_is_refused_for_other_networks():
    content = network_of({"input": [1], "target": 2, "layer": [{"weights": [[1]]}]})
    with pytest.raises(UsageError, match="one hidden ReLU layer"):
        Backprop(content=content, backwards=True).derive()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "rmsprop", "adagrad"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky-relu"])
def test_gradients_and_three_steps_are_those_of_torch(optimizer: str, activation: str):
    content = {
        "input": [1, "-1/2"],
        "target": ["1/3", 0],
        "optimizer": optimizer,
        "steps": 3,
        "layer": [
            {
                "weights": [["1/2", "1/3"], [-1, "1/4"]],
                "biases": ["1/7", 0],
                "activation": activation,
            },
            {"weights": [[1, "-2/3"], ["1/5", 1]]},
        ],
    }
    derivation = confirmed(Backprop(content=network_of(content)))
    assert [check.statement for check in derivation.checks if not check.agrees] == []
    assert {"autograd", "torch's own optimiser"} <= {check.method for check in derivation.checks}


@pytest.mark.parametrize(
    ("loss", "target", "rows"),
    [
        ("cross-entropy", 1, [[1, 2], [0, "1/2"], [-1, 1]]),
        ("binary-cross-entropy", 1, [[1, "-1/2"]]),
        ("half-squared-error", ["1/2"], [[1, "-1/2"]]),
    ],
)
def test_every_loss_has_the_gradients_of_torch(loss: str, target: object, rows: list):
    content = {"input": [1, "1/2"], "target": target, "loss": loss, "layer": [{"weights": rows}]}
    assert confirmed(Backprop(content=network_of(content))).is_confirmed


def test_later_steps_show_outputs_and_loss_with_few_digits():
    content = {
        "input": [1, "-1/2"],
        "target": 1,
        "loss": "cross-entropy",
        "optimizer": "adam",
        "steps": 2,
        "layer": [{"weights": [["1/2", 1], [1, "1/3"]], "activation": "tanh"}],
    }
    lines = lines_of("Step 2", Backprop(content=network_of(content)))
    assert [line.split(" ≈ ")[0] for line in lines] == ["ŷ₁", "ŷ₂", "L"]
    assert max(map(len, lines)) < 20


def test_the_update_of_another_method_is_written_out():
    content = {"input": [1], "target": 3, "optimizer": "momentum", "layer": [{"weights": [[1]]}]}
    lines = lines_of("Update", Backprop(content=network_of(content)))
    assert lines[:2] == ["v ← μ·v + g", "p ← p − η·v"]


def test_fractions_stay_fractions():
    content = {"input": ["1/3"], "target": "1/7", "layer": [{"weights": [["2/5"]]}]}
    results = backpropagation(content).results
    assert results["dL/dw^(1)_1,1"] == 2 * (Fraction(2, 15) - Fraction(1, 7)) * Fraction(1, 3)


def test_an_unknown_weight_stays_a_symbol():
    content = {"input": [3], "target": 1, "layer": [{"weights": [["v"]]}]}
    v = sympy.Symbol("v", real=True)
    assert propagate(network_of(content)).layers[0].weight_gradient[0] == 6 * (3 * v - 1)


def test_an_open_sign_before_a_relu_says_which_weight_needs_a_number():
    content = {"input": [3], "target": 1, "layer": [{"weights": [["v"]], "activation": "relu"}]}
    with pytest.raises(UsageError, match=r"The sign of `3\*v` is open.*Give numbers to `v`"):
        backpropagation(content)


def test_a_network_is_needed():
    with pytest.raises(UsageError, match="Expected a network as a TOML file, or --example"):
        Backprop().derive()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input = [1", "is no TOML"),
        ("input = [1]\ntarget = 1", "has no `layer`"),
        ("input=[1]\ntarget=1\nrate=2\n[[layer]]\nweights=[[1]]", "`rate` is not known"),
        ("input=[1]\ntarget=1\n[[layer]]\nweights=[[1,2]]", "2 weights in a row but receives 1"),
        ("input=[1]\ntarget=1\n[[layer]]\nweights=[[1],[1,2]]", r"rows of `weights` have \[1, 2\]"),
        ("input=[1]\ntarget=1\n[[layer]]\nweights=[[1]]\nbiases=[1,2]", "1 units but 2 biases"),
        ("input=[1]\ntarget=[1,2]\n[[layer]]\nweights=[[1]]", "expected 1 numbers as `target`"),
        ("input=[1]\ntarget=1\nsteps=0\n[[layer]]\nweights=[[1]]", "1 to 100 `steps`, got 0"),
        ("input=['a b']\ntarget=1\n[[layer]]\nweights=[[1]]", "a fraction such as '1/3' or a name"),
        ("input=[true]\ntarget=1\n[[layer]]\nweights=[[1]]", "expected a number"),
        (
            "input=[1]\ntarget=3\nloss='cross-entropy'\n[[layer]]\nweights=[[1],[2]]",
            "a class from 0 to 1",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_place(
    tmp_path: Path, text: str, message: str
):
    with pytest.raises(UsageError, match=message):
        write(tmp_path, text).derive()


@pytest.mark.parametrize(
    ("line", "near"),
    [("activation='relo'", "`relu`"), ("activation='swoosh'", "Known are identity")],
)
def test_an_unknown_activation_is_answered_with_known_ones(tmp_path: Path, line: str, near: str):
    with pytest.raises(UnknownNameError, match=near):
        write(tmp_path, f"input=[1]\ntarget=1\n[[layer]]\nweights=[[1]]\n{line}").derive()


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"none\.toml` cannot be read"):
        Backprop(network=tmp_path / "none.toml").derive()
