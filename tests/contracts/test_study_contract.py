"""What is true for every study, whoever wrote it. Each quick version runs once."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from defib.datasets.catalogue import published_set
from defib.datasets.images import is_here
from defib.records.encoding import decode, encode
from defib.records.study import StudyResult, Verdict
from defib.records.study_json import json_text, result_as_json, result_from_json
from defib.report.study_figures import drawn
from defib.studies.base import MOST_SEEDS, AnyStudy, all_studies, study_called

TESTS = Path(__file__).resolve().parent.parent
KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EXERCISE = re.compile(r"[A-E][0-9]{1,2}")

# What the quick versions leave open or refute, with the reason.
NOT_HELD = {
    ("adaptive-methods", "dropout-helps"): "fails: 0.01 to 0.03 less accuracy in so few epochs",
    ("adaptive-methods", "no-method-far-ahead"): "undecided over five seeds: 0.03 to 0.05",
    ("batch-growth", "generalises-as-well"): "fails: 66 updates against 372, most on many examples",
    ("batch-size", "noise-scale-grows"): "undecided over four seeds: 0.4 to 1.9 times",
    ("convolution-against-dense", "sharing-bears-shifts"): "undecided over four seeds: locally "
    "connected as good, -0.07 to 0.09",
    ("convolution-against-dense", "sharing-helps-with-few-examples"): "undecided: digits are "
    "centred, locally connected as good, -0.04 to 0.02",
    ("convolution-against-dense", "sharing-helps-with-many-examples"): "undecided: the same, "
    "-0.01 to 0.00",
    ("cyclical-learning-rate", "published-accuracy"): "fails: a narrow network on 2,000 images",
    ("depth-and-width", "reached-with-100"): "fails: 8,000 images, not 60,000",
    ("depth-and-width", "reached-with-200"): "fails: 8,000 images, not 60,000",
    ("depth-and-width", "reached-with-1000"): "fails: 8,000 images, not 60,000",
    ("depth-of-tanh", "default-weights"): "undecided at 120 steps: validation accuracy 0.38-0.62",
    ("initialisation", "he-before-glorot"): "undecided over 5 layers and four seeds",
    ("label-order", "order-kills-units"): "fails: the random order kills more ReLUs in one pass",
    ("normalisation-and-dropout", "dropout-bears-removal"): "undecided over four seeds",
    ("normalisation-and-dropout", "dropout-helps"): "fails: it still underfits, 0.03 less",
    ("normalisation-and-dropout", "dropout-lowers-correlation"): "fails: it raises it by 0.02",
    ("normalisation-and-dropout", "less-shift-afterwards"): "fails: twice the shift in dense1",
    ("normalisation-and-dropout", "published-order"): "undecided: dropout and both end alike",
    ("normalisation-and-dropout", "statistics-anew-help"): "undecided over four seeds",
    ("normalisation-and-dropout", "variance-shift"): "undecided: not in the deeper layers",
    ("pooling-and-noise", "average-against-gaussian"): "undecided over eight seeds: -0.03 to 0.06",
    ("pooling-and-noise", "maximum-against-gaussian"): "undecided over eight seeds: -0.04 to 0.05",
    ("pooling-and-noise", "maximum-against-specks"): "undecided over eight seeds: -0.03 to 0.02",
    ("pooling-and-noise", "less-noise-passes"): "fails: the maximum moves noise up",
    ("pooling-and-noise", "same-without-noise"): "fails: the maximum is 0.02 more accurate",
    ("segmentation", "finer-skips-higher-mean-iou"): "undecided over four seeds: in each of them "
    "so, the second skip by 0.02 to 0.14",
    (
        "segmentation",
        "kept-weights-help-with-few-images",
    ): "undecided over four seeds: -0.04 to 0.07",
    ("segmentation", "kept-weights-learn-faster"): "undecided over four seeds: -0.07 to 0.32",
    ("segmentation", "the-gain-shrinks"): "undecided over four seeds: -0.14 to 0.40",
    ("small-convnet", "published-accuracy"): "fails: 10,000 images, not 60,000",
}

SLOW = frozenset({"regularisation-overview"})
"""Without published data, and of a minute all the same."""

LONG = frozenset({"initialisation", "label-order", "learning-rate"})
"""With all their seeds half of the time of all quick versions; one seed has the same form."""

every_study = pytest.mark.parametrize("study", all_studies(), ids=lambda study: study.name)


def _marks(study: AnyStudy) -> tuple[pytest.MarkDecorator, ...]:
    """Studies of published data take minutes, and run where the data are: nothing is fetched."""
    if study.name in SLOW:
        return (pytest.mark.slow,)
    if not study.dataset:
        return ()
    reason = f"needs `defib data fetch {study.dataset}`"
    is_missing = not is_here(published_set(study.dataset))
    return pytest.mark.slow, pytest.mark.skipif(is_missing, reason=reason)


every_measured_study = pytest.mark.parametrize(
    "study", [pytest.param(each, id=each.name, marks=_marks(each)) for each in all_studies()]
)
every_study_with_all_seeds = pytest.mark.parametrize(
    "study",
    [
        pytest.param(
            each, id=each.name, marks=pytest.mark.slow if each.name in LONG else _marks(each)
        )
        for each in all_studies()
    ],
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def measured_config(study: AnyStudy) -> Any:
    return dataclasses.replace(study.quick, seeds=1) if study.name in LONG else study.quick


@cache
def result(name: str) -> StudyResult:
    study = study_called(name)
    return study.run(measured_config(study))


@cache
def quick_result(name: str) -> StudyResult:
    study = study_called(name)
    return study.run(study.quick) if name in LONG else result(name)


@every_study
def test_the_question_is_one_sentence_with_a_protocol_below(study: AnyStudy):
    assert study.question.endswith("?")
    assert len(study.question) <= 100
    assert len(study.page.splitlines()) > 3


@every_study
def test_the_configurations_are_frozen_plain_and_of_one_kind(study: AnyStudy):
    assert type(study.quick) is type(study.full)
    for config in (study.quick, study.full):
        assert decode(type(config), json.loads(json.dumps(encode(config)))) == config
        assert 1 <= config.seeds <= MOST_SEEDS
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.seeds = 1


@every_study
def test_it_names_exercises(study: AnyStudy):
    assert study.exercises
    assert all(EXERCISE.fullmatch(each) for each in study.exercises)


@every_study
def test_a_test_file_stands_at_the_mirrored_path(study: AnyStudy):
    module, folder = study.name.replace("-", "_"), TESTS / "studies"
    is_folder = study.measure.__module__.endswith(f"{module}.study")
    assert (folder / (f"{module}/test_study.py" if is_folder else f"test_{module}.py")).is_file()


@every_measured_study
def test_every_claim_is_a_sentence_with_numbers(study: AnyStudy):
    claims = result(study.name).claims
    assert claims
    assert len({claim.id for claim in claims}) == len(claims)
    for claim in claims:
        assert KEBAB_CASE.fullmatch(claim.id)
        assert claim.statement.endswith(".")
        assert claim.numbers


@every_study_with_all_seeds
def test_the_claims_of_the_quick_version_hold_but_for_the_known_ones(study: AnyStudy):
    found = {c.id for c in quick_result(study.name).claims if c.verdict is not Verdict.HOLDS}
    assert found == {claim for name, claim in NOT_HELD if name == study.name}


@every_measured_study
def test_the_claims_follow_from_the_tables_alone(study: AnyStudy):
    measured = result(study.name)
    again = study.claims(dataclasses.replace(measured, claims=()))
    assert [(each.id, each.verdict, each.numbers) for each in again] == [
        (each.id, each.verdict, each.numbers) for each in measured.claims
    ]


@every_measured_study
def test_the_result_survives_its_file(study: AnyStudy):
    content = json_text(result_as_json(result(study.name)))
    again = result_from_json(json.loads(content))
    assert json_text(result_as_json(again)) == content
    assert set(json.loads(content)) == {
        "study",
        "exercises",
        "config",
        "seed",
        "environment",
        "claims",
        "tables",
    }


@every_measured_study
def test_every_picture_can_be_drawn_from_the_file_and_says_what_it_shows(study: AnyStudy):
    content = json.loads(json_text(result_as_json(result(study.name))))
    charts = study.figures(result_from_json(content))
    assert charts
    assert len({chart.name for chart in charts}) == len(charts)
    for chart in charts:
        picture = drawn(chart)
        assert KEBAB_CASE.fullmatch(chart.name)
        assert chart.description.endswith(".")
        assert picture.svg.startswith("<svg ")
        assert picture.png.startswith(b"\x89PNG")


@every_measured_study
def test_the_same_seed_measures_the_same_and_another_something_else(study: AnyStudy):
    first = result(study.name)
    config = measured_config(study)
    seed = study.job_seeds(config, 0)[-1]
    again = study.measure(config, seed)
    name, table = next(iter(again.items()))
    rows = tuple(row[1:] for row in first.by_seed(name).where(seed=seed).rows)
    assert json.dumps(rows) == json.dumps(table.rows)
    assert set(study.job_seeds(study.quick, 0)).isdisjoint(study.job_seeds(study.quick, 1))
