from collections.abc import Mapping

import pytest

from defib.records.study import Table, Verdict
from defib.studies.convolution_against_dense import study as convolution_against_dense
from defib.studies.convolution_against_dense.claims import DIGITS, SHEET_DENSE, SHEET_WEIGHTS, SHOTS
from defib.studies.convolution_against_dense.local_layers import DENSE, KINDS, LOCAL, SHARED, Task
from defib.studies.convolution_against_dense.study import STUDY, Config, figures, measure
from defib.studies.fashion import Scale
from defib.studies.image_sets import Images, ImageScale
from defib.studies.silence import watched_table
from defib.studies.tables import table
from tests.studies.garments import random_garments

TINY = Config(
    seeds=1,
    digits=Task((1, 2, 2), (32, 64), 2, 32),
    shots=Task((3, 2, 2, 2), (32,), 2, 32, outputs=2, hidden=(4, 4)),
)


def random_images(_dataset: str, scale: ImageScale, seed: int) -> Images:
    of_images = Scale(scale.train_images, scale.validation_images, scale.edge, 1, "cpu")
    return random_garments(of_images, seed)


def test_every_kind_is_measured_and_drawn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(convolution_against_dense, "images_of", random_images)
    tables = measure(TINY, 0)
    assert len(tables["accuracy"]) == 3 * 2 + 3
    assert tables["shifts"].distinct("network") == KINDS
    sheet = tables["sheet"]
    assert sheet.numbers("weights") == (SHEET_WEIGHTS, 25_808_400, SHEET_DENSE)
    assert sheet.rows[0][:4] == (SHARED, 21, 9, 3)
    # All of MNIST, and the convolutional one of the screenshots.
    assert len(tables["watched"]) == 7
    result = STUDY.result(TINY, 0, {0: tables})
    assert [chart.name for chart in figures(result)] == ["accuracy", "by-heart", "shifts", "costs"]


def verdicts(better: bool) -> Mapping[str, Verdict]:
    """On measurements in which the claims are right, or in which the opposite is."""
    order = KINDS if better else KINDS[::-1]
    heights = dict(zip(order, (0.9, 0.7, 0.5), strict=True))

    def tables(seed: int) -> Mapping[str, Table]:
        noise = 0.001 * seed
        accuracy = [
            (DIGITS, kind, count, height + noise, 1.0)
            for kind, height in heights.items()
            for count in (100, 2000)
        ]
        known = 0.99 if better else 0.6
        accuracy += [(SHOTS, kind, 800, height + noise, known) for kind, height in heights.items()]
        parameters = dict(zip(order, (10, 1000, 100_000), strict=True))
        costs = [(DIGITS, kind, parameters[kind], 1.0) for kind in KINDS]
        shifts = [
            (kind, pixels, 0.9 - (1 - heights[kind] + noise) * pixels / 4)
            for kind in KINDS
            for pixels in (0, 3)
        ]
        errors = dict(zip(order, (0.0, 1.0, 1.0), strict=True))
        weights = {SHARED: SHEET_WEIGHTS, LOCAL: 1, DENSE: SHEET_DENSE}
        sheet = [(kind, 21, 9, 3, weights[kind]) for kind in order]
        if not better:
            sheet = [(kind, 20, 9, 3, 1 + weights[kind]) for kind in order]
        return {
            "accuracy": table("data network examples", "accuracy train_accuracy", accuracy),
            "costs": table("data network", "parameters megabytes", costs),
            "shifts": table("network pixels", "accuracy", shifts),
            "first-maps": table(
                "data network", "shift_error", [(DIGITS, k, errors[k]) for k in (SHARED, LOCAL)]
            ),
            "sheet": table("network", "first second third weights", sheet),
            "watched": watched_table([("a", () if better else ("dead-relu",))]),
        }

    result = STUDY.result(TINY, 0, {seed: tables(seed) for seed in range(3)})
    return {claim.id: claim.verdict for claim in result.claims}


def test_each_claim_holds_on_what_it_says_and_fails_on_the_opposite():
    assert set(verdicts(better=True).values()) == {Verdict.HOLDS}
    assert set(verdicts(better=False).values()) == {Verdict.FAILS}
