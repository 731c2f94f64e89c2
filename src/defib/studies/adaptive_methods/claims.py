"""What the study `adaptive-methods` decides."""

from __future__ import annotations

import math

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.adaptive_methods.trainings import (
    ADADELTA,
    ADAGRAD,
    ADAM,
    L2_ONLY,
    METHODS,
    NESTEROV,
    RMSPROP,
    WITH_DROPOUT,
)
from defib.studies.intervals import (
    Interval,
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    numbers_of,
    ratio_interval,
    together,
)
from defib.studies.silence import silence_claim

SPREAD = 0.05
"""Of test accuracy between the best and the worst method of a seed: what counts as small."""
GUESSING = math.log(10)
"""Cross-entropy of ten equally likely classes, in nats."""
STUCK = 0.9 * GUESSING
ROUNDING = 1e-12
"""Of outputs in float64 of the order of 1 to 100."""
GARBIN = "Garbin, Zhu, Marques (2020), Multimedia Tools and Applications 79, and its logs"


def claims(result: StudyResult) -> tuple[Claim, ...]:
    """On the methods, on dropout, on its two forms, on defaults, on defib's silence."""
    return (
        *_method_claims(result),
        *_dropout_claims(result),
        _time_claim(result),
        *_inference_claims(result),
        *_default_claims(result),
        silence_claim(result),
    )


def _method_claims(result: StudyResult) -> tuple[Claim, ...]:
    final = _final(result.by_seed("curves")).where(regularisation=L2_ONLY)

    def lower(method: str, other: str) -> Interval:
        return difference_interval(
            final.numbers("train_loss", method=other), final.numbers("train_loss", method=method)
        )

    adam, nesterov = lower(ADAM, ADAGRAD), lower(NESTEROV, RMSPROP)
    by_seed = [final.numbers("test_accuracy", seed=seed) for seed in final.distinct("seed")]
    spread = mean_interval(max(each) - min(each) for each in by_seed)
    return (
        Claim(
            "adam-below-adagrad",
            "With L2 the training loss of Adam ends below that of AdaGrad.",
            above(adam, 0.0),
            adam.as_numbers("loss_lower"),
            Published(
                "on CIFAR-10, convolutional network: Adam far below AdaGrad after the first epochs",
                "Kingma, Ba (2015), arXiv:1412.6980, Figure 3",
                Sureness.REMEMBERED,
            ),
            reason="This dense network is trained for few updates, in which AdaGrad's sum has not "
            "yet grown so far that its steps die out.",
        ),
        Claim(
            "momentum-helps-rmsprop",
            "With L2 the training loss of RMSProp with Nesterov momentum ends below that of "
            "RMSProp, at a learning rate with the same final step.",
            above(nesterov, 0.0),
            nesterov.as_numbers("loss_lower"),
        ),
        Claim(
            "no-method-far-ahead",
            f"With L2 the best and the worst method differ by less than {SPREAD:.0%} of test "
            "accuracy.",
            below(spread, SPREAD),
            spread.as_numbers("best_less_worst"),
            Published(
                "15 optimisers on 8 problems: no dominant method",
                "Schmidt, Schneider, Hennig (2021), arXiv:2007.01547, README of its repository",
                Sureness.READ,
            ),
        ),
    )


def _final(curves: Table) -> Table:
    """The rows of the last epoch."""
    return curves.where(epoch=curves.distinct("epoch")[-1])


def _dropout_claims(result: StudyResult) -> tuple[Claim, ...]:
    final = _final(result.by_seed("curves"))

    def gained(column: str) -> dict[str, Interval]:
        return {
            method: difference_interval(
                *(
                    final.numbers(column, method=method, regularisation=each)
                    for each in (WITH_DROPOUT, L2_ONLY)
                )
            )
            for method in METHODS
        }

    loss, accuracy = gained("train_loss"), gained("test_accuracy")
    return (
        Claim(
            "dropout-slows",
            "With dropout the training loss, in evaluation mode, ends higher for every method.",
            together(*(above(each, 0.0) for each in loss.values())),
            numbers_of(loss, "loss_higher with {}"),
        ),
        Claim(
            "dropout-helps",
            "With dropout the test accuracy ends higher for every method.",
            together(*(above(each, 0.0) for each in accuracy.values())),
            numbers_of(accuracy, "accuracy_gained with {}"),
            Published(
                "convolutional network on CIFAR-10: dropout after all layers lowers the test "
                "accuracy, 80.4 % to 75.8 %",
                GARBIN,
                Sureness.READ,
                {"accuracy_gained": -0.047},
            ),
            reason="Dropout brings training and test accuracy close to each other, but in so few "
            "epochs it slows the training by more than that gains.",
        ),
    )


def _time_claim(result: StudyResult) -> Claim:
    time = result.by_seed("time")
    seconds = [
        [
            sum(time.numbers("seconds_per_epoch", regularisation=kind, seed=seed))
            for seed in time.distinct("seed")
        ]
        for kind in (WITH_DROPOUT, L2_ONLY)
    ]
    ratio = ratio_interval(*seconds)
    return Claim(
        "dropout-takes-time",
        "An epoch of all five methods together takes longer with dropout than without.",
        above(ratio, 1.0),
        ratio.as_numbers("times_as_long"),
        Published(
            "MNIST, 2 hidden layers, 50 epochs: 161 s with dropout, 137 s without",
            GARBIN,
            Sureness.READ,
            {"times_as_long": 161 / 137},
        ),
    )


def _inference_claims(result: StudyResult) -> tuple[Claim, ...]:
    inference = result.by_seed("inference")
    scaled, noisy = (inference.numbers(f"difference_{each}") for each in ("scaled", "in_training"))
    return (
        Claim(
            "scaling-equals-inverted",
            "Dropout without scaling and weights scaled for inference give the outputs of inverted "
            f"dropout, to {ROUNDING:g} in float64, for every trained network.",
            always(each <= ROUNDING for each in scaled),
            {
                "largest_difference": max(scaled),
                "largest_difference_without_scaling": max(inference.numbers("difference_unscaled")),
            },
            Published(
                "weights are multiplied by the retain probability at test time",
                "Srivastava and others (2014), JMLR 15, Section 4",
                Sureness.DERIVED,
            ),
        ),
        Claim(
            "training-is-the-same",
            "For the same masks both forms give the same outputs in training, to "
            f"{ROUNDING:g} in float64, for every trained network.",
            always(each <= ROUNDING for each in noisy),
            {"largest_difference": max(noisy)},
            Published(
                "exact, for weights divided by the retain probability",
                "W·(m∘x/k) = (W/k)·(m∘x)",
                Sureness.DERIVED,
            ),
        ),
    )


def _default_claims(result: StudyResult) -> tuple[Claim, ...]:
    ours = _final(result.by_seed("curves")).where(regularisation=L2_ONLY)
    keras = _final(result.by_seed("of-keras"))

    def loss(table: Table, method: str) -> tuple[float, ...]:
        return table.numbers("train_loss", method=method)

    stuck, moved = (mean_interval(loss(each, ADADELTA)) for each in (keras, ours))
    slower = difference_interval(loss(keras, ADAGRAD), loss(ours, ADAGRAD))
    return (
        Claim(
            "adadelta-of-keras-hardly-moves",
            "With Keras's default learning rate of 0.001 AdaDelta's training loss stays above 90 % "
            "of guessing, with the paper's factor of 1 it does not.",
            together(above(stuck, STUCK), below(moved, STUCK)),
            stuck.as_numbers("loss_with_keras_default") | moved.as_numbers("loss_with_paper"),
            Published("the docstring: 1.0 to match the paper", "Keras 3.15 source", Sureness.READ),
        ),
        Claim(
            "adagrad-of-keras-is-slower",
            "With Keras's defaults AdaGrad's training loss ends above that with torch's.",
            above(slower, 0.0),
            slower.as_numbers("loss_higher"),
        ),
    )
