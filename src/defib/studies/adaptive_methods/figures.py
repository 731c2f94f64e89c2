"""The pictures of the study `adaptive-methods`."""

from __future__ import annotations

from collections.abc import Mapping

from defib.records.chart import Bars, Chart, Lines, Mark
from defib.records.study import StudyResult, Table
from defib.studies.adaptive_methods.claims import GUESSING
from defib.studies.adaptive_methods.trainings import (
    ADADELTA,
    ADAGRAD,
    L2_ONLY,
    METHODS,
    REGULARISATIONS,
)
from defib.studies.pictures import bars, curve


def figures(result: StudyResult) -> tuple[Chart, ...]:
    """Training loss, accuracies, time, the two forms of dropout, defaults."""
    tables = result.tables
    return (
        _losses(tables["curves"]),
        _accuracies(tables["curves"]),
        _time(tables["time"]),
        _inference(tables["inference"]),
        _defaults(tables),
    )


def _losses(curves: Table) -> Chart:
    def panel(kind: str, column: str, label: str) -> Lines:
        lines = tuple(
            curve(curves, method, "epoch", column, method=method, regularisation=kind)
            for method in METHODS
        )
        return Lines("epoch", label, lines, kind)

    last = curves.distinct("epoch")[-1]
    ends = curves.where(epoch=last, regularisation=L2_ONLY)
    said = ", ".join(
        f"{method} {ends.numbers('train_loss', method=method)[0]:.2f}" for method in METHODS
    )
    return Chart(
        "training-loss",
        "Training loss of the five methods",
        "Above as it is trained, a mean over the steps of an epoch; below on all training images "
        f"in evaluation mode. Evaluation at the end, with L2: {said}.",
        (
            *(panel(kind, "step_loss", "loss of the steps in nats") for kind in REGULARISATIONS),
            *(panel(kind, "train_loss", "evaluated loss in nats") for kind in REGULARISATIONS),
        ),
        columns=2,
        height=250,
        shares_y=True,
    )


def _accuracies(curves: Table) -> Chart:
    final = curves.where(epoch=curves.distinct("epoch")[-1])

    def panel(column: str, label: str) -> Bars:
        series = tuple(bars(final, kind, column, regularisation=kind) for kind in REGULARISATIONS)
        return Bars(tuple(METHODS), series, label, marks=(Mark("guessing", 0.1),))

    best = max(final.numbers("test_accuracy"))
    return Chart(
        "accuracy",
        "Accuracy at the end, with and without dropout",
        "In evaluation mode, with intervals over the seeds. The best mean test accuracy is "
        f"{best:.3f}.",
        (panel("train_accuracy", "training accuracy"), panel("test_accuracy", "test accuracy")),
        height=260,
    )


def _time(time: Table) -> Chart:
    series = tuple(
        bars(time, kind, "seconds_per_epoch", regularisation=kind) for kind in REGULARISATIONS
    )
    return Chart(
        "time",
        "Time of an epoch, with and without dropout",
        "Wall time of an epoch that nobody watches, with intervals over the seeds. These numbers "
        "differ from run to run.",
        (Bars(tuple(METHODS), series, "seconds of an epoch"),),
        height=260,
    )


def _inference(inference: Table) -> Chart:
    series = (
        bars(inference, "inverted dropout", "accuracy"),
        bars(inference, "unscaled dropout, weights scaled", "accuracy_scaled"),
        bars(inference, "unscaled dropout, nothing scaled", "accuracy_unscaled"),
    )
    largest = max(inference.numbers("difference_scaled"))
    return Chart(
        "inference",
        "Test accuracy of networks with dropout, by the form of inference",
        "Scaled weights and inverted dropout are the same function; the largest difference of an "
        f"output is {largest:.1g} in the mean over the seeds. Without any scaling the outputs are "
        "others.",
        (Bars(tuple(METHODS), series, "test accuracy", marks=(Mark("guessing", 0.1),)),),
        height=280,
    )


def _defaults(tables: Mapping[str, Table]) -> Chart:
    ours, keras = tables["curves"].where(regularisation=L2_ONLY), tables["of-keras"]
    panels = tuple(
        Lines(
            "epoch",
            "loss of the steps in nats",
            (
                curve(ours, "settings of this study", "epoch", "step_loss", method=method),
                curve(keras, "Keras's defaults", "epoch", "step_loss", method=method),
            ),
            method,
            marks=(Mark("guessing", GUESSING),),
        )
        for method in (ADAGRAD, ADADELTA)
    )
    return Chart(
        "defaults",
        "What the defaults of Keras do",
        "Training loss with the settings of this study and with Keras's defaults (learning rate "
        "0.001 for both, AdaGrad's sum from 0.1, AdaDelta's ε 1e-7), in torch's implementation. "
        "The table `defaults` has all settings.",
        panels,
        columns=2,
        height=280,
    )
