"""Fixes on trainings with Keras: each does what the script would do that has it written in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None, reason="keras is not installed: pip install 'defib[keras]'"
)

ROOT = Path(__file__).parents[2]
SAME = 1e-6
"""Difference of weights: that of adding in another order, in single precision."""
ADAM = 1e-4
"""Torch's Adam has an epsilon of 1e-8, that of Keras 1e-7."""

OPTIMIZERS = (
    "lower-learning-rate=0.1",
    "raise-learning-rate=10",
    "lower-learning-rate=0.1 of a schedule",
    "momentum",
    "default-momentum",
    "default-epsilon",
    "lower-weight-decay=0",
    "clip-gradients=0.01",
    "raise-clipping-limit=0.5",
    "learning-rate-by-range-test=0.01",
)
LAYERS = (
    "relu behind a recurrent layer",
    "gelu",
    "insert-nonlinearity",
    "remove-output-activation",
    "lower-dropout=0.2",
    "batch-normalization-momentum",
    "unfreeze",
)
LOSSES = (
    "remove-softmax",
    "replace-loss of scores",
    "replace-loss of classes",
    "average-loss",
    "sigmoid",
    "class-weights",
    "class-weights of scores",
    "class-weights of two",
    "standardize-targets",
)


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    # A process of its own: the backend of Keras is chosen at its import.
    settings = {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.fixes.keras_fixes"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def is_as_written(fact: dict[str, float], limit: float = SAME) -> bool:
    """Whether the training with the fix came to where the mended script comes, and not to where
    the broken one does."""
    return fact["times"] > 0 and fact["from mended"] <= limit < 100 * limit < fact["from broken"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_steps_as_if_it_had_been_made_so(facts: dict[str, Any], name: str):
    assert is_as_written(facts["optimizers"][name])


def test_adam_steps_in_place_of_the_optimizer(facts: dict[str, Any]):
    assert is_as_written(facts["optimizers"]["adam=0.1"], ADAM)


def test_optimizers_that_a_fix_leaves_alone_step_as_without_it(facts: dict[str, Any]):
    assert facts["optimizers"]["unchanged"] == [0.0] * 4


@pytest.mark.parametrize("style", ["sequential", "functional", "subclassed"])
def test_hidden_activations_are_replaced_and_that_of_the_output_stays(
    facts: dict[str, Any], style: str
):
    assert is_as_written(facts["layers"][style]["relu"])


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_as_if_they_had_been_made_so(facts: dict[str, Any], name: str):
    assert is_as_written(facts["layers"]["subclassed"][name])


def test_a_residual_connection_is_one(facts: dict[str, Any]):
    assert is_as_written(facts["residual"])


def test_dead_units_are_drawn_anew(facts: dict[str, Any]):
    revived = facts["layers"]["subclassed"]["revive-dead-units=2"]
    # The bias was -9 and is 0 now.
    assert revived["from broken"] > 8
    assert revived["times"] == 2  # It looked once, and found dead units.


def test_a_normalization_that_was_inserted_is_trained(facts: dict[str, Any]):
    # Its scales were 1, and the optimiser of Keras was built without them.
    assert facts["own loops"]["inserted"] > 1e-3


@pytest.mark.parametrize(
    ("fix", "numbers"),
    [
        ("he", [(2 / 18) ** 0.5, (2 / 576) ** 0.5, (2 / 2304) ** 0.5]),
        ("lecun", [(1 / 18) ** 0.5, (1 / 576) ** 0.5, (1 / 2304) ** 0.5]),
        ("glorot", [(2 / 594) ** 0.5, (2 / 1152) ** 0.5, (2 / 2336) ** 0.5]),
    ],
)
def test_initial_weights_know_the_inputs_and_units_of_a_layer(
    facts: dict[str, Any], fix: str, numbers: list[float]
):
    drawn = facts["weights"][fix]
    assert drawn["deviations"] == pytest.approx(numbers, rel=0.03)
    assert drawn["biases"] == [0, 0, 0]


def test_orthogonal_weights_are_orthogonal(facts: dict[str, Any]):
    assert facts["weights"]["orthogonal"]["orthogonal"] < 1e-5


def test_weights_are_drawn_and_not_their_copies_in_half_precision(facts: dict[str, Any]):
    # Orthonormal rows of 6 in 64, times sqrt(2).
    assert facts["weights"]["half precision"] == pytest.approx((2 / 64) ** 0.5, rel=0.05)


def test_unit_variance_is_that_of_the_output(facts: dict[str, Any]):
    assert facts["weights"]["unit-variance"]["output"] == pytest.approx(1, abs=1e-4)


def test_asymmetric_weights_come_with_biases(facts: dict[str, Any]):
    assert min(facts["weights"]["asymmetric"]["biases"]) > 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_it_would_be_if_written_so(facts: dict[str, Any], name: str):
    assert is_as_written(facts["losses"][name])


def test_a_watch_reads_the_loss_that_stands_for_the_one_of_the_script(facts: dict[str, Any]):
    assert facts["losses"]["read as"] == ["cross-entropy", {"from_logits": False}]


def test_fit_shuffles(facts: dict[str, Any]):
    assert facts["data"]["in order"]
    assert not facts["data"]["shuffled in order"]


def test_fit_cuts_batches_of_another_size(facts: dict[str, Any]):
    assert facts["data"]["plain"] == [32, 16]
    assert facts["data"]["batches"] == [7] * 6 + [6]


def test_classes_are_drawn_equally_often(facts: dict[str, Any]):
    known, drawn = facts["data"]["known classes"], facts["data"]["classes"]
    assert max(known) > 2 * min(known)
    assert sum(drawn) == 20 * sum(known)
    assert max(drawn) < 1.3 * min(drawn)


def test_inputs_are_standardised(facts: dict[str, Any]):
    assert facts["data"]["mean"] < 1e-5
    assert facts["data"]["deviation"] < 1e-5


@pytest.mark.parametrize("name", ["unfreeze", "unfreeze of keras"])
def test_frozen_layers_train_in_a_loop_of_ones_own(facts: dict[str, Any], name: str):
    assert is_as_written(facts["own loops"][name])


def test_a_model_that_is_called_to_train_is_told_so(facts: dict[str, Any]):
    told = facts["own loops"]["train-mode"]
    assert told["times"] == 3
    assert told["from broken"] > 0


def test_layers_of_keras_within_a_network_of_torch_are_found(facts: dict[str, Any]):
    assert facts["own loops"]["in torch"] == pytest.approx((2 / 6) ** 0.5, rel=0.2)


def test_a_range_test_sweeps_an_optimizer_and_trains_with_what_it_found(facts: dict[str, Any]):
    swept = facts["range test"]
    with_it, without = swept["losses"]
    assert 1e-3 < swept["found"] < 1
    assert with_it < 0.5 * without
    assert swept["rate"] == pytest.approx(1e-6)  # The script's own, as it sees it.


def test_what_keras_does_itself_is_said(facts: dict[str, Any]):
    for name in ("match-target-shape", "train-mode", "evaluation-mode"):
        missing, times = facts["reasons"][name]
        assert "Keras" in missing
        assert times == 0
