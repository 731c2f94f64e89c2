from dataclasses import replace

from defib.records.study import Verdict
from defib.studies.silence import TABLE, silence_claim, watched_table
from tests.studies.small_study import STUDY


def verdict_on(*rules: tuple[str, ...]) -> Verdict:
    tables = {TABLE: watched_table((f"training {n}", each) for n, each in enumerate(rules))}
    measured = dict.fromkeys(range(2), tables)
    study = replace(STUDY, claims=lambda result: (silence_claim(result),))
    return study.result(STUDY.quick, 0, measured).claims[0].verdict


def test_no_finding_at_all_holds():
    assert verdict_on((), ()) is Verdict.HOLDS


def test_one_finding_in_one_training_fails():
    assert verdict_on((), ("dead-relu",)) is Verdict.FAILS
