"""What the study of convolutional against dense networks claims."""

from __future__ import annotations

from defib.records.chart import Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Value
from defib.studies.convolution_against_dense.local_layers import DENSE, LOCAL, SHARED
from defib.studies.intervals import (
    Interval,
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    together,
)
from defib.studies.silence import silence_claim

DIGITS, SHOTS = "MNIST", "screenshots"
CHANCE = Mark("a coin", 0.5)
SHEET_CHANNELS = (3, 100, 100, 100)
SHEET_SIDES = (21, 9, 3)
SHEET_WEIGHTS, SHEET_DENSE = 508_400, 632_408_400
SHEET = "problem set on screenshots"
MOVED = 3
"""Pixels, of digits."""
FITTED, GUESSING = 0.95, 0.65
"""Accuracies with two answers: the training images are known; held-out ones are nearly guessed."""
TIMES = 10
CENTRED = (
    "The digits of MNIST are centred and of one size: a place has a meaning, and weights of its "
    "own may serve it better. On the screenshots, where the number stands anywhere, sharing "
    "decides."
)
ROUNDING = 1e-5
"""Relative, of sums in single precision that are taken in another order."""


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        *_of_sizes(result),
        *_of_examples(result),
        *_of_shifts(result),
        *_of_shots(result),
        silence_claim(result),
    )


def _of_sizes(result: StudyResult) -> tuple[Claim, ...]:
    sheet, costs = result.by_seed("sheet"), result.by_seed("costs")
    sides = [sheet.numbers(each, network=SHARED) for each in ("first", "second", "third")]
    weights = {each: sheet.numbers("weights", network=each) for each in (SHARED, LOCAL, DENSE)}
    digits = {
        each: costs.numbers("parameters", data=DIGITS, network=each)
        for each in (SHARED, LOCAL, DENSE)
    }
    more = [
        many / few
        for fewer, larger in ((SHARED, LOCAL), (LOCAL, DENSE))
        for few, many in zip(digits[fewer], digits[larger], strict=True)
    ]
    return (
        Claim(
            "sizes-of-the-sheet",
            "Three 5 x 5 convolutions of stride 2 without padding make maps of 21 x 21, 9 x 9 and "
            "3 x 3 of 45 x 45 pixels.",
            always(
                size == side for side, of in zip(SHEET_SIDES, sides, strict=True) for size in of
            ),
            {"first": sides[0][0], "second": sides[1][0], "third": sides[2][0]},
            Published("100x21x21, 100x9x9, 100x3x3", SHEET, Sureness.READ),
        ),
        Claim(
            "weights-of-the-sheet",
            "With 100 channels the convolutional network has 508,400 weights, the dense one of as "
            "many units 632,408,400.",
            always(
                [
                    *(each == SHEET_WEIGHTS for each in weights[SHARED]),
                    *(each == SHEET_DENSE for each in weights[DENSE]),
                ]
            ),
            {each: of[0] for each, of in weights.items()},
            Published(
                "about 500 thousand and 632.4 million",
                SHEET,
                Sureness.READ,
                {SHARED: 508_400.0, DENSE: 632.4e6},
            ),
        ),
        Claim(
            "parameters",
            f"On {DIGITS} the locally connected network has at least {TIMES} times the parameters "
            "of the convolutional one, and the dense one that many times those.",
            always(each >= TIMES for each in more),
            {each: of[0] for each, of in digits.items()},
        ),
    )


def _of_examples(result: StudyResult) -> tuple[Claim, ...]:
    accuracy = result.by_seed("accuracy").where(data=DIGITS)
    fewest, *_, most = accuracy.distinct("examples")

    def gain(better: str, worse: str, examples: Value) -> Interval:
        """Of accuracy, paired by seed."""
        pair = (
            accuracy.numbers("accuracy", network=each, examples=examples)
            for each in (better, worse)
        )
        return difference_interval(*pair)

    shared, local = gain(SHARED, DENSE, fewest), gain(LOCAL, DENSE, fewest)
    sharing = gain(SHARED, LOCAL, fewest)
    enough = [gain(SHARED, each, most) for each in (LOCAL, DENSE)]
    return (
        Claim(
            "sharing-helps-with-few-examples",
            f"With {fewest} digits the convolutional network is right more often than the locally "
            "connected and than the dense one.",
            together(above(sharing, 0.0), above(shared, 0.0)),
            sharing.as_numbers("above_local") | shared.as_numbers("above_dense"),
            reason=CENTRED,
        ),
        Claim(
            "locality-alone-helps",
            f"With {fewest} digits the locally connected network is right more often than the "
            "dense one.",
            above(local, 0.0),
            local.as_numbers("above_dense"),
        ),
        Claim(
            "sharing-helps-with-many-examples",
            f"With {most} digits it still is right more often than both.",
            together(*(above(each, 0.0) for each in enough)),
            enough[0].as_numbers("above_local") | enough[1].as_numbers("above_dense"),
            reason=CENTRED,
        ),
    )


def _of_shifts(result: StudyResult) -> tuple[Claim, ...]:
    shifts, maps = result.by_seed("shifts"), result.by_seed("first-maps")

    def lost(network: str) -> list[float]:
        still, moved = (
            shifts.numbers("accuracy", network=network, pixels=each) for each in (0, MOVED)
        )
        return [before - after for before, after in zip(still, moved, strict=True)]

    spared = {each: difference_interval(lost(each), lost(SHARED)) for each in (LOCAL, DENSE)}
    alike, apart = (maps.numbers("shift_error", network=each) for each in (SHARED, LOCAL))
    return (
        Claim(
            "sharing-bears-shifts",
            f"Moved by {MOVED} pixels, digits cost the convolutional network less accuracy than "
            "the locally connected and than the dense one.",
            together(*(above(each, 0.0) for each in spared.values())),
            spared[LOCAL].as_numbers("less_than_local")
            | spared[DENSE].as_numbers("less_than_dense"),
        ),
        Claim(
            "maps-move-with-the-image",
            "The first maps of a convolution move with the image, exactly; without sharing they "
            "do not, after training, by more than a tenth of themselves.",
            always([*(each < ROUNDING for each in alike), *(each > 0.1 for each in apart)]),
            {"convolutional_at_most": max(alike), "locally_connected_at_least": min(apart)},
        ),
    )


def _of_shots(result: StudyResult) -> tuple[Claim, ...]:
    shots = result.by_seed("accuracy").where(data=SHOTS)
    most = shots.distinct("examples")[-1]
    right, known = (
        {
            kind: shots.numbers(column, network=kind, examples=most)
            for kind in (SHARED, LOCAL, DENSE)
        }
        for column in ("accuracy", "train_accuracy")
    )
    better = {each: difference_interval(right[SHARED], right[each]) for each in (LOCAL, DENSE)}
    guessed, fitted = mean_interval(right[DENSE]), mean_interval(known[DENSE])
    return (
        Claim(
            "sharing-reads-anywhere",
            f"From {most} screenshots the convolutional network learns more about new ones than "
            "the locally connected and than the dense one.",
            together(*(above(each, 0.0) for each in better.values())),
            better[LOCAL].as_numbers("above_local") | better[DENSE].as_numbers("above_dense"),
        ),
        Claim(
            "dense-learns-by-heart",
            f"The dense network is right on more than {FITTED:.0%} of the screenshots it was "
            f"trained on, and on fewer than {GUESSING:.0%} of new ones.",
            together(above(fitted, FITTED), below(guessed, GUESSING)),
            fitted.as_numbers("training") | guessed.as_numbers("held_out"),
            Published("fits the training data, at chance on new questions", SHEET, Sureness.READ),
        ),
    )
