"""What does it take to label every pixel: a classifier's weights, a finer skip?

Two experiments. First the classifier of 9 x 9 images (3 x 3 convolutions and poolings of 3) becomes
a network that separates ink from a noisy page; the images are MNIST in means of 3 x 3 pixels with
noise added. Its layers up to the first dense one, as a 1 x 1 convolution, begin with random weights
or with those of the classifier, which has learned to name the digits; these are trained on or
frozen; and as a control random weights are frozen. The scores of the 3 x 3 maps are brought to
9 x 9 by bilinear upsampling or by a transposed convolution; a skip adds scores of the first
convolution's 9 x 9 maps. The comparison of weights has a transposed convolution and the skip.
Measured: intersection over union (IoU) of the ink on held-out images, by the number of training
images whose pixels are labelled, and of updates (Adam, batches of 20). Beside it the best threshold
of brightness.

Then FCN-32s, FCN-16s and FCN-8s (Long, Shelhamer, Darrell 2015) learn to find and name two digits
in a noisy scene. Each is trained at once, not stage by stage, from the same first weights and with
the same batches (Adam, 16 scenes); no layer has learned anything before. Measured: mean IoU over
the digits and the background, accuracy of the pixels up to some distance from a boundary between
labels, and beyond.

Quick: everything is a quarter of the published size, strides 8, 4, 2 and digits of 28 pixels, of
the kinds 0, 1 and 2 alone. Full: strides 32, 16, 8, digits of 112 pixels, ten kinds. The published
networks are VGG-16, trained for naming before, on photographs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from defib.records.chart import Bars, Chart, Image, ImageGrid, ImageKind, Lines
from defib.records.study import StudyResult, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.pictures import bars, bars_in_order, curve
from defib.studies.pixels import pixel_table, pixels_in
from defib.studies.segmentation.claims import claims
from defib.studies.segmentation.scenes import (
    LABELS,
    SCENE,
    SHOWN,
    TRUTH,
    VARIANTS,
    SceneTask,
    scene_outcome,
    shown_name,
)
from defib.studies.segmentation.transfer import (
    ARMS,
    THRESHOLD,
    TRANSPOSED,
    UPSAMPLING,
    WITH_SKIP,
    TransferTask,
    transfer,
)
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table

DECODERS = (UPSAMPLING, TRANSPOSED, THRESHOLD, WITH_SKIP)


@final
@dataclass(frozen=True)
class Config:
    """The sizes of the two experiments."""

    seeds: int
    transfer: TransferTask
    scenes: SceneTask


QUICK = Config(
    seeds=4,
    transfer=TransferTask(6000, 5, 1000, (20, 100, 500), (10, 30, 100, 250)),
    scenes=SceneTask(3, 500, 300, 1, (8, 16, 32), epochs=5, learning_rate=5e-3),
)
FULL = Config(
    seeds=5,
    transfer=TransferTask(
        60_000, 10, 10_000, (20, 100, 500, 2500, 12_500), (10, 30, 100, 1000, 5000), device="auto"
    ),
    scenes=SceneTask(
        10, 10_000, 2000, 4, (16, 32, 64, 128, 128), epochs=30, learning_rate=1e-3, device="auto"
    ),
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    moved, scenes = transfer(config.transfer, seed), scene_outcome(config.scenes, seed)
    pixels = {"pixels": pixel_table(scenes.pixels)} if seed % MOST_SEEDS == 0 else {}
    return {
        "weights": table("weights annotated updates", "iou", moved.weights),
        "decoders": table("decoder", "iou", moved.decoders),
        "classifier": table("", "accuracy", [(moved.accuracy,)]),
        "scenes": table("network", "mean_iou pixel_accuracy", scenes.networks),
        "boundary": table("network distance", "within beyond", scenes.boundary),
        "structure": table("network", "last_upsampling difference", scenes.structure),
        TABLE: watched_table((*moved.watched, *scenes.watched)),
    } | pixels


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return (
        _weights_chart(result),
        _decoders_chart(result),
        _skips_chart(result),
        _scenes_chart(result),
    )


def _weights_chart(result: StudyResult) -> Chart:
    weights = result.tables["weights"]
    panels = tuple(
        Lines(
            "updates",
            "IoU of the ink",
            tuple(
                curve(weights, each, "updates", "iou", weights=each, annotated=annotated)
                for each in ARMS
            ),
            f"{annotated} labelled images",
            is_log_x=True,
            limits=(0.0, 0.8),
        )
        for annotated in weights.distinct("annotated")
    )
    return Chart(
        "weights",
        "A classifier's weights in a segmentation network",
        "IoU of the ink on held-out images by the number of updates, with intervals over the "
        "seeds; a panel for each number of training images whose pixels are labelled. The "
        "classifier's weights give a head start, which more images and more updates use up.",
        panels,
        columns=3,
        height=320,
        shares_y=True,
    )


def _decoders_chart(result: StudyResult) -> Chart:
    decoders = result.tables["decoders"]
    return Chart(
        "decoders",
        "From 3 x 3 maps to 9 x 9 pixels",
        "IoU of the ink from random first weights, with as many labelled images and updates as "
        "there are, and with intervals over the seeds. Beside the networks the best threshold of "
        "brightness, which knows each pixel alone.",
        (
            Bars(
                DECODERS,
                (bars_in_order(decoders, "IoU", "iou", "decoder", DECODERS),),
                "IoU of the ink",
                limits=(0.0, 0.8),
            ),
        ),
        height=260,
    )


def _skips_chart(result: StudyResult) -> Chart:
    scenes, boundary = result.tables["scenes"], result.tables["boundary"]
    return Chart(
        "skips",
        "FCN-32s, FCN-16s and FCN-8s",
        "Left: mean IoU over the digits and the background, on held-out scenes. Right: accuracy of "
        "the pixels up to a distance from a boundary between two labels. Intervals over the seeds.",
        (
            Bars(tuple(VARIANTS), (bars(scenes, "mean IoU", "mean_iou"),), "mean IoU"),
            Bars(
                tuple(f"{each}" for each in boundary.distinct("distance")),
                tuple(bars(boundary, each, "within", network=each) for each in VARIANTS),
                "accuracy",
                x_label=f"{_unit(result)} from a boundary, at most",
            ),
        ),
        columns=2,
        height=280,
    )


def _scenes_chart(result: StudyResult) -> Chart:
    columns = (SCENE, TRUTH, *VARIANTS)
    kinds = range(_scene_setting(result, "kinds"))

    def image(name: str, number: int) -> Image:
        is_scene = name == SCENE
        # From 0 to 1 as greys, or the labels themselves.
        high = 1.0 if is_scene else LABELS
        found = pixels_in(result.by_seed("pixels"), shown_name(name, number), 0.0, high)
        return Image(found, ImageKind.GREY if is_scene else ImageKind.CLASSES)

    return Chart(
        "scenes",
        "What the networks see in held-out scenes",
        "Of the first seed: three scenes, the label of each pixel, and the labels that each "
        "network gives. The coarse network says which digit is where; strokes come with the skips.",
        (
            ImageGrid(
                tuple(tuple(image(name, at) for name in columns) for at in range(SHOWN)),
                columns,
                classes=("page", *map(str, kinds)),
            ),
        ),
        height=460,
    )


def _unit(result: StudyResult) -> str:
    """Of distances in a scene."""
    size = _scene_setting(result, "enlargement")
    return "pixels" if size == 1 else f"times {size} pixels"


def _scene_setting(result: StudyResult, name: str) -> int:
    task = result.config["scenes"]
    assert isinstance(task, Mapping), task
    return int(task[name])


STUDY = Study(("B10", "B11"), QUICK, FULL, measure, claims, figures, dataset="mnist")
