from collections.abc import Mapping

import pytest
import torch

from defib.networks.segmenting_classifier import SegmentingClassifier
from defib.records.study import Table, Verdict
from defib.studies.fashion import Scale
from defib.studies.image_sets import Images, ImageScale
from defib.studies.segmentation import scenes
from defib.studies.segmentation import transfer as transfer_module
from defib.studies.segmentation.scenes import VARIANTS, SceneTask, composed, seeded_network
from defib.studies.segmentation.study import DECODERS, STUDY, Config, figures, measure
from defib.studies.segmentation.transfer import (
    ARMS,
    FROZEN,
    KEPT,
    RANDOM,
    SCRATCH,
    TransferTask,
    transfer,
)
from defib.studies.silence import watched_table
from defib.studies.tables import table
from tests.studies.garments import random_garments

TINY = Config(
    seeds=3,
    transfer=TransferTask(100, 1, 40, (20, 40), (1, 2, 3)),
    scenes=SceneTask(10, 32, 16, 1, (2, 2, 2), epochs=1, learning_rate=1e-3),
)


def random_images(_dataset: str, scale: ImageScale, seed: int) -> Images:
    of_images = Scale(scale.train_images, scale.validation_images, scale.edge, 1, "cpu")
    return random_garments(of_images, seed)


@pytest.fixture
def without_data(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scenes, "images_of", random_images)
    monkeypatch.setattr(transfer_module, "images_of", random_images)


@pytest.mark.usefixtures("without_data")
def test_every_arm_and_network_is_measured_and_drawn():
    measured = {0: measure(TINY, 0)}
    tables = measured[0]
    weights = tables["weights"]
    assert weights.distinct("weights") == ARMS
    assert len(weights) == len(ARMS) * 2 * 3
    assert set(tables["decoders"].column("decoder")) == set(DECODERS)
    assert tables["scenes"].column("network") == tuple(VARIANTS)
    # The classifier, 4 arms of 2 sizes, 2 more decoders, 3 networks.
    assert len(tables["watched"]) == 1 + 8 + 2 + 3
    result = STUDY.result(TINY, 0, measured)
    assert [chart.name for chart in figures(result)] == ["weights", "decoders", "skips", "scenes"]


@pytest.mark.usefixtures("without_data")
def test_frozen_weights_stay_and_others_move(monkeypatch: pytest.MonkeyPatch):
    made: list[SegmentingClassifier] = []

    class Kept(SegmentingClassifier):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(transfer_module, "SegmentingClassifier", Kept)
    transfer(TINY.transfer, 0)
    first = {arm: next(each.kept()) for arm, each in zip(ARMS, made, strict=False)}
    assert [each.requires_grad for each in first.values()] == [True, True, False, False]
    assert not torch.equal(first[SCRATCH], first[RANDOM])
    assert not torch.equal(first[KEPT], first[FROZEN])


@pytest.mark.usefixtures("without_data")
def test_networks_share_first_weights_and_scenes_have_the_wanted_digits():
    task = SceneTask(2, 8, 4, 2, (2, 2, 2), epochs=1, learning_rate=1e-3)
    coarse, fine = (seeded_network(task, skips, 0).state_dict() for skips in (0, 2))
    assert all(torch.equal(coarse[name], fine[name]) for name in coarse if "upsampl" not in name)
    train, held_out = composed(task, 0)
    assert train.images.shape == (8, 1, 80, 128)
    assert held_out.labels.max() <= 2


def verdicts(better: bool) -> Mapping[str, Verdict]:
    """Of the claims on measurements in which what should be better is, or is worse."""
    sign = 1.0 if better else -1.0

    def tables(seed: int) -> Mapping[str, Table]:
        noise = 0.001 * seed
        arms = dict(zip(ARMS, (0.5, 0.6, 0.4, 0.1), strict=True))
        weights = [
            (arm, count, updates, 0.5 + sign * (height - 0.5) + noise * (arm == KEPT))
            for arm, height in arms.items()
            for count in (20, 100)
            for updates in (10, 30, 100)
        ]
        if better:
            weights = [
                (arm, n, k, arms[SCRATCH] + noise if (arm, n, k) == (KEPT, 100, 100) else iou)
                for arm, n, k, iou in weights
            ]
        heights = dict(zip(DECODERS, (0.2, 0.4, 0.6, 0.7), strict=True))
        decoders = [(each, sign * height + noise) for each, height in heights.items()]
        ious = (0.1, 0.5, 0.8)
        scenes = [(n, sign * h + noise, 0.9) for n, h in zip(VARIANTS, ious, strict=True)]
        boundary = [(n, 1, sign * h + noise, 0.9) for n, h in zip(VARIANTS, ious, strict=True)]
        structure = [(each, 8, 1e-7 if better else 0.1) for each in VARIANTS]
        return {
            "weights": table("weights annotated updates", "iou", weights),
            "decoders": table("decoder", "iou", decoders),
            "scenes": table("network", "mean_iou pixel_accuracy", scenes),
            "boundary": table("network distance", "within beyond", boundary),
            "structure": table("network", "last_upsampling difference", structure),
            "watched": watched_table([("a", () if better else ("dead-relu",))]),
        }

    result = STUDY.result(TINY, 0, {seed: tables(seed) for seed in range(3)})
    return {claim.id: claim.verdict for claim in result.claims}


def test_each_claim_holds_on_what_it_says_and_fails_on_the_opposite():
    assert set(verdicts(better=True).values()) == {Verdict.HOLDS}
    assert set(verdicts(better=False).values()) == {Verdict.FAILS}
