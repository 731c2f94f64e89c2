from collections.abc import Sequence

from defib.records.finding import NotEvaluated, Severity
from defib.rules.data.class_without_examples import ClassWithoutExamples
from defib.testing import make_preflight

rule = ClassWithoutExamples(min_examples=10)


def findings(classes: float, **counts: Sequence[float]):
    labels = {label.removeprefix("of_"): values for label, values in counts.items()}
    return rule.evaluate_preflight(
        make_preflight(classes={"": classes}, sequences={"label_count": labels})
    )


def test_labels_from_one_are_told():
    [finding] = findings(3, of_0=[0, 0], of_1=[5, 5], of_2=[6, 4])
    assert finding.severity is Severity.INFO
    assert "1 of the 3 classes have no example" in finding.message
    assert "labels - 1" in finding.remedy


def test_a_last_layer_of_another_task_is_told():
    [finding] = findings(1000, of_0=[50, 50], of_1=[50, 50])
    assert "998 of the 1000" in finding.message
    assert "2 outputs" in finding.remedy


def test_silent_where_every_class_occurs():
    assert findings(2, of_0=[5, 5], of_1=[5, 5]) == ()
    assert findings(2, of_0=[1, 0], of_1=[50, 50]) == ()


def test_not_evaluated_where_classes_are_rare_or_come_one_after_the_other():
    reason = NotEvaluated("class-without-examples", "too few batches were read to know all classes")
    assert findings(3, of_0=[5, 5], of_1=[5, 4]) == reason
    assert findings(3, of_0=[50, 0], of_1=[0, 50]) == reason


def test_not_evaluated_without_labels():
    assert rule.evaluate_preflight(make_preflight()) == NotEvaluated(
        "class-without-examples", "not measured: label_count"
    )
