"""What the study of segmentation claims."""

from __future__ import annotations

from defib.records.study import Claim, Published, StudyResult, Sureness, Value
from defib.studies.intervals import (
    Interval,
    above,
    always,
    below,
    difference_interval,
    together,
    within,
)
from defib.studies.segmentation.scenes import COARSE, FINE, MIDDLE, VARIANTS
from defib.studies.segmentation.transfer import (
    FROZEN,
    KEPT,
    RANDOM,
    SCRATCH,
    THRESHOLD,
    TRANSPOSED,
    UPSAMPLING,
    WITH_SKIP,
)
from defib.studies.silence import silence_claim

FCN = "Long, Shelhamer, Darrell (2015), arXiv:1411.4038; retrained, github.com/shelhamer/fcn"
SAME = 0.02
"""Of IoU: a difference that hardly matters."""
ROUNDING = 1e-4
"""In units of the largest score; of two ways of adding up products in single precision."""


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (*_of_weights(result), *_of_decoders(result), *_of_skips(result), silence_claim(result))


def _of_weights(result: StudyResult) -> tuple[Claim, ...]:
    weights = result.by_seed("weights")
    fewest, *_, most = weights.distinct("annotated")
    _, early_on, *_, last = weights.distinct("updates")

    def gain(better: str, worse: str, annotated: Value, updates: Value) -> Interval:
        """Of IoU, paired by seed."""
        pair = (
            weights.numbers("iou", weights=each, annotated=annotated, updates=updates)
            for each in (better, worse)
        )
        return difference_interval(*pair)

    early, few = gain(KEPT, SCRATCH, most, early_on), gain(KEPT, SCRATCH, fewest, last)
    late, freed = gain(KEPT, SCRATCH, most, last), gain(KEPT, FROZEN, most, last)
    learned = gain(FROZEN, RANDOM, most, last)
    return (
        Claim(
            "kept-weights-learn-faster",
            f"With {most} labelled images and after {early_on} updates the network that began with "
            "the classifier's weights has the higher IoU.",
            above(early, 0.0),
            early.as_numbers("iou_gained"),
        ),
        Claim(
            "kept-weights-help-with-few-images",
            f"With {fewest} labelled images they give the higher IoU also after {last} updates.",
            above(few, 0.0),
            few.as_numbers("iou_gained"),
        ),
        Claim(
            "the-help-fades",
            f"With {most} labelled images and after {last} updates it no longer matters, to "
            f"{SAME:g} of IoU, whether the classifier's weights were the beginning.",
            within(late, -SAME, SAME),
            late.as_numbers("iou_gained"),
        ),
        Claim(
            "frozen-weights-hold-back",
            f"With {most} labelled images and after {last} updates the classifier's weights give "
            "a higher IoU where they are trained on than where they are frozen.",
            above(freed, 0.0),
            freed.as_numbers("iou_gained_by_training_on"),
        ),
        Claim(
            "the-classifier-has-learned-something-of-use",
            "Frozen, the classifier's weights give a higher IoU than random ones, with as many.",
            above(learned, 0.0),
            learned.as_numbers("iou_gained"),
        ),
    )


def _of_decoders(result: StudyResult) -> tuple[Claim, ...]:
    decoders = result.by_seed("decoders")
    iou = {each: decoders.numbers("iou", decoder=each) for each in decoders.distinct("decoder")}
    transposed = difference_interval(iou[TRANSPOSED], iou[UPSAMPLING])
    without = difference_interval(iou[TRANSPOSED], iou[THRESHOLD])
    skip = difference_interval(iou[WITH_SKIP], iou[THRESHOLD])
    return (
        Claim(
            "transposed-above-upsampling",
            "A transposed convolution gives a higher IoU than bilinear upsampling of one score.",
            above(transposed, 0.0),
            transposed.as_numbers("iou_gained"),
        ),
        Claim(
            "the-coarse-maps-have-lost-the-place",
            "Without the skip the network's IoU is below that of the best threshold of "
            "brightness; with the skip it is above.",
            together(below(without, 0.0), above(skip, 0.0)),
            without.as_numbers("without_skip") | skip.as_numbers("with_skip"),
        ),
    )


def _of_skips(result: StudyResult) -> tuple[Claim, ...]:
    scenes, boundary = result.by_seed("scenes"), result.by_seed("boundary")
    nearest, *_ = boundary.distinct("distance")
    band = f"in the narrowest band along the boundaries (distance {nearest})"
    whole = [scenes.numbers("mean_iou", network=each) for each in VARIANTS]
    near, far = (
        [boundary.numbers(column, network=each, distance=nearest) for each in VARIANTS]
        for column in ("within", "beyond")
    )
    first, second = _steps(whole)
    at_boundary = _steps(near)
    gains = [
        [fine - coarse for coarse, fine in zip(each[0], each[-1], strict=True)]
        for each in (near, far)
    ]
    nearer = difference_interval(*gains)
    shrinks = difference_interval(
        [middle - coarse for coarse, middle in zip(whole[0], whole[1], strict=True)],
        [fine - middle for middle, fine in zip(whole[1], whole[2], strict=True)],
    )
    differences = result.by_seed("structure").numbers("difference")
    return (
        Claim(
            "finer-skips-higher-mean-iou",
            f"{MIDDLE} has a higher mean IoU than {COARSE}, and {FINE} than {MIDDLE}.",
            together(above(first, 0.0), above(second, 0.0)),
            first.as_numbers("first_skip") | second.as_numbers("second_skip"),
            Published(
                "mean IU on PASCAL VOC 63.6, 65.0 and 65.5 %",
                FCN,
                Sureness.READ,
                {"first_skip": 0.014, "second_skip": 0.005},
            ),
        ),
        Claim(
            "the-gain-shrinks",
            "The first skip gains more mean IoU than the second.",
            above(shrinks, 0.0),
            shrinks.as_numbers("more_by_the_first"),
            Published("1.4 and 0.5 % of mean IU", FCN, Sureness.READ, {"more_by_the_first": 0.009}),
        ),
        Claim(
            "finer-skips-better-boundaries",
            f"The same order holds for the accuracy {band}.",
            together(*(above(each, 0.0) for each in at_boundary)),
            at_boundary[0].as_numbers("first_skip") | at_boundary[1].as_numbers("second_skip"),
        ),
        Claim(
            "the-gain-lies-at-the-boundaries",
            f"{FINE} gains more accuracy over {COARSE} {band} than beyond it.",
            above(nearer, 0.0),
            nearer.as_numbers("more_at_the_boundary"),
        ),
        Claim(
            "skips-begin-at-nothing",
            "Before training, each network says what its coarse scores say, doubled once for each "
            "skip and then enlarged.",
            always(each < ROUNDING for each in differences),
            {"greatest_difference": max(differences)},
        ),
    )


def _steps(by_network: list[tuple[float, ...]]) -> tuple[Interval, Interval]:
    """What the first and what the second skip gain, paired by seed."""
    coarse, middle, fine = by_network
    return difference_interval(middle, coarse), difference_interval(fine, middle)
