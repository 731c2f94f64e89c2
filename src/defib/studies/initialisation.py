"""How do initial weights decide whether activations and gradients vanish, explode or stay?

Networks of 5 hidden layers of 100 units get handwritten digits (scikit-learn's, standardised). For
tanh, sigmoid and ReLU the weights are normal with several standard deviations, or of Glorot, He
or LeCun (normal), or uniform as PyTorch's default; biases start at 0. Before training, the
activations of each layer and the gradients by its pre-activations are recorded on a batch. The
second moment of the pre-activations, layer by layer, is compared with mean-field theory: from the
measured moment q of one layer it predicts σ_w² E[φ(√q z)²] for the next, with σ_w² = fan-in times
the weights' variance.

Then each trains by plain SGD at the best of several learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.mean_field import RandomNetwork, variance_map
from defib.datasets.standard import standardized_digits
from defib.records.chart import Bars, Chart, Line, Lines, Mark, Violin, Violins
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import MOST_SEEDS, Study
from defib.studies.intervals import (
    Interval,
    above,
    below,
    difference_interval,
    mean_interval,
    ratio_interval,
    together,
    within,
)
from defib.studies.pictures import bars_in_order, curve
from defib.studies.stacks import (
    Deviation,
    Stack,
    batches,
    constant,
    cross_entropies,
    draw_stack,
    generator_of,
    glorot,
    he,
    lecun,
    step,
)
from defib.studies.tables import table

INPUTS, WIDTH, HIDDEN_LAYERS, CLASSES = 64, 100, 5, 10
BATCH_SIZE = 64
QUANTILES = 41
"""Of a distribution that is shown as a violin."""
SATURATED = 0.95
"""|tanh| above which its slope is below a tenth: 1 − 0.95² = 0.0975."""
CHANCE_LOSS = math.log(CLASSES)

GODOY = "dvgodoy/deepreplay and intoli's article on initialisation"

FUNCTIONS = {
    "tanh": (torch.tanh, activations.tanh()),
    "sigmoid": (torch.sigmoid, activations.sigmoid()),
    "ReLU": (torch.relu, activations.relu()),
}


def torch_default(fan_in: int, _: int) -> float:
    """1/√(3 fan-in), the deviation of torch.nn.Linear's uniform weights."""
    return 1 / math.sqrt(3 * fan_in)


STARTS: dict[str, Deviation] = {
    "σ = 0.01": constant(0.01),
    "σ = 0.1": constant(0.1),
    "σ = 0.14": constant(0.14),
    "σ = 0.28": constant(0.28),
    "Glorot": glorot,
    "He": he,
    "LeCun": lecun,
    "PyTorch": torch_default,
}
SHOWN = ("σ = 0.01", "σ = 0.28", "Glorot", "He")
"""In the violin plots."""


@final
@dataclass(frozen=True)
class Config:
    """`drawn` networks for the moments; one of them gets `steps` of SGD at each learning rate."""

    seeds: int
    steps: int = 30
    drawn: int = 5
    learning_rates: tuple[float, ...] = (0.03, 0.3)


QUICK = Config(seeds=4)
FULL = Config(seeds=10, drawn=20, steps=300, learning_rates=(0.01, 0.03, 0.1, 0.3, 1.0))


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    layers, spreads, outcomes = [], [], []
    for function, (activation, theory) in FUNCTIONS.items():
        for start, deviation in STARTS.items():
            generator = generator_of(seed)
            widths = (INPUTS, *[WIDTH] * HIDDEN_LAYERS, CLASSES)
            stack = draw_stack(widths, activation, config.drawn, generator, deviation=deviation)
            if start == "PyTorch":
                stack = _uniform(stack, generator)
            signals = _signals(stack)
            for at, signal in enumerate(signals):
                variance = WIDTH * deviation(WIDTH, WIDTH) ** 2
                network = RandomNetwork(theory, variance)
                ratio = predicted = None
                if at > 0:
                    before = signals[at - 1].second_moment
                    ratio = signal.second_moment / before
                    predicted = variance_map(network, before) / before
                layers.append(
                    (
                        function,
                        start,
                        at + 1,
                        signal.second_moment,
                        signal.gradient,
                        ratio,
                        predicted,
                        signal.saturated,
                    )
                )
                if seed % MOST_SEEDS == 0 and start in SHOWN:
                    spreads += [
                        (function, start, at + 1, level, a, g)
                        for level, (a, g) in enumerate(
                            zip(signal.quantiles, signal.gradient_quantiles, strict=True)
                        )
                    ]
            outcomes.append((function, start, *_train(stack, config, generator)))
    moments = "second_moment gradient ratio predicted_ratio saturated"
    tables = {
        "layers": table("activation weights layer", moments, layers),
        "training": table("activation weights", "learning_rate loss", outcomes),
    }
    shown = "activation weights layer level activation_quantile gradient_quantile"
    return tables | ({"spreads": table(shown, "", spreads)} if spreads else {})


@final
@dataclass(frozen=True)
class Signal:
    """One layer: moments of pre-activations and of gradients by them, and distributions."""

    second_moment: float
    gradient: float
    saturated: float
    quantiles: tuple[float, ...]
    gradient_quantiles: tuple[float, ...]


def _uniform(stack: Stack, generator: torch.Generator) -> Stack:
    """Uniform weights of the same variance: 1/(3 fan-in) is that of U(±1/√fan-in)."""
    weights = tuple(
        (
            (2 * torch.rand(each.shape, generator=generator) - 1) / each.shape[1] ** 0.5
        ).requires_grad_()
        for each in stack.weights
    )
    return Stack(weights, stack.biases, stack.activations)


def _signals(stack: Stack) -> list[Signal]:
    inputs, targets = standardized_digits()
    chosen = slice(0, 4 * BATCH_SIZE)
    signal: torch.Tensor = inputs[chosen]
    before, after = [], []
    for weight, bias, activation in zip(
        stack.weights, stack.biases, stack.activations, strict=True
    ):
        before.append(signal @ weight + bias)
        signal = activation(before[-1])
        after.append(signal)
    loss = cross_entropies(signal, targets[chosen]).sum()
    gradients = torch.autograd.grad(loss, before[:-1])
    levels = torch.linspace(0, 1, QUANTILES)
    return [
        Signal(
            float(z.detach().double().square().mean()),
            float(gradient.double().square().mean().sqrt()),
            float((a.detach().abs() > SATURATED).float().mean()),
            tuple(torch.quantile(a.detach().flatten(), levels).tolist()),
            tuple(torch.quantile(gradient.flatten(), levels).tolist()),
        )
        for z, a, gradient in zip(before, after, gradients, strict=False)
    ]


def _train(stack: Stack, config: Config, generator: torch.Generator) -> tuple[float, float]:
    """Of the first network the best learning rate, and the loss over all examples there."""
    rates = torch.tensor(config.learning_rates)
    repeated = Stack(
        tuple(_first_repeated(each, len(rates)) for each in stack.weights),
        tuple(_first_repeated(each, len(rates)) for each in stack.biases),
        stack.activations,
    )
    inputs, targets = standardized_digits()
    # Each network's loss times its rate, with rate 1: its own learning rate.
    optimizer = torch.optim.SGD(repeated.parameters, lr=1.0)
    for chosen in batches(len(inputs), BATCH_SIZE, config.steps, generator):
        step(optimizer, rates * cross_entropies(repeated(inputs[chosen]), targets[chosen]))
    with torch.no_grad():
        losses = torch.nan_to_num(cross_entropies(repeated(inputs), targets), nan=math.inf)
    best = int(losses.argmin())
    return config.learning_rates[best], float(losses[best])


def _first_repeated(parameter: torch.Tensor, times: int) -> torch.Tensor:
    return parameter.detach()[:1].repeat(times, 1, 1).requires_grad_()


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _vanish_or_saturate(result),
        _sigmoid_vanishes(result),
        _relu_ratios(result),
        _as_predicted(result),
        _glorot_trains(result),
        _he_before_glorot(result),
    )


def _last_to_first(result: StudyResult, function: str, start: str, column: str) -> Interval:
    """Geometric mean over the seeds of the last hidden layer's value over the first one's."""
    layers = result.by_seed("layers").where(activation=function, weights=start)
    return ratio_interval(
        layers.numbers(column, layer=HIDDEN_LAYERS), layers.numbers(column, layer=1)
    )


def _vanish_or_saturate(result: StudyResult) -> Claim:
    small = _last_to_first(result, "tanh", "σ = 0.01", "second_moment")
    good = _last_to_first(result, "tanh", "Glorot", "second_moment")
    layers = result.by_seed("layers").where(activation="tanh", layer=HIDDEN_LAYERS)
    large = mean_interval(layers.numbers("saturated", weights="σ = 0.28"))
    calm = mean_interval(layers.numbers("saturated", weights="Glorot"))
    return Claim(
        "tanh-vanishes-saturates-or-stays",
        "tanh over 5 layers: with σ = 0.01 the signal's second moment falls more than a million "
        "times, with σ = 0.28 more than a quarter of the last layer's values are saturated "
        "(|a| > 0.95), with Glorot's weights the moment stays within a factor of ten and under "
        "5 % are.",
        together(below(small, 1e-6), above(large, 0.25), above(good, 0.1), below(calm, 0.05)),
        small.as_numbers("small")
        | large.as_numbers("saturated_large")
        | good.as_numbers("glorot")
        | calm.as_numbers("saturated_glorot"),
        Published("activations vanish or saturate, Glorot's weights mend it", GODOY, Sureness.READ),
    )


def _sigmoid_vanishes(result: StudyResult) -> Claim:
    starts = ("σ = 0.01", "σ = 0.1", "Glorot")
    found = {start: _last_to_first_of_gradient(result, "sigmoid", start) for start in starts}
    tanh = _last_to_first_of_gradient(result, "tanh", "Glorot")
    return Claim(
        "sigmoid-gradients-vanish",
        "With sigmoid the gradient shrinks more than a hundred times from the last hidden layer "
        "to the first, also with Glorot's weights, with which that of tanh keeps at least a fifth.",
        together(*(below(each, 0.01) for each in found.values()), above(tanh, 0.2)),
        {f"sigmoid, {start}": each.estimate for start, each in found.items()}
        | tanh.as_numbers("tanh_glorot"),
        Published(
            "χ₁ = 0.0557 per layer for σ_w = 1: 0.0031 in amplitude over four",
            "mean field",
            Sureness.DERIVED,
            {"amplitude": 0.0557**2},
        ),
    )


def _last_to_first_of_gradient(result: StudyResult, function: str, start: str) -> Interval:
    layers = result.by_seed("layers").where(activation=function, weights=start)
    return ratio_interval(
        layers.numbers("gradient", layer=1), layers.numbers("gradient", layer=HIDDEN_LAYERS)
    )


RELU_FACTORS = {
    "σ = 0.1": 0.5,
    "σ = 0.14": 0.98,
    "σ = 0.28": 3.92,
    "He": 1.0,
    "Glorot": 0.5,
    "LeCun": 0.5,
    "PyTorch": 1 / 6,
}
"""Of the second moment per layer of 100 ReLUs."""


def _relu_ratios(result: StudyResult) -> Claim:
    verdicts, numbers = [], {}
    for start, factor in RELU_FACTORS.items():
        ratio = _last_to_first(result, "ReLU", start, "second_moment")
        steps = HIDDEN_LAYERS - 1
        per_layer = Interval(
            ratio.estimate ** (1 / steps),
            ratio.low ** (1 / steps),
            ratio.high ** (1 / steps),
            ratio.count,
        )
        verdicts.append(within(per_layer, 0.75 * factor, 1.33 * factor))
        numbers |= per_layer.as_numbers(start)
    return Claim(
        "relu-factors",
        "With ReLU the second moment changes per layer by the published factor (within a third): "
        "He's weights keep it, Glorot's and LeCun's halve it, PyTorch's divide it by six.",
        together(*verdicts),
        numbers,
        Published(
            "fan-in σ²/2: 0.5, 0.98 and 3.92 for σ = 0.10, 0.14, 0.28 and width 100; He 1, Glorot "
            "and LeCun 1/2, PyTorch 1/6",
            "He, Zhang, Ren, Sun (2015); intoli's article",
            Sureness.DERIVED,
            RELU_FACTORS,
        ),
    )


def _as_predicted(result: StudyResult) -> Claim:
    layers = result.by_seed("layers")
    errors = [
        [
            abs(math.log(measured / predicted))
            for measured, predicted in zip(
                part.numbers("ratio"), part.numbers("predicted_ratio"), strict=True
            )
            if not math.isnan(measured)
        ]
        for part in (layers.where(seed=seed) for seed in layers.distinct("seed"))
    ]
    typical = mean_interval(sum(each) / len(each) for each in errors)
    return Claim(
        "as-theory-predicts",
        "Over all activations, starts and layers the second moment changes as mean-field theory "
        "predicts: the mean |ln(measured/predicted)| is below 0.2, what 100 units scatter.",
        below(typical, 0.2),
        typical.as_numbers("mean_error") | {"largest_error": max(map(max, errors))},
        Published(
            "q' = σ_w² E[φ(√q z)²]",
            "Poole et al. (2016), mean field for wide layers",
            Sureness.DERIVED,
        ),
    )


def _losses(result: StudyResult, function: str, start: str) -> tuple[float, ...]:
    training = result.by_seed("training")
    return training.numbers("loss", activation=function, weights=start)


def _glorot_trains(result: StudyResult) -> Claim:
    small = mean_interval(_losses(result, "tanh", "σ = 0.01"))
    good = mean_interval(_losses(result, "tanh", "Glorot"))
    return Claim(
        "glorot-trains-tanh",
        "With Glorot's weights tanh trains (below half of the loss of guessing), with σ = 0.01 it "
        "does not leave that loss (within 1 %).",
        together(below(good, 0.5 * CHANCE_LOSS), above(small, 0.99 * CHANCE_LOSS)),
        good.as_numbers("glorot") | small.as_numbers("small") | {"guessing": CHANCE_LOSS},
    )


def _he_before_glorot(result: StudyResult) -> Claim:
    gain = difference_interval(_losses(result, "ReLU", "Glorot"), _losses(result, "ReLU", "He"))
    return Claim(
        "he-before-glorot",
        "With ReLU, He's weights reach a lower loss in the same number of steps than Glorot's.",
        above(gain, 0.0),
        gain.as_numbers("loss_lower_by"),
        Published(
            "for ReLU He is better than Glorot",
            "laboratory, part 1; He et al. (2015) for 30 layers",
            Sureness.REMEMBERED,
        ),
        reason="Over 5 layers Glorot's weights lose a factor of 16 in the second moment, which a "
        "higher learning rate makes up for.",
    )


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


STUDY = Study(("C1",), QUICK, FULL, measure, claims, figures)
