"""Does a sigmoid in the first hidden layer train slowly because its outputs are all positive?

The gradient of one unit's weights for one example is the unit's error times its inputs. Where the
inputs come from a sigmoid they are all positive, and all these weights must move the same way:
training zig-zags. Networks 30-16-16-1 with tanh in the second hidden layer classify tumours
(standardised features) by plain SGD on batches of 16. The first hidden layer is a sigmoid σ, a
tanh, or σ − ½, which has the slope of the sigmoid and outputs of both signs: what it gains is due
to the signs alone. All start from the same Glorot weights and see the same batches.

Each is given the best of several learning rates, chosen by the steps until the loss over the whole
training set is at the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from defib.datasets.standard import standardized_tumours
from defib.metrics.gradient_sign_agreement import gradient_sign_agreement
from defib.records.chart import Bars, Chart, Lines, Mark
from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.base import Study
from defib.studies.intervals import above, always, below, mean_interval, ratio_interval, together
from defib.studies.pictures import bars, curve
from defib.studies.stacks import Stack, batches, draw_stack, generator_of, glorot, logistic_losses
from defib.studies.tables import table

WIDTHS = (30, 16, 16, 1)
BATCH_SIZE = 16


def centred_sigmoid(x: Tensor) -> Tensor:
    """σ(x) − ½ = tanh(x/2)/2."""
    return torch.sigmoid(x) - 0.5


FIRST_LAYERS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "sigmoid − ½": centred_sigmoid,
    "tanh": torch.tanh,
}


@final
@dataclass(frozen=True)
class Config:
    """`target` is a logistic loss in nats; `interval` the steps between two looks at it."""

    seeds: int
    steps: int = 300
    interval: int = 4
    target: float = 0.06
    learning_rates: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)


QUICK = Config(seeds=8)
FULL = Config(seeds=20, steps=600, interval=2, learning_rates=(0.03, 0.1, 0.3, 1.0, 3.0, 10.0))


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    signs, speeds, curves = [], [], []
    for name, activation in FIRST_LAYERS.items():
        generator = generator_of(seed)
        drawn = draw_stack(WIDTHS, torch.tanh, 1, generator, deviation=glorot)
        stack = _repeated(drawn, len(config.learning_rates), activation)
        losses, one, batch = _train(stack, config, generator)
        reached = [_first_below(losses[:, at], config) for at in range(losses.shape[1])]
        best = min(range(len(reached)), key=lambda at: (reached[at], losses[-1, at].item()))
        signs.append((name, one, batch))
        speeds.append((name, config.learning_rates[best], reached[best], losses[-1, best].item()))
        curves += [
            (name, at * config.interval, losses[at, best].item()) for at in range(len(losses))
        ]
    return {
        "signs": table("first_layer", "one_example batch", signs),
        "speed": table("first_layer", "learning_rate steps_to_target final_loss", speeds),
        "curve": table("first_layer step", "loss", curves),
    }


def _repeated(stack: Stack, networks: int, activation: Callable[[Tensor], Tensor]) -> Stack:
    """The one network, once for each learning rate, with its first activation replaced."""

    def repeat(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each.detach().repeat(networks, 1, 1).requires_grad_() for each in tensors)

    return replace(
        stack,
        weights=repeat(stack.weights),
        biases=repeat(stack.biases),
        activations=(activation, *stack.activations[1:]),
    )


def _train(stack: Stack, config: Config, generator: torch.Generator) -> tuple[Tensor, float, float]:
    """Losses by look and learning rate; sign agreement for one example and for a batch.

    The agreement is that of the second layer's weights, the mean over the looks and networks.
    """
    inputs, targets = standardized_tumours()
    rates = torch.tensor(config.learning_rates)[:, None, None]
    losses, one, batch = [], [], []
    for number, chosen in enumerate(batches(len(inputs), BATCH_SIZE, config.steps, generator)):
        if number % config.interval == 0:
            with torch.no_grad():
                losses.append(logistic_losses(stack(inputs), targets))
            one.append(_agreement(stack, inputs[chosen[:1]], targets[chosen[:1]]))
        gradients = torch.autograd.grad(
            logistic_losses(stack(inputs[chosen]), targets[chosen]).sum(), stack.parameters
        )
        if number % config.interval == 0:
            batch.append(_majority(gradients[1]))
        with torch.no_grad():
            for parameter, gradient in zip(stack.parameters, gradients, strict=True):
                parameter -= rates * gradient
    return torch.stack(losses), _mean(one), _mean(batch)


def _agreement(stack: Stack, inputs: Tensor, targets: Tensor) -> float:
    loss = logistic_losses(stack(inputs), targets).sum()
    return _majority(torch.autograd.grad(loss, stack.weights[1])[0])


def _majority(gradient: Tensor) -> float:
    """Over the units of all networks: gradient (networks, inputs, units)."""
    return float(gradient_sign_agreement(gradient.transpose(1, 2).flatten(0, 1)))


def _mean(values: list[float]) -> float:
    known = [each for each in values if not math.isnan(each)]
    return sum(known) / len(known)


def _first_below(losses: Tensor, config: Config) -> float:
    """Steps until the loss is at the target; infinite if it never is."""
    reached = (losses <= config.target).nonzero()
    return float(reached[0]) * config.interval if len(reached) else math.inf


def claims(result: StudyResult) -> tuple[Claim, ...]:
    signs, speed = result.by_seed("signs"), result.by_seed("speed")
    sigmoid = signs.numbers("one_example", first_layer="sigmoid")
    others = {
        name: mean_interval(signs.numbers("one_example", first_layer=name))
        for name in ("sigmoid − ½", "tanh")
    }
    steps = {name: speed.numbers("steps_to_target", first_layer=name) for name in FIRST_LAYERS}
    return (
        Claim(
            "all-one-sign",
            "Behind a sigmoid the weight gradients of a unit all have one sign, for every single "
            "example; behind tanh and behind σ − ½ fewer than 80 % share the majority's.",
            together(
                always(each == 1 for each in sigmoid),
                *(below(each, 0.8) for each in others.values()),
            ),
            {"sigmoid": min(sigmoid)}
            | {name: interval.estimate for name, interval in others.items()},
            Published(
                "inputs of one sign make all weight updates of a unit the same sign",
                "LeCun, Bottou, Orr, Müller, Efficient BackProp (1998), section 4.3",
                Sureness.REMEMBERED,
            ),
        ),
        _faster("tanh", "slower-than-tanh", "than a tanh", steps),
        _faster(
            "sigmoid − ½",
            "signs-alone-cost",
            "than the same sigmoid shifted to both signs, σ − ½",
            steps,
        ),
    )


def _faster(name: str, identity: str, than: str, steps: Mapping[str, tuple[float, ...]]) -> Claim:
    ratio = ratio_interval(steps["sigmoid"], steps[name])
    return Claim(
        identity,
        f"A sigmoid in the first hidden layer needs more steps to the target {than}.",
        above(ratio, 1.0),
        ratio.as_numbers("ratio_of_steps"),
    )


def figures(result: StudyResult) -> tuple[Chart, ...]:
    signs, losses = result.tables["signs"], result.tables["curve"]
    target = float(str(result.config["target"]))
    series = tuple(
        bars(signs, label, column)
        for label, column in (("one example", "one_example"), ("batch of 16", "batch"))
    )
    lines = tuple(curve(losses, name, "step", "loss", first_layer=name) for name in FIRST_LAYERS)
    return (
        Chart(
            "signs-and-speed",
            "Gradients of one sign, and the price",
            "Left: share of a unit's weight gradients that have the majority's sign, second "
            "layer. Right: training loss at each network's best learning rate.",
            (
                Bars(tuple(FIRST_LAYERS), series, "share of one sign", limits=(0, 1.05)),
                Lines(
                    "step", "training loss", lines, is_log_y=True, marks=(Mark("target", target),)
                ),
            ),
            columns=2,
            height=310,
        ),
    )


STUDY = Study(("B3",), QUICK, FULL, measure, claims, figures)
