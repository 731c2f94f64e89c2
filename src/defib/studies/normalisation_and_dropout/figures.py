"""The pictures of the study `normalisation-and-dropout`."""

from __future__ import annotations

import numpy as np

from defib.records.chart import Bars, BarSeries, Chart, Line, Lines, Mark, Violin, Violins
from defib.records.study import StudyResult, Table
from defib.studies.normalisation_and_dropout.arms import ARMS, BOTH, INPUT_TOO, PLAIN, WITH_NORM
from defib.studies.pictures import bars, bars_in_order, curve

LEVELS = np.linspace(0.0, 1.0, 41)
"""Of the quantiles of a violin."""


def figures(result: StudyResult) -> tuple[Chart, ...]:
    """Curves, learned parameters, differences, co-adaptation, both kinds of shift."""
    tables = result.tables
    return (
        _curves(tables["curves"]),
        _differences(tables["differences"]),
        _violins(result.by_seed("channels")),
        _co_adaptation(tables["correlation"], tables["removal"]),
        _drift(tables["drift"]),
        _variance(tables["variance"]),
    )


def _curves(curves: Table) -> Chart:
    def panel(column: str, label: str) -> Lines:
        lines = tuple(curve(curves, arm, "epoch", column, arm=arm) for arm in ARMS)
        return Lines("epoch", label, lines)

    accuracy = {arm: curves.numbers("test_accuracy", arm=arm)[-1] for arm in ARMS}
    return Chart(
        "curves",
        "Loss and accuracy of the five arms",
        "By epoch, in evaluation mode, with intervals over the seeds. Test accuracy at the end: "
        + ", ".join(f"{arm} {each:.3f}" for arm, each in accuracy.items())
        + ".",
        (
            panel("train_loss", "training loss in nats"),
            panel("test_loss", "test loss in nats"),
            panel("train_accuracy", "training accuracy"),
            panel("test_accuracy", "test accuracy"),
        ),
        columns=2,
        height=270,
    )


def _differences(differences: Table) -> Chart:
    others = ARMS[1:]
    pairs = [f"{arm} − {PLAIN}" for arm in others]

    def panel(column: str, label: str) -> Bars:
        series = bars_in_order(differences, label, column, "pair", pairs)
        return Bars(others, (series,), label, marks=(Mark("plain", 0.0),))

    gained = differences.numbers("test_accuracy", pair=pairs[0])[0]
    return Chart(
        "differences",
        "Which differences from the plain network survive the seeds",
        "At the end of the training, paired by seed; a difference survives where its interval "
        f"leaves out 0. Batch normalisation gains {gained:+.3f} of accuracy. The table "
        "`differences` has all pairs.",
        (
            panel("test_accuracy", "test accuracy gained"),
            panel("test_loss", "test loss added, in nats"),
        ),
        columns=2,
        height=280,
    )


def _violins(channels: Table) -> Chart:
    def violins(arm: str, column: str) -> tuple[Violin, ...]:
        part = channels.where(arm=arm)
        return tuple(
            Violin(
                "in" if layer == "images" else str(layer).removeprefix("hidden "),
                tuple(np.quantile(part.numbers(column, layer=layer), LEVELS).tolist()),
            )
            for layer in part.distinct("layer")
        )

    panels = tuple(
        Violins(
            f"learned {letter}" if arm == WITH_NORM[0] else "",
            violins(arm, column),
            arm if column == "gamma" else "",
            "layer",
        )
        for column, letter in (("gamma", "γ"), ("beta", "β"))
        for arm in WITH_NORM
    )
    gammas = channels.numbers("gamma")
    return Chart(
        "violins",
        "What batch normalisation learns: γ above, β below",
        "The values of all channels or units of a layer, of all seeds together; the bar is the "
        "median. `in`: the images, one value for each seed. At the start every γ is 1 and every β "
        f"0; γ ends between {min(gammas):.2f} and {max(gammas):.2f}.",
        panels,
        columns=len(WITH_NORM),
        height=230,
        shares_y=False,
    )


def _co_adaptation(correlation: Table, removal: Table) -> Chart:
    layers = tuple(str(each) for each in correlation.distinct("layer"))
    series = tuple(bars(correlation, arm, "correlation", arm=arm) for arm in ARMS)
    lines = tuple(curve(removal, arm, "removed", "accuracy", arm=arm) for arm in ARMS)
    names = tuple(layer.replace("dense", "dense layer ") for layer in layers)
    return Chart(
        "co-adaptation",
        "Co-adaptation of the units of the dense hidden layers",
        "Left: mean absolute correlation between the units of a layer. Right: test accuracy when "
        "a share of these units, drawn by lot, puts out zero.",
        (
            Bars(names, series, "mean |correlation|"),
            Lines("share of units removed", "test accuracy", lines),
        ),
        columns=2,
        height=320,
    )


def _drift(drift: Table) -> Chart:
    def line(arm: str, layer: str) -> Line:
        return curve(drift, arm, "epoch", "drift", arm=arm, layer=layer)

    layers = tuple(str(each) for each in drift.distinct("layer"))
    panels = tuple(
        Lines(
            "epoch",
            "shift in σ per epoch",
            tuple(line(arm, layer) for arm in ARMS),
            f"input of {layer}",
            is_log_y=True,
        )
        for layer in layers
    )
    return Chart(
        "drift",
        "Internal covariate shift: how far a layer's input moves in an epoch",
        "Root mean square over the channels of the change of mean and deviation, in standard "
        "deviations of the input before the epoch; the mean over the seeds with its interval.",
        panels,
        columns=2,
        height=260,
    )


def _variance(variance: Table) -> Chart:
    layers = tuple(str(each) for each in variance.distinct("layer"))
    series: tuple[BarSeries, ...] = (
        bars(variance, "no dropout: evaluation / remembered", "remembered", arm=INPUT_TOO),
        bars(variance, "both: evaluation / remembered", "remembered", arm=BOTH),
        bars(variance, "both: own dropout only", "own_noise", arm=BOTH),
        bars(variance, "both: own dropout, formula", "predicted", arm=BOTH),
    )
    return Chart(
        "variance-shift",
        "Variance shift: what batch normalisation gets in evaluation",
        "Variance of its input in evaluation, over that which it remembers of the training, and "
        "over that with only the nearest dropout on, measured and by the formula.",
        (Bars(layers, series, "ratio of variances", marks=(Mark("no shift", 1.0),)),),
        height=320,
    )
