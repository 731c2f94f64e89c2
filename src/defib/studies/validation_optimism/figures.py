"""The pictures of `validation-optimism`."""

from __future__ import annotations

from defib.records.chart import Bars, Chart, Line, Lines, Mark
from defib.records.study import StudyResult
from defib.studies.pictures import bars_in_order, curve
from defib.studies.validation_optimism.gaps import ARMS


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return _best(result), _gaps(result)


def _best(result: StudyResult) -> Chart:
    best = result.tables["best"]
    counts = best.distinct("k")
    sizes = best.distinct("validation_images")
    most, least = counts[-1], sizes[0]
    by_size = (
        curve(best, "promised", "validation_images", "promised", k=most),
        curve(best, "on fresh images", "validation_images", "fresh", k=most),
        curve(best, "a typical network", "validation_images", "typical", k=most),
    )
    shown = [curve(best, f"{n} images", "k", "optimism", validation_images=n) for n in sizes[::2]]
    theory = Line(
        f"independent, equally good, {least} images",
        best.numbers("k", validation_images=least),
        best.numbers("independent", validation_images=least),
        is_theory=True,
    )
    largest = best.numbers("optimism", k=most, validation_images=least)[0]
    return Chart(
        "best-of-k",
        "What the best of k promises on the validation set, and what it keeps",
        f"Above: accuracy promised minus accuracy on fresh images; {largest:.3f} for the best of "
        f"{most} on {least} images. Below: both accuracies of the best of {most}. With intervals "
        "over the seeds.",
        (
            Lines("networks to choose from, k", "accuracy promised too much", (*shown, theory)),
            Lines("validation images", "accuracy", by_size, is_log_x=True),
        ),
        height=330,
    )


def _gaps(result: StudyResult) -> Chart:
    gaps = result.tables["gaps"]
    names = tuple(ARMS)
    parts = (
        ("learnt within the epoch", "lag"),
        ("training mode", "mode"),
        ("other examples", "examples"),
    )
    accuracies = (
        ("training, as reported", "reported"),
        ("validation", "validation"),
        ("fresh images", "fresh"),
    )
    return Chart(
        "gaps",
        "Validation accuracy above training accuracy, for five reasons",
        "Above: the accuracies. Below: the difference of validation and reported training "
        "accuracy, taken apart exactly into three parts. With intervals over the seeds.",
        (
            Bars(
                names,
                tuple(
                    bars_in_order(gaps, label, name, "reason", names) for label, name in accuracies
                ),
                "accuracy",
                limits=(0.0, 1.05),
            ),
            Bars(
                names,
                tuple(bars_in_order(gaps, label, name, "reason", names) for label, name in parts),
                "part of the difference",
                marks=(Mark("", 0.0),),
            ),
        ),
        height=330,
    )
