"""A proof in the terminal and on the page."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from defib.records.finding import Diagnosis, Status
from defib.records.run import RunRecord
from defib.records.site import Site
from defib.records.trial import (
    Beside,
    Curve,
    Edit,
    PairedComparison,
    Proof,
    Trial,
    TrialEnding,
    TrialResult,
    Verdict,
    Yardstick,
)
from defib.report.figures.kind import Picture
from defib.report.figures.paired_curves import paired_curves
from defib.report.page import render_html
from defib.report.proof_text import diff_lines, effect_in_words, print_proof

SITE = Site("/home/u/train.py", 41, "opt = SGD(p, lr=0.1)")
DIAGNOSIS = Diagnosis(Status.FINDINGS, "learning-rate-too-high at train.py:41 (suspected).")


def compared(verdict: Verdict = Verdict.CONFIRMED, **more: object) -> PairedComparison:
    fields = {
        "effect": math.log(0.5),
        "low": math.log(0.4),
        "high": math.log(0.6),
        "is_logarithm": True,
        "pairs": 2,
        "before": (0.8, 0.6),
        "after": (0.4, 0.3),
        "is_symptom_gone": True,
        "change": "learning rate 0.1 -> 0.01",
    } | more
    return PairedComparison(
        "lower-learning-rate=0.1",
        "learning-rate-too-high",
        Yardstick.TRAINING_LOSS,
        verdict,
        **fields,  # pyright: ignore[reportArgumentType]
    )


def trial(fixes: tuple[str, ...], seed: int, level: float) -> TrialResult:
    return TrialResult(
        Trial("train.py", ("--name", "<b>"), "/home/u", False, 200, seed, fixes),
        TrialEnding.TRAINED,
        level=level,
        curve_steps=(0, 100, 199),
        curve_losses=(1.0, level, level),
        dead_units=0.25,
    )


def proof(*comparisons: PairedComparison, answer: tuple[str, ...] = ()) -> Proof:
    results = [
        trial(fixes, seed, level)
        for seed in (0, 1)
        for fixes, level in (((), 0.7), (("lower-learning-rate=0.1",), 0.35))
    ]
    return Proof(comparisons, tuple(results), answer, 200, 12.0)


def printed(shown: Proof) -> str:
    stream = io.StringIO()
    print_proof(DIAGNOSIS, shown, Console(file=stream, width=200))
    return stream.getvalue()


def test_the_effect_is_told_with_its_interval_and_seeds():
    assert effect_in_words(compared()) == (
        "training loss 0.7 -> 0.35: 50% less (40% ... 60%), 2 seeds"
    )


def test_an_accuracy_is_told_in_its_own_unit():
    text = effect_in_words(
        PairedComparison(
            "shuffle", "label-ordered-batches", Yardstick.EVALUATION_ACCURACY, Verdict.CONFIRMED,
            effect=0.2, low=0.1, high=0.3, pairs=3, before=(0.5,) * 3, after=(0.7,) * 3,
        )
    )  # fmt: skip
    assert text == "evaluation accuracy 0.5 -> 0.7: +0.2 (+0.1 ... +0.3), 3 seeds"


def test_what_was_not_measured_has_no_effect_to_tell():
    assert effect_in_words(compared(effect=math.nan)) == ""


def test_the_change_is_a_diff_of_the_users_line():
    assert diff_lines(Edit(SITE, "opt = SGD(p, lr=0.01)")) == [
        "--- train.py:41",
        "+++ train.py:41",
        "@@ -41 +41 @@",
        "-opt = SGD(p, lr=0.1)",
        "+opt = SGD(p, lr=0.01)",
    ]


def test_the_verdict_comes_first_and_the_change_last():
    text = printed(
        proof(
            compared(Verdict.HARMFUL),
            compared(edit=Edit(SITE, "opt = SGD(p, lr=0.01)")),
            answer=("lower-learning-rate=0.1",),
        )
    )
    places = [text.index(each) for each in ("Proved by", "confirmed  ", "+opt = SGD(p, lr=0.01)")]
    assert places == sorted(places)


def test_a_fix_that_removes_the_fault_mends_it():
    text = printed(proof(compared(), answer=("lower-learning-rate=0.1",)))
    assert "`lower-learning-rate=0.1` mends it." in text


def test_a_fix_that_helps_but_leaves_the_fault_is_not_said_to_mend_it():
    left = compared(is_symptom_gone=False)
    text = printed(proof(left, answer=("lower-learning-rate=0.1",)))
    assert "`lower-learning-rate=0.1` helps; learning-rate-too-high is still found." in text


def test_a_fix_that_helps_by_one_measure_alone_is_not_said_to_mend_it():
    mixed = compared(reason="judged by the evaluation loss")
    text = printed(proof(mixed, answer=("lower-learning-rate=0.1",)))
    assert "`lower-learning-rate=0.1` helps, judged by the evaluation loss." in text


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (proof(), "There was nothing to try."),
        (proof(compared(Verdict.NO_EFFECT)), "No fix that was tried was proved to help."),
    ],
)
def test_nothing_is_claimed_that_was_not_proved(shown: Proof, words: str):
    assert words in printed(shown)


def test_the_page_shows_curves_what_changed_inside_and_the_command():
    page = render_html(RunRecord(), DIAGNOSIS, proof(compared(), answer=("x",)))
    assert "with lower-learning-rate=0.1" in page
    assert "dead units, largest share of a layer" in page
    assert "defib run --with lower-learning-rate=0.1 --steps 200 --seed-shift 0" in page


def evaluated(before: TrialResult, end: float) -> TrialResult:
    curve = Curve(Yardstick.EVALUATION_LOSS, (49, 99, 199), (1.0, 0.8, end))
    return replace(before, curves=(curve,), evaluation_loss=end)


def picture_of_evaluation(**more: object) -> Picture:
    before, after = (
        [evaluated(trial(fixes, seed, level), level) for seed in (0, 1)]
        for fixes, level in (((), 0.7), (("x",), 0.35))
    )
    fields = {"yardstick": Yardstick.EVALUATION_LOSS, "fix": "x"} | more
    comparison = replace(compared(), **fields)  # pyright: ignore[reportArgumentType]
    return paired_curves(before, after, comparison)


def test_what_decided_is_drawn_and_the_training_loss_beside_it():
    title = picture_of_evaluation().title
    assert title.startswith("Evaluation loss, which decided, and training loss")


def test_losses_of_different_kinds_are_not_drawn_over_one_another():
    assert picture_of_evaluation(is_other_loss=True).title.startswith("Evaluation loss: bold")


def test_where_there_is_no_curve_of_what_decided_the_training_loss_is_drawn_and_it_is_said():
    picture = picture_of_evaluation(yardstick=Yardstick.BALANCED_ACCURACY)
    assert picture.title.startswith("Training loss (balanced accuracy decided)")


def test_the_other_measure_of_an_evaluation_is_told_beside_that_which_decided():
    beside = (Beside(Yardstick.EVALUATION_ACCURACY, 0.9, 0.92),)
    assert effect_in_words(compared(beside=beside)).endswith(
        "2 seeds; evaluation accuracy 0.9 -> 0.92"
    )


def test_a_page_without_a_proof_says_nothing_of_one():
    assert "re-run" not in render_html(RunRecord(), DIAGNOSIS)


def test_names_of_the_users_are_text_on_the_page():
    assert "<b>" not in render_html(RunRecord(), DIAGNOSIS, proof(compared()))
