import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from defib.records.study import StudyResult, Table, Verdict
from defib.studies.adaptive_methods import study as adaptive_methods
from defib.studies.adaptive_methods.study import STUDY, defaults, measure
from defib.studies.adaptive_methods.trainings import (
    ADADELTA,
    METHODS,
    OF_KERAS,
    REGULARISATIONS,
    Config,
    seeded_network,
)
from defib.studies.image_sets import Images, ImageScale
from tests.studies.digit_images import random_images

TINY = Config(seeds=2, scale=ImageScale(64, 32, 8), hidden=8, epochs=2, batch_size=16)


def random_pictures(_name: str, scale: ImageScale, seed: int) -> Images:
    """Coloured images whose mean tells the label."""
    return random_images(scale, seed, channels=3)


@pytest.fixture(scope="module")
def measured() -> dict[int, dict[str, Table]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive_methods, "images_of", random_pictures)
        return {seed: dict(measure(TINY, seed)) for seed in range(TINY.seeds)}


@pytest.fixture(scope="module")
def result(measured: dict[int, dict[str, Table]]) -> StudyResult:
    return STUDY.result(TINY, 0, measured)


def verdict(result: StudyResult, name: str) -> Verdict:
    [found] = [each.verdict for each in STUDY.claims(result) if each.id == name]
    return found


def changed(result: StudyResult, name: str, column: str, value: float) -> StudyResult:
    """The result with `value` in each row of a column, a little more for each further seed."""
    found = result.by_seed(name)
    at = found.columns.index(column)
    rows = tuple(
        (*row[:at], value * (1 + int(str(row[0])) / 1e3), *row[at + 1 :]) for row in found.rows
    )
    return replace(result, tables={**result.tables, f"{name}-by-seed": replace(found, rows=rows)})


def test_the_network_of_the_exercise():
    config = replace(TINY, hidden=1000)
    data = random_pictures("", ImageScale(2, 2, 32), 0)
    plain = seeded_network(config, data, 0, has_dropout=False)
    dropped = seeded_network(config, data, 0, has_dropout=True)
    assert sum(each.numel() for each in plain.parameters()) == 4_084_010
    assert [each.p for each in dropped if isinstance(each, nn.Dropout)] == [0.2, 0.5, 0.5]
    assert all(
        torch.equal(one, other)
        for one, other in zip(plain.parameters(), dropped.parameters(), strict=True)
    )


def test_every_method_is_trained_with_and_without_dropout(result: StudyResult):
    curves, of_keras = result.tables["curves"], result.tables["of-keras"]
    assert curves.distinct("method") == tuple(METHODS)
    assert curves.distinct("regularisation") == REGULARISATIONS
    assert len(curves) == 5 * 2 * TINY.epochs
    assert of_keras.distinct("method") == tuple(OF_KERAS)


def test_the_same_seed_measures_the_same_but_for_the_time(
    measured: dict[int, dict[str, Table]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(adaptive_methods, "images_of", random_pictures)
    again = measure(TINY, 1)
    assert min(again["time"].numbers("seconds_per_epoch")) > 0
    # Which steps are watched depends on the time as well.
    timed = ("time", "watched", "watched-of-keras")
    assert [name for name in again if again[name] != measured[1][name] and name not in timed] == []


def test_the_defaults_that_differ_are_marked():
    marked = {row[:2] for row in defaults().where(differ=True).rows}
    assert {("AdaGrad", "lr"), ("AdaGrad", "start of a"), ("RMSProp", "rho")} <= marked
    assert ("Adam", "lr") not in marked
    [row] = defaults().where(method="AdaGrad", setting="start of a").rows
    assert row[2:5] == (0.0, 0.1, None)


def test_both_forms_of_dropout_are_the_same_for_every_trained_network(result: StudyResult):
    inference = result.by_seed("inference")
    assert max(inference.numbers("difference_scaled")) <= 1e-12
    assert max(inference.numbers("difference_in_training")) <= 1e-12
    assert min(inference.numbers("difference_unscaled")) > 1e-3
    assert inference.numbers("accuracy") == inference.numbers("accuracy_scaled")
    assert verdict(result, "scaling-equals-inverted") is Verdict.HOLDS


def test_a_difference_between_the_forms_is_not_overlooked(result: StudyResult):
    wrong = changed(result, "inference", "difference_scaled", 1e-9)
    assert verdict(wrong, "scaling-equals-inverted") is Verdict.FAILS


def test_defaults_that_move_are_not_called_stuck(result: StudyResult):
    guessing = math.log(10)
    stuck = changed(result, "of-keras", "train_loss", guessing)
    learned = changed(stuck, "curves", "train_loss", 0.5 * guessing)
    assert verdict(learned, "adadelta-of-keras-hardly-moves") is Verdict.HOLDS
    moves = changed(learned, "of-keras", "train_loss", 0.5 * guessing)
    assert verdict(moves, "adadelta-of-keras-hardly-moves") is Verdict.FAILS


def test_methods_that_end_alike_are_not_far_apart(result: StudyResult):
    alike = changed(result, "curves", "test_accuracy", 0.5)
    assert verdict(alike, "no-method-far-ahead") is Verdict.HOLDS
    assert verdict(alike, "dropout-helps") is not Verdict.HOLDS


def test_every_claim_and_picture_is_made(result: StudyResult):
    assert len({claim.id for claim in result.claims}) == len(result.claims) == 11
    assert [chart.name for chart in STUDY.figures(result)] == [
        "training-loss",
        "accuracy",
        "time",
        "inference",
        "defaults",
    ]


def test_keras_moves_adadelta_by_a_thousandth_of_the_paper():
    def moved(factory_of: dict) -> float:
        parameter = torch.ones(1, requires_grad=True)
        optimizer = factory_of[ADADELTA]([parameter], 0.0)
        (3 * parameter).sum().backward()
        optimizer.step()
        return 1 - float(parameter.detach())

    # ε is another too: the first step is of its root's size.
    expected = 1e-3 * math.sqrt(1e-7 / 1e-6)
    assert moved(dict(OF_KERAS)) / moved(dict(METHODS)) == pytest.approx(expected, rel=0.02)
