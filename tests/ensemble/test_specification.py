"""Bad input is refused before anything runs, with the limit and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from defib.ensemble import training as training_module
from defib.ensemble.data import Data
from defib.ensemble.memory import check_memory, memory_need
from defib.ensemble.result import initial_ensemble
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Snapshots,
    Training,
    parse_activation,
    relu_network,
)
from defib.ensemble.training import train_ensemble
from defib.errors import UnknownNameError, UsageError

TRAINING = Training(relu_network(1, (2,)))
INPUTS = np.linspace(-1, 1, 10)[:, None]


def network(*widths: int, activations: tuple[str, ...] | None = None) -> Network:
    return Network(widths, activations or ("identity",) * (len(widths) - 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(1, 65, 1), r"Width 65 of the hidden layer .* 1 to 64 units"),
        (lambda: network(1, 0, 1), r"Width 0 of the hidden layer"),
        (lambda: network(65, 1), r"Width 65 of the input .* 1 to 64"),
        (lambda: network(1, 11), r"Width 11 of the output .* 1 to 10"),
        (lambda: network(1), "at least an input and an output width"),
        (lambda: network(1, 2, 1, activations=("relu",)), "need 2 activations; 1 came"),
        (lambda: parse_activation("leaky_relu(1.5)"), r"in \[0, 1\); 1.5 does not"),
        (lambda: parse_activation("leaky_relu(x)"), "is no number"),
        (lambda: Initialization(scale=float("inf")), "finite"),
        (lambda: Initialization("torch", bias_scale=0.1), "draws its own biases"),
        (lambda: OptimizerSpecification(learning_rate=-1.0), "`learning_rate` is a finite"),
        (lambda: OptimizerSpecification("nesterov", momentum=0.0), "momentum above 0"),
        (lambda: OptimizerSpecification(betas=(0.9, 1.0)), r"betas` lies in \[0, 1\)"),
        (lambda: Training(network(1, 1), batch_size=0), "at least 1 example"),
        (lambda: Training(network(1, 1), l2=float("nan")), "`l2`"),
        (lambda: Training(network(1, 1), loss="softmax_cross_entropy"), "at least 2 outputs"),
        (lambda: Snapshots(0), "at least 1 step apart"),
    ],
)
def test_what_cannot_be_trained_is_refused(make: Any, message: str):
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(1, 1, activations=("rely",)), "no activation `rely`. Did you mean `relu`"),
        (lambda: Initialization("he"), "no initialization `he`"),
        (lambda: OptimizerSpecification("adamw"), "Did you mean `adam`"),
        (lambda: Training(network(1, 1), loss="mse"), "Known: `squared_error`"),
        (lambda: Training(network(1, 1), precision="float16"), "no precision `float16`"),
        (lambda: Snapshots(1, ("accuracy",)), "no snapshot statistic `accuracy`"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(make: Any, message: str):
    with pytest.raises(UnknownNameError, match=message):
        make()


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (np.where(INPUTS > 0.9, np.nan, INPUTS), INPUTS, r"inputs have 1 numbers .* at \[9, 0\]"),
        (INPUTS, np.full(10, np.inf), "targets have 10 numbers that are not finite"),
        (INPUTS * 1e39, INPUTS, "not finite in float32"),
        (INPUTS[:, 0], INPUTS, r"Inputs have the shape \[points, 1\]"),
        (INPUTS[:0], INPUTS, "Inputs have the shape"),
        (np.zeros((2, 10, 1)), INPUTS, "inputs for 2 networks, but 3 are trained"),
        (INPUTS, INPUTS[:9], r"have the shape \[10, 1\] or .*; \[9, 1\] came"),
    ],
)
def test_data_that_do_not_fit_are_refused(inputs: Any, targets: Any, message: str):
    with pytest.raises(UsageError, match=message):
        train_ensemble(TRAINING, Data(inputs, targets), networks=3)


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        ("softmax_cross_entropy", [0, 1, 3], "whole class numbers from 0 to 2; 1 are not"),
        ("softmax_cross_entropy", [0, 1, 0.5], "whole class numbers"),
        ("logistic", np.full((3, 3), -1), r"in \[0, 1\]"),
        ("hinge", np.zeros((3, 3)), "-1 or 1; 9 are not"),
    ],
)
def test_targets_without_meaning_for_the_loss_are_refused(loss: str, targets: Any, message: str):
    with pytest.raises(UsageError, match=message):
        train_ensemble(
            Training(network(1, 3), loss=loss), Data(np.zeros((3, 1)), targets), networks=1
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": 0}, "at least 1 network"),
        ({"threads": 0}, "at least 1 thread"),
        ({"learning_rates": [0.1, 0.1]}, "3 finite numbers"),
        ({"learning_rates": [0.1, 0.1, -1]}, "of at least 0"),
        ({"orders": np.zeros((2, 10), int)}, r"shape \[1, 10\] or \[3, 1, 10\]"),
        ({"orders": np.full((1, 10), 10)}, "from 0 to 9"),
        ({"start": initial_ensemble(TRAINING, 2)}, "holds 2 networks"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        train_ensemble(TRAINING, Data(INPUTS, INPUTS), **{"networks": 3, **options})


def test_more_networks_than_memory_are_refused_with_how_many_fit():
    need = memory_need(TRAINING, points=1000)
    fitting = 5000
    check_memory(need, fitting, need.total(fitting))
    with pytest.raises(UsageError, match=r"At most 5,000 fit: .* first_network=5000"):
        check_memory(need, fitting + 1, need.total(fitting))


def test_memory_is_asked_before_anything_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training_module, "available_memory", lambda: 10**6)
    with pytest.raises(UsageError, match=r"10,000,000 networks need .* are free"):
        train_ensemble(TRAINING, Data(INPUTS, INPUTS), networks=10_000_000)
