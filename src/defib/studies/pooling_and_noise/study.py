"""Does pooling help against noise, and which pooling?

Three networks are trained on MNIST without noise, from the same first weights and in the same
order of the images: two convolutions 3x3 (8 and 16 channels) with ReLU, whose maps are halved by
the maximum of 2x2, by their average, or by a stride of 2 instead of pooling; then a dense layer.
All have the same parameters. (Adam with 0.002, batches of 64.) Then noise is added to the test
images, the same for all three: Gaussian, with a deviation in units of that of the pixels, and
specks, a share of the pixels that become black or white.

Why: independent noise of deviation 1 in four pixels has a deviation of 1/2 in their average and of
0.70 in their maximum, which it moves up by 1.03 (the moments of the largest of four normal
numbers); a stride takes one of the four as it is. Measured in the trained networks as well: the
change that Gaussian noise of deviation 1 makes to the output of each stage, relative to the
deviation of that output between images; with and without the mean change of each output, which
later layers could make good for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn
from torch.nn import functional

from defib.networks.downsampling import downsampling_network
from defib.records.chart import Bars, Chart, Lines
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.diagnosed import watched
from defib.studies.handwriting import (
    DATASET,
    EDGE,
    PUBLISHED,
    adam,
    digits,
    placed,
    seed_training,
)
from defib.studies.image_sets import Images, ImageScale
from defib.studies.intervals import (
    Interval,
    above,
    difference_interval,
    mean_interval,
    numbers_of,
    ratio_interval,
    together,
    within,
)
from defib.studies.pictures import bars, curve
from defib.studies.pooling_and_noise.pixel_noise import changes, gaussian, specks
from defib.studies.silence import TABLE, silence_claim, watched_table
from defib.studies.tables import table
from defib.training.in_memory import quality, train_epoch

MAXIMUM, AVERAGE, STRIDE = "maximum", "average", "stride"
POOLINGS: Mapping[str, Callable[[int], nn.Module] | None] = {
    MAXIMUM: nn.MaxPool2d,
    AVERAGE: nn.AvgPool2d,
    STRIDE: None,
}
STAGES = ("first stage", "second stage", "scores")
BATCH_SIZE, LEARNING_RATE = 64, 2e-3
GAUSSIAN, SPECKS = "gaussian", "specks"
X_LABELS = {
    GAUSSIAN: "deviation of the noise (of the pixels: 1)",
    SPECKS: "share of black and white specks",
}
PROBED = 1.0
"""Deviation of the Gaussian noise whose effect on each stage is measured."""
AVERAGE_DEVIATION, MAXIMUM_DEVIATION = 0.5, 0.70122
"""Of the average and the maximum of four independent standard normal numbers."""
TOLERANCE = 0.01
"""Of these deviations (relative), and of accuracy: what counts as the same."""


@final
@dataclass(frozen=True)
class Config:
    """`deviations` of Gaussian noise, in units of the pixels', and `shares` of specks.

    Claims compare the networks at `judged_deviation` and `judged_share`, which are among them.
    """

    seeds: int
    scale: ImageScale
    epochs: int
    deviations: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
    shares: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3)
    judged_deviation: float = 1.0
    judged_share: float = 0.1


QUICK = Config(seeds=8, scale=ImageScale(5_000, 2_000, EDGE), epochs=4)
FULL = Config(seeds=10, scale=PUBLISHED, epochs=10)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = digits(config.scale, seed)
    accuracies, changed, found = [], [], []
    for name, pooling in POOLINGS.items():
        with watched() as judged:
            network = _trained(config, data, pooling, seed)
        found.append((name, judged.rules))
        for kind, strength, images in _noisy(config, data.validation_images, seed):
            reached = quality(network, images, data.validation_labels)
            accuracies.append((name, kind, strength, reached.accuracy))
        noisy = gaussian(data.validation_images, PROBED, seed)
        change = changes(network, data.validation_images, noisy)
        changed += [(name, stage, *both) for stage, both in zip(STAGES, change, strict=True)]
    return {
        "accuracy": table("pooling noise strength", "accuracy", accuracies),
        "change": table("pooling stage", "relative_change relative_fluctuation", changed),
        "four": table("pooling", "deviation shift", _of_four(data.validation_images, seed)),
        TABLE: watched_table(found),
    }


def _trained(
    config: Config, data: Images, pooling: Callable[[int], nn.Module] | None, seed: int
) -> nn.Sequential:
    seed_training(seed)
    network = placed(downsampling_network(pooling, edge=config.scale.edge), config.scale)
    optimizer, batches = adam(network, LEARNING_RATE), data.batches(BATCH_SIZE)
    for _ in range(config.epochs):
        train_epoch(network, optimizer, batches)
        data.quality(network)
    return network


def _noisy(config: Config, images: Tensor, seed: int) -> Iterator[tuple[str, float, Tensor]]:
    for deviation in config.deviations:
        yield GAUSSIAN, deviation, gaussian(images, deviation, seed)
    for share in config.shares:
        yield SPECKS, share, specks(images, share, seed)


def _of_four(images: Tensor, seed: int) -> list[tuple[str, float, float]]:
    """Deviation and mean of what is left of noise of deviation 1 alone."""
    noise = gaussian(images.new_zeros(images.shape), 1.0, seed).double()
    pooled = {
        MAXIMUM: functional.max_pool2d(noise, 2),
        AVERAGE: functional.avg_pool2d(noise, 2),
        STRIDE: noise[..., ::2, ::2],
    }
    return [(name, float(each.std()), float(each.mean())) for name, each in pooled.items()]


def claims(result: StudyResult) -> tuple[Claim, ...]:
    accuracy, config = result.by_seed("accuracy"), result.config
    judged = {
        "Gaussian noise of deviation": (GAUSSIAN, float(str(config["judged_deviation"]))),
        "specks in a share of": (SPECKS, float(str(config["judged_share"]))),
    }
    return (
        *(
            _better(accuracy, pooling, f"{words} {strength:g}", kind, strength=strength)
            for words, (kind, strength) in judged.items()
            for pooling in (AVERAGE, MAXIMUM)
        ),
        _same_without_noise(accuracy),
        _order_of_change(result.by_seed("change")),
        _noise_of_four(result.by_seed("four")),
        silence_claim(result),
    )


def _better(accuracy: Table, pooling: str, words: str, kind: str, *, strength: float) -> Claim:
    gain = _difference(accuracy, pooling, STRIDE, noise=kind, strength=strength)
    return Claim(
        f"{pooling}-against-{kind}",
        f"Under {words} the network with the {pooling} is more accurate than the one with a "
        f"{STRIDE}.",
        above(gain, 0.0),
        gain.as_numbers("accuracy_gained"),
        reason="Under noise, networks of different first weights differ more than the poolings do.",
    )


def _difference(accuracy: Table, left: str, right: str, **where: str | float) -> Interval:
    return difference_interval(
        accuracy.numbers("accuracy", pooling=left, **where),
        accuracy.numbers("accuracy", pooling=right, **where),
    )


def _same_without_noise(accuracy: Table) -> Claim:
    gaps = {
        other: _difference(accuracy, other, STRIDE, noise=GAUSSIAN, strength=0.0)
        for other in (MAXIMUM, AVERAGE)
    }
    return Claim(
        "same-without-noise",
        f"Without noise neither pooling differs from the stride by more than {TOLERANCE} of "
        "accuracy.",
        together(*(within(gap, -TOLERANCE, TOLERANCE) for gap in gaps.values())),
        numbers_of(gaps, "{}_gained"),
        reason="The maximum reads images without noise better than the stride.",
    )


def _order_of_change(change: Table) -> Claim:
    first = {
        name: change.numbers("relative_change", pooling=name, stage=STAGES[0]) for name in POOLINGS
    }
    steps = {
        f"{more} over {less}": ratio_interval(first[more], first[less])
        for less, more in ((AVERAGE, MAXIMUM), (MAXIMUM, STRIDE))
    }
    return Claim(
        "less-noise-passes",
        "After the first stage noise changes the output least with the average, more with the "
        "maximum and most with the stride.",
        together(*(above(ratio, 1.0) for ratio in steps.values())),
        numbers_of(steps),
        reason="The maximum moves noise up. Without the mean change of each output, the second "
        "picture, it passes about as much as the stride, not more; still less with the average.",
    )


def _noise_of_four(four: Table) -> Claim:
    expected = {AVERAGE: AVERAGE_DEVIATION, MAXIMUM: MAXIMUM_DEVIATION, STRIDE: 1.0}
    found = {name: mean_interval(four.numbers("deviation", pooling=name)) for name in expected}
    return Claim(
        "noise-of-four-pixels",
        "Pooling four pixels of noise leaves of its deviation what theory says, to 1 %.",
        together(
            *(
                within(found[name], value * (1 - TOLERANCE), value * (1 + TOLERANCE))
                for name, value in expected.items()
            )
        ),
        {name: each.estimate for name, each in found.items()},
        Published(
            "1/√4 of the deviation for the average, 0.7012 for the largest of four normal numbers",
            "order statistics of the normal distribution",
            Sureness.DERIVED,
            expected,
        ),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    change = result.tables["change"]
    panels = tuple(
        Bars(
            STAGES,
            tuple(bars(change, name, column, pooling=name) for name in POOLINGS),
            label,
            x_label="output of the",
        )
        for column, label in (
            ("relative_change", "relative change"),
            ("relative_fluctuation", "without the mean change"),
        )
    )
    return (
        _accuracy_chart(result.tables["accuracy"]),
        Chart(
            "change",
            "How much of the noise passes each stage",
            "Change by Gaussian noise of deviation 1, relative to the deviation between images, "
            "with intervals over the seeds. Right: without the mean change of each output.",
            panels,
            columns=2,
        ),
    )


def _accuracy_chart(accuracy: Table) -> Chart:
    panels, last = [], ""
    for kind, label in X_LABELS.items():
        lines = tuple(
            curve(accuracy, name, "strength", "accuracy", pooling=name, noise=kind)
            for name in POOLINGS
        )
        last += f" At the most {kind}: " + ", ".join(f"{e.label} {e.y[-1]:.2f}" for e in lines)
        last += "."
        panels.append(Lines(label, "test accuracy", lines, limits=(0.0, 1.0)))
    return Chart(
        "accuracy",
        "Accuracy under pixel noise",
        "Test accuracy with intervals over the seeds, for networks trained without noise." + last,
        tuple(panels),
        columns=2,
    )


STUDY = Study(("E8",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
