import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from defib.errors import UsageError
from defib.records.learning_rate_range import (
    Candidate,
    CandidateRange,
    Group,
    LearningRateRange,
    Mark,
    OtherRule,
    Reason,
    Sweep,
    SweepEnding,
    Verdict,
)
from defib.report.lr_range_json import range_as_json
from defib.report.lr_range_picture import save_range_picture
from defib.report.lr_range_text import print_candidates, print_range
from defib.report.lr_range_words import reasons

RATES = tuple(np.logspace(-5, 0, 60).tolist())
LOSSES = tuple((2 - 1 / (1 + np.exp(-np.linspace(-5, 5, 60)))).tolist())
FOUND = LearningRateRange(
    Sweep(RATES, (*LOSSES[:-1], math.nan), 2.0, SweepEnding.NOT_FINITE),
    Verdict.CLEAR_DESCENT,
    suggestion=Mark(0.0082, 0.007, 0.0091),
    conservative=Mark(0.0028, 0.0028, 0.0041),
    steepest=Mark(0.0033, 0.003, 0.0042),
    largest_stable=Mark(0.1, 0.08, 0.12),
    smooth=LOSSES[:50],
    others=(OtherRule("lightning", 1.2e-5), OtherRule("fastai-valley", None)),
    groups=(Group("SGD", 0, 1.0), Group("SGD", 1, 0.1)),
    current=0.5,
    name="train.py",
    seconds=3.0,
    notes=("`Adam` was swept too.",),
)


def text_of(found: LearningRateRange) -> str:
    output = io.StringIO()
    print_range(found, Console(file=output, width=100, highlight=False, markup=False))
    return output.getvalue()


def test_the_text():
    assert text_of(FOUND) == (
        "✔ Clear descent: choose a learning rate from 0.0028 to 0.1. Suggested is 0.0082.\n"
        "\n"
        "                      learning rate   5th to 95th percentile\n"
        "  conservative pick          0.0028   0.0028 to 0.0041\n"
        "  steepest                   0.0033   0.003 to 0.0042\n"
        "  suggestion                 0.0082   0.007 to 0.0091\n"
        "  largest stable                0.1   0.08 to 0.12\n"
        "  now                           0.5   above the largest stable one, by a factor of 5\n"
        "\n"
        "  for each parameter group\n"
        "  SGD, group 0         conservative 0.0028, steepest 0.0033, suggestion 0.0082, "
        "largest stable 0.1\n"
        "  SGD, group 1         conservative 2.8e-4, steepest 3.3e-4, suggestion 8.2e-4, "
        "largest stable 0.01\n"
        "\n"
        "  Rules of other tools, on the same losses: lightning 1.2e-5, fastai-valley none.\n"
        "  note: `Adam` was swept too.\n"
        "  60 steps from 1e-5 to 1 in 3 s. It ended there because the loss was not finite.\n"
    )


@pytest.mark.parametrize(
    ("current", "words"),
    [(0.01, "within the range"), (1e-5, "below the conservative pick, by a factor of 280")],
)
def test_where_the_learning_rate_of_now_lies(current: float, words: str):
    assert words in text_of(replace(FOUND, current=current))


@pytest.mark.parametrize("reason", Reason)
def test_no_number_is_shown_where_none_may_be_used(reason: Reason):
    none = replace(
        FOUND,
        verdict=Verdict.NO_DESCENT,
        reasons=(reason,),
        suggestion=None,
        conservative=None,
        steepest=None,
        largest_stable=None,
    )
    first = text_of(none).splitlines()[0]
    assert first == "✘ No descent: do not use a number."
    assert "percentile" not in text_of(none)
    assert reasons(none)[0].split(":")[0] in " ".join(text_of(none).split())


def test_a_limit_that_was_not_reached_is_not_named():
    assert "no limit was reached" in text_of(replace(FOUND, largest_stable=None))


def test_the_json_is_strict_and_whole():
    content = json.loads(json.dumps(range_as_json(FOUND), allow_nan=False))
    assert content["verdict"] == "clear descent"
    assert content["steepest"] == {"value": 0.0033, "low": 0.003, "high": 0.0042}
    assert content["others"] == {"lightning": 1.2e-5, "fastai-valley": None}
    assert content["losses"][-1] == "NaN"
    assert len(content["learning_rates"]) == len(content["losses"]) == 60


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_picture_is_written_in_the_format_of_its_ending(tmp_path: Path, ending: str):
    save_range_picture(tmp_path / f"curve{ending}", FOUND)
    assert (tmp_path / f"curve{ending}").stat().st_size > 5000


def test_a_picture_without_marks_can_be_drawn(tmp_path: Path):
    bare = LearningRateRange(
        Sweep((1e-3,), (math.nan,), 1.0, SweepEnding.NOT_FINITE), Verdict.NO_DESCENT
    )
    save_range_picture(tmp_path / "curve.svg", bare)
    text = (tmp_path / "curve.svg").read_text()
    assert "no descent: do not use a number" in text


def test_the_picture_names_marks_and_other_rules(tmp_path: Path):
    save_range_picture(tmp_path / "curve.svg", FOUND)
    text = (tmp_path / "curve.svg").read_text()
    names = ("conservative 0.0028", "steepest 0.0033", "suggestion 0.0082", "largest stable 0.1")
    assert all(name in text for name in names)


def test_another_format_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"must end in .png, .svg or .pdf"):
        save_range_picture(tmp_path / "curve.gif", FOUND)


def test_candidates_are_listed_with_the_range_in_which_they_learn():
    candidates = (Candidate(1e-3, (2.0, 1.5)), Candidate(1.0, (), is_finite=False))
    output = io.StringIO()
    console = Console(file=output, width=100, highlight=False, markup=False)
    print_candidates(CandidateRange(candidates, 2.1, 1e-3, 1e-3, 1e-3), console)
    text = output.getvalue()
    assert text.startswith("Learns from 0.001 to 0.001, best with 0.001.")
    assert "0.001   2, 1.5\n" in text
    assert "(then not finite)" in text
