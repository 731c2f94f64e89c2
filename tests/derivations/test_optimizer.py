from fractions import Fraction

import pytest

from defib.crosschecks.base import confirmed
from defib.crosschecks.optimizer import TORCH_NAMES
from defib.derivations.optimizer import Optimizer
from defib.derivations.update_rules import UPDATE_RULES
from defib.errors import UnknownNameError, UsageError

# p = 1, gradients 1, -1/2, 1/4, the defaults of torch 2.13 and Keras 3.15, in double precision.
TORCH = {
    "rmsprop": (0.9000000100, 0.9449013315, 0.9228909139),
    "adam": (0.9990000000, 0.9987336630, 0.9983932338),
    "adadelta": (0.9968377382, 0.9989228680, 0.9977697929),
    "adagrad": (0.9900000000, 0.9944721360, 0.9922899571),
}
KERAS = {
    "rmsprop": (0.9968377238, 0.9983121428, 0.9975575067),
    "adam": (0.9990000031, 0.9987336668, 0.9983932386),
    "adadelta": (0.9999985858, 0.9999994987, 0.9999990027),
    "adagrad": (0.9990465374, 0.9994768689, 0.9992665173),
}
WITH_KERAS = [name for name, rule in UPDATE_RULES.items() if "keras" in rule.forms]


def path(name: str, framework: str) -> list[float]:
    results = Optimizer(optimizer=name, framework=framework).derive().results
    return [float(results[f"p_{n}"]) for n in (1, 2, 3)]


@pytest.mark.parametrize("name", TORCH)
def test_the_steps_are_the_known_ones_of_torch(name: str):
    assert path(name, "torch") == pytest.approx(TORCH[name], abs=1e-10)


@pytest.mark.parametrize("name", KERAS)
def test_the_steps_are_the_known_ones_of_keras(name: str):
    # Keras keeps its learning rate in single precision.
    assert path(name, "keras") == pytest.approx(KERAS[name], abs=2e-10)


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_steps_and_defaults_are_those_of_torchs_own_optimiser(name: str):
    derivation = confirmed(Optimizer(optimizer=name, gradients="2,-1/3,1/7,-5,1/9"))
    assert [check.statement for check in derivation.checks if not check.agrees] == []


@pytest.mark.parametrize("name", WITH_KERAS)
def test_steps_and_defaults_are_those_of_kerass_own_optimiser(name: str):
    derivation = confirmed(Optimizer(optimizer=name, framework="keras"))
    assert [check.statement for check in derivation.checks if not check.agrees] == []


def test_a_rational_step_is_an_exact_fraction():
    results = Optimizer(optimizer="momentum").derive().results
    # v is 1, then 0.9 - 0.5 = 0.4, then 0.36 + 0.25 = 0.61.
    assert results["p_3"] == 1 - Fraction(1, 1000) * (1 + Fraction(2, 5) + Fraction(61, 100))


def test_two_methods_stand_side_by_side():
    derivation = Optimizer(optimizer="adam", versus="rmsprop").derive()
    statements = [step.statement for step in derivation.steps]
    assert "Only Adam has:" in statements
    assert "Only RMSProp has:" in statements
    assert len(derivation.references) == 2


def test_every_letter_of_every_form_is_explained():
    for rule in UPDATE_RULES.values():
        for form in rule.forms.values():
            assert form.letters <= set(rule.terms) | {"t"}


def test_every_method_has_a_counterpart_in_torch():
    assert set(UPDATE_RULES) == set(TORCH_NAMES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gradients": "1,x"}, "Expected numbers or fractions"),
        ({"gradients": ",".join(["1"] * 51)}, "at most 50 --gradients, got 51"),
        ({"start": "1,2"}, "Expected 1 number"),
    ],
)
def test_bad_sequences_are_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        Optimizer(optimizer="adam", **options).derive()


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match="Did you mean `adam`"):
        Optimizer(optimizer="adm").derive()
    with pytest.raises(UnknownNameError, match="Known are torch and keras"):
        Optimizer(optimizer="adam", framework="jax").derive()
