import json
from dataclasses import replace

import numpy as np

from defib.records.finding import Cause, Diagnosis, Finding, Severity, Status
from defib.report.machine import diagnosis_as_json


def as_strict_json(diagnosis):
    return json.loads(json.dumps(diagnosis_as_json(diagnosis), allow_nan=False))


def diagnosis_of(**fields):
    finding = Finding("rule", Severity.INFO, "message", (0, 1), **fields)
    return Diagnosis(Status.FINDINGS, "summary", causes=(Cause(finding),))


def test_layout_is_stable(dying_run):
    assert as_strict_json(dying_run.diagnosis) == {
        "version": "1.0",
        "script": "examples/train.py",
        "steps": 1000,
        "seconds": 12.4,
        "overhead": dying_run.record.overhead,
        "status": "findings",
        "summary": "dead-relu at train.py:21, since step 120 (suspected).",
        "findings": [
            {
                "rule": "dead-relu",
                "severity": "error",
                "certainty": "suspected",
                "rank": 1,
                "layer": "fc2",
                "site": {
                    "file": "/home/ada/project/examples/train.py",
                    "line": 21,
                    "code": "self.fc2 = nn.Linear(100, 100)",
                },
                "steps": [120, 999],
                "message": "97% of the ReLU units after `fc2` output zero for every input, "
                "since step 120 (limit 60%).",
                "evidence": {"dead_unit_fraction": 0.9713, "dead_unit_fraction_at_start": 0.0304},
                "fixes": ["lower-learning-rate", "leaky-relu"],
                "remedy": "Lower the learning rate (divide it by 3 to 10: `lr=0.05`) or use a "
                "leaky ReLU.",
                "explains": ["loss-plateau", "constant-output"],
            }
        ],
        "undecided_between": [],
        "not_evaluated": [
            {"rule": "overfitting", "reason": "not recorded: evaluation_loss"},
            {"rule": "saturated-activation", "reason": "not recorded: saturated_fraction"},
        ],
        "notes": [],
    }


def test_every_run_is_strict_json(sample):
    assert as_strict_json(sample.diagnosis)["version"] == "1.0"


def test_causes_are_ranked_from_one(non_finite_run):
    findings = as_strict_json(non_finite_run.diagnosis)["findings"]
    assert [each["rank"] for each in findings] == [1, 2]


def test_finding_without_site_has_none():
    assert as_strict_json(diagnosis_of())["findings"][0]["site"] is None


def test_symptoms_are_named_once_in_their_order(dying_run):
    [cause] = dying_run.diagnosis.causes
    doubled = replace(cause, symptoms=cause.symptoms * 2)
    result = as_strict_json(replace(dying_run.diagnosis, causes=(doubled,)))
    assert result["findings"][0]["explains"] == ["loss-plateau", "constant-output"]


def test_numbers_that_json_lacks_are_strings():
    evidence = {"a": float("nan"), "b": float("inf"), "c": -np.float32("inf"), "d": "text"}
    result = as_strict_json(diagnosis_of(evidence=evidence))
    assert result["findings"][0]["evidence"] == {
        "a": "NaN",
        "b": "Infinity",
        "c": "-Infinity",
        "d": "text",
    }
    unmeasured = replace(diagnosis_of(), seconds=float("nan"))
    assert as_strict_json(unmeasured)["seconds"] == "NaN"


def test_numbers_of_numpy_are_plain_numbers():
    evidence = {"a": np.float32(0.5), "b": np.int64(3), "c": 4}
    assert as_strict_json(diagnosis_of(evidence=evidence))["findings"][0]["evidence"] == {
        "a": 0.5,
        "b": 3,
        "c": 4,
    }


def test_any_text_can_be_stored(payloads):
    for payload in payloads:
        text = json.dumps(diagnosis_as_json(diagnosis_of(layer=payload)), ensure_ascii=False)
        assert json.loads(text.encode("utf-8"))["findings"][0]["rule"] == "rule"
