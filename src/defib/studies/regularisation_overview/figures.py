"""The pictures of `regularisation-overview`."""

from __future__ import annotations

from defib.records.chart import Bars, Chart, Lines, Mark
from defib.records.study import StudyResult
from defib.studies.pictures import bars_in_order, curve
from defib.studies.regularisation_overview.arms import ARMS, BASE, MORE_DATA, STOPPED
from defib.studies.regularisation_overview.claims import ranked


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return _effects(result), _curves(result)


def _effects(result: StudyResult) -> Chart:
    effects = result.tables["effects"]
    panels: list[Bars] = []
    for column, label in (
        ("accuracy_gained", "accuracy gained"),
        ("loss_saved", "loss saved (nats)"),
    ):
        order = ranked(result.by_seed("effects"), column)
        series = bars_in_order(effects, label, column, "remedy", order)
        panels.append(Bars(order, (series,), label, marks=(Mark("", 0.0),)))
    best, *_, last = ranked(result.by_seed("effects"), "accuracy_gained")
    return Chart(
        "effects",
        "What each remedy does on new questions, ranked",
        "Differences from the network with nothing done, with intervals over the seeds: accuracy "
        f"above, logistic loss below. Most accuracy is gained by {best}, least by {last}.",
        tuple(panels),
        height=290,
    )


def _curves(result: StudyResult) -> Chart:
    curves = result.tables["curves"]
    shown = [name for name in ARMS if name != STOPPED]
    lines = tuple(curve(curves, name, "epoch", "test_loss", remedy=name) for name in shown)
    own = tuple(curve(curves, name, "epoch", "train_loss", remedy=name) for name in shown)
    return Chart(
        "curves",
        "Loss on the own and on new questions",
        f"By epoch, with intervals over the seeds. With {MORE_DATA} an epoch has four times as "
        f"many steps. With {BASE} the loss on new questions rises while that on the own falls on; "
        "early stopping is that curve up to its lowest point.",
        (
            Lines("epoch", "loss on the own questions (nats)", own),
            Lines("epoch", "loss on new questions (nats)", lines),
        ),
        height=330,
    )
