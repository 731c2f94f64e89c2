from typing import Any

from defib.records.finding import NotEvaluated
from defib.records.run import LayerFact, LoaderFact
from defib.rules.data.single_example_batch import SingleExampleBatch
from defib.testing import make_preflight

rule = SingleExampleBatch()


def findings(**given: Any):
    fields = {key: given.pop(key) for key in ("facts", "sequences") if key in given}
    return rule.evaluate_preflight(make_preflight(**fields, **given))


NORMALIZED = {"layers": (LayerFact("norm", "BatchNorm1d"),)}


def test_reports_one_example_before_batch_normalisation():
    [finding] = findings(last_batch_size=1.0, facts=NORMALIZED)
    assert finding.layer == "norm"


def test_silent_with_two_examples_or_without_a_rest():
    for size in (0.0, 2.0):
        assert findings(last_batch_size=size, facts=NORMALIZED) == ()


def test_silent_without_batch_normalisation_and_with_batches_of_one():
    assert findings(last_batch_size=1.0) == ()
    loaders = (LoaderFact("DataLoader", batch_size=1),)
    assert findings(last_batch_size=1.0, facts={**NORMALIZED, "loaders": loaders}) == ()


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("single-example-batch", "not measured: last_batch_size")
