from typing import Any

from defib.records.run import MODE_EVENT, Event, RunRecord
from defib.rules.generalization.evaluation import generalizations
from defib.rules.generalization.reason_to_be_better import Reason, reason_of
from defib.testing import make_run
from tests.rules.usual_overlap import USUAL_OVERLAP


def record(
    *,
    shared: float | None = None,
    kinds: str = "",
    mix: tuple[float, float] = (50, 50),
    **given: Any,
) -> RunRecord:
    """Half of the training's examples are of class 0, of which all are recognised, half of 1."""
    examples = {} if shared is None else USUAL_OVERLAP | {"shared_examples": shared}
    series: Any = {metric: {"a": [value]} for metric, value in examples.items()}
    return make_run(
        loss=[0.5] * 40,
        evaluation_loss={"a": [0.1] * 4},
        evaluation_accuracy={"a": [0.95] * 4},
        label_count={"0": [16.0] * 40, "1": [16.0] * 40},
        label_recognized={"0": [16.0] * 40, "1": [8.0] * 40},
        evaluation_label_count={"0 at a": [mix[0]], "1 at a": [mix[1]]},
        facts={"events": (Event(MODE_EVENT, 9, {"modules": 1.0, "kinds": kinds}),)},
        **(series | given),
    )


def reason(run: RunRecord) -> Reason:
    [seen] = generalizations(run, "SGD")
    return reason_of(run, seen)


def test_known_examples_come_first():
    found = reason(record(shared=0.5, kinds="Dropout", mix=(95, 5)))
    assert found.name == "known examples"
    assert "100 of 200 examples" in found.message


def test_other_classes_come_before_layers():
    found = reason(record(kinds="Dropout", mix=(95, 5)))
    assert found.name == "other classes"
    # 95 % of class 0, of which all are recognised, and 5 % of class 1, of which half are.
    assert found.evidence["training_accuracy_with_its_mix"] == 0.975
    assert found.evidence["training_accuracy"] == 0.75


def test_other_classes_that_make_little_of_the_gain_are_no_reason():
    # 65 % of class 0 give 0.825, less than half of the way from 0.75 to 0.95.
    assert reason(record(mix=(65, 35))).name == "easier examples"
    assert reason(record(mix=(75, 25))).name == "other classes"


def test_layers_of_the_training_are_named_with_what_was_compared():
    found = reason(record(shared=0.0, kinds="Dropout"))
    assert found.name == "layers of the training"
    assert "None of 200 examples of the evaluation is among the 1,000 known" in found.message


def test_easier_examples_are_suspected_and_known_ones_excluded_where_they_were_compared():
    assert "easier, or known from the training" in reason(record()).message
    compared = reason(record(shared=0.0))
    assert compared.name == "easier examples"
    assert "known from the training." not in compared.message


def test_examples_that_never_come_again_exclude_nothing():
    """They may be augmented anew each time."""
    found = reason(record(shared=0.0, known_training_examples={"a": [0.0]}))
    assert "or known from the training" in found.message
