"""The pictures of the study."""

from __future__ import annotations

from defib.records.chart import Bars, Chart, Line, Lines, Mark, Violin, Violins
from defib.records.study import StudyResult
from defib.studies.initialisation.networks import (
    CHANCE_LOSS,
    FUNCTIONS,
    HIDDEN_LAYERS,
    SHOWN,
    STARTS,
)
from defib.studies.pictures import bars_in_order, curve


def figures(result: StudyResult) -> tuple[Chart, ...]:
    return (
        *(_violin_chart(result, function) for function in FUNCTIONS),
        _ratio_chart(result),
        _training_chart(result),
    )


def _violin_chart(result: StudyResult, function: str) -> Chart:
    spreads = result.by_seed("spreads").where(activation=function)
    panels = tuple(
        Violins(
            name if start == SHOWN[0] else "",
            tuple(
                Violin(str(layer), spreads.numbers(column, weights=start, layer=layer))
                for layer in range(1, HIDDEN_LAYERS + 1)
            ),
            start if column.startswith("activation") else "",
            "layer",
        )
        for column, name in (
            ("activation_quantile", "activations"),
            ("gradient_quantile", "gradients"),
        )
        for start in SHOWN
    )
    return Chart(
        f"violins-{function.lower()}",
        f"{function}: activations and gradients of the 5 layers before training",
        "Above the activations, below the gradients by the pre-activations, on a scale of their "
        "own in each panel; the bar is the median.",
        panels,
        columns=len(SHOWN),
        height=200,
    )


def _ratio_chart(result: StudyResult) -> Chart:
    layers = result.tables["layers"]
    panels = []
    for function in FUNCTIONS:
        lines: list[Line] = []
        for start in ("σ = 0.01", "σ = 0.28", "Glorot", "He", "PyTorch"):
            part = layers.where(activation=function, weights=start)
            lines.append(curve(part, start, "layer", "second_moment"))
        for start in ("σ = 0.01", "σ = 0.28", "Glorot", "He", "PyTorch"):
            part = layers.where(activation=function, weights=start)
            moments = part.numbers("second_moment")
            predicted = part.numbers("predicted_ratio")[1:]
            theory = [moments[0]]
            theory += [before * ratio for before, ratio in zip(moments, predicted, strict=False)]
            label = "theory, from the layer before" if start == "σ = 0.01" else "_"
            lines.append(Line(label, part.numbers("layer"), tuple(theory), is_theory=True))
        panels.append(
            Lines(
                "layer",
                "second moment" if function == "tanh" else "",
                tuple(lines),
                function,
                is_log_y=True,
            )
        )
    return Chart(
        "moments",
        "Second moment of the pre-activations by layer, and as theory predicts it",
        "Small weights lose the signal, large ones blow it up (ReLU) or saturate it; theory "
        "(dotted) predicts each layer from the one before.",
        tuple(panels),
        columns=3,
        height=330,
    )


def _training_chart(result: StudyResult) -> Chart:
    training = result.tables["training"]
    series = tuple(
        bars_in_order(training.where(activation=function), function, "loss", "weights", STARTS)
        for function in FUNCTIONS
    )
    return Chart(
        "training",
        "Training loss after the same number of steps, best learning rate of each",
        "; ".join(
            f"{each.label}: {min(zip(each.values, STARTS, strict=True))[1]} is best"
            for each in series
        )
        + ".",
        (Bars(tuple(STARTS), series, "loss [nats]", marks=(Mark("guessing", CHANCE_LOSS),)),),
        height=330,
    )
