"""What an ensemble of small networks is and how it is trained, checked when it is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import final

from defib.ensemble.checks import check_finite, check_not_negative, check_share, listed, number
from defib.ensemble.choices import (
    DEFAULT_LEARNING_RATES,
    INITIALIZATIONS,
    LEARNED_BIASES,
    LOSSES,
    PLAIN_ACTIVATIONS,
    PRECISIONS,
)
from defib.errors import UnknownNameError, UsageError

MAXIMUM_WIDTH = 64
"""Units of a hidden layer. Beyond it, a matrix library keeps the processor busy by itself."""
MAXIMUM_INPUTS = 64
MAXIMUM_OUTPUTS = 10
DEFAULT_LEAKY_SLOPE = 0.01
"""torch.nn.LeakyReLU's."""


@final
@dataclass(frozen=True)
class Activation:
    """The activation called `name`; `slope` is that of leaky relu for negative inputs."""

    name: str
    slope: float = 0.0


def parse_activation(text: str) -> Activation:
    """The activation that `text` names: `relu`, `tanh`, ..., `leaky_relu`, `leaky_relu(0.2)`.

    Raises `UnknownNameError` for another name, `UsageError` for a slope outside [0, 1).
    """
    match = re.fullmatch(r"leaky_relu(?:\(([^()]*)\))?", text)
    if match is None:
        if text not in PLAIN_ACTIVATIONS:
            known = (*PLAIN_ACTIVATIONS, "leaky_relu")
            raise UnknownNameError("activation", text, known, advice=f"Known: {listed(known)}.")
        return Activation(text)
    slope = DEFAULT_LEAKY_SLOPE if match[1] is None else number(match[1], text)
    if not 0 <= slope < 1:
        raise UsageError(f"`{text}`: the slope of a leaky ReLU lies in [0, 1); {slope:g} does not.")
    return Activation("leaky_relu", slope)


@final
@dataclass(frozen=True)
class Network:
    """A fully connected network: units of each layer, inputs first, and an activation for each.

    `activations` has one entry for each layer with weights, one fewer than `widths`. The last
    one acts before the loss: `identity` for all losses on raw scores.
    """

    widths: tuple[int, ...]
    activations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.widths) < 2:
            raise UsageError(
                f"A network has at least an input and an output width; widths {self.widths} "
                f"have {len(self.widths)}. Write e.g. widths=(1, 2, 1)."
            )
        last = len(self.widths) - 1
        for position, width in enumerate(self.widths):
            kind, limit = ("hidden layer", MAXIMUM_WIDTH)
            if position in (0, last):
                kind, limit = ("output", MAXIMUM_OUTPUTS) if position else ("input", MAXIMUM_INPUTS)
            if not 1 <= width <= limit:
                raise UsageError(
                    f"Width {width} of the {kind} (widths[{position}]) is out of range: 1 to "
                    f"{limit} units are possible. Train larger networks with torch itself."
                )
        if len(self.activations) != last:
            raise UsageError(
                f"{last} layers with weights need {last} activations; {len(self.activations)} "
                f"came: {self.activations}. The last one is usually `identity`."
            )
        _ = self.parsed_activations

    @property
    def parsed_activations(self) -> tuple[Activation, ...]:
        return tuple(parse_activation(text) for text in self.activations)

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(fan_in, fan_out) of each layer with weights, first layer first."""
        return tuple(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def parameters(self) -> int:
        """Weights and biases of one network."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.layers)

    @property
    def units(self) -> int:
        """Units of all layers with weights, the outputs included."""
        return sum(self.widths[1:])


def relu_network(inputs: int, hidden: Iterable[int], outputs: int = 1) -> Network:
    """A network with ReLU in every hidden layer and raw outputs."""
    widths = (inputs, *hidden, outputs)
    return Network(widths, ("relu",) * (len(widths) - 2) + ("identity",))


@final
@dataclass(frozen=True)
class Initialization:
    """How weights and biases start. Formulas by name: `defib.ensemble.initialization`.

    `scale` multiplies the weights of the families (He, Glorot, LeCun, orthogonal), is the
    standard deviation of `normal` and the value of `constant`. Biases are zero, or normal with
    standard deviation `bias_scale`; `torch` and `rai` draw their own.
    """

    name: str = "he_normal"
    scale: float = 1.0
    bias_scale: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in INITIALIZATIONS:
            advice = f"Known: {listed(INITIALIZATIONS)}."
            raise UnknownNameError("initialization", self.name, INITIALIZATIONS, advice=advice)
        check_finite("scale of the initialization", self.scale)
        check_not_negative("bias_scale", self.bias_scale)
        if self.bias_scale and self.name in LEARNED_BIASES:
            raise UsageError(
                f"Initialization `{self.name}` draws its own biases; bias_scale "
                f"{self.bias_scale:g} contradicts it. Leave it at 0."
            )


@final
@dataclass(frozen=True)
class OptimizerSpecification:
    """An optimiser of torch, with torch's names and, where `None`, torch's defaults.

    `momentum` and `dampening` belong to `momentum` and `nesterov`, `alpha` to `rmsprop`, `rho`
    to `adadelta`, `betas` to `adam`, `learning_rate_decay` and `initial_accumulator` to
    `adagrad`; each is ignored by the others.
    """

    name: str = "adam"
    learning_rate: float | None = None
    epsilon: float | None = None
    momentum: float = 0.9
    dampening: float = 0.0
    alpha: float = 0.99
    rho: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    learning_rate_decay: float = 0.0
    initial_accumulator: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in DEFAULT_LEARNING_RATES:
            known = tuple(DEFAULT_LEARNING_RATES)
            advice = f"Known: {listed(known)}."
            raise UnknownNameError("optimizer", self.name, known, advice=advice)
        for name in ("momentum", "alpha", "rho"):
            check_share(name, getattr(self, name))
        for beta in self.betas:
            check_share("each of betas", beta)
        for name in ("learning_rate", "epsilon", "learning_rate_decay", "initial_accumulator"):
            value = getattr(self, name)
            if value is not None:
                check_not_negative(name, value)
        if self.name == "nesterov" and (self.momentum == 0 or self.dampening != 0):
            raise UsageError("Nesterov momentum needs a momentum above 0 and no dampening.")


@final
@dataclass(frozen=True)
class Training:
    """How every network of an ensemble is trained.

    The loss is a mean over examples and outputs, as torch's; `l2` is torch's `weight_decay`:
    l2 times the parameter, biases included, is added to its gradient, and the reported loss is
    without it. `shuffle`: a new order for each epoch and network; else examples come in turn.
    """

    network: Network
    initialization: Initialization = Initialization()
    loss: str = "squared_error"
    optimizer: OptimizerSpecification = OptimizerSpecification()
    batch_size: int = 64
    epochs: int = 1
    l2: float = 0.0
    precision: str = "float32"
    shuffle: bool = True

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("loss", self.loss, LOSSES),
            ("precision", self.precision, PRECISIONS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known, advice=f"Known: {listed(known)}.")
        if self.batch_size < 1 or self.epochs < 0:
            raise UsageError(
                f"A batch has at least 1 example and a training at least 0 epochs; "
                f"batch_size={self.batch_size}, epochs={self.epochs} came."
            )
        check_not_negative("l2", self.l2)
        if self.loss == "softmax_cross_entropy" and self.network.widths[-1] < 2:
            raise UsageError(
                "Softmax cross-entropy compares at least 2 outputs; the network has 1. "
                "Use the loss `logistic` for two classes and one output."
            )

    def steps_per_epoch(self, points: int) -> int:
        return -(-points // self.batch_size)


class Scope(Enum):
    """What a snapshot is measured on."""

    BATCH = "the batch of the step at hand, at about half the cost of the step"
    DATA = "all data of the network, at about two thirds of the cost of an epoch"


STATISTICS = ("loss", "dead_units", "gradient_norm", "output_range")


@final
@dataclass(frozen=True)
class Snapshots:
    """Which statistics are kept, before steps 0, `every`, 2 `every`, ... of all epochs together."""

    every: int
    statistics: tuple[str, ...] = STATISTICS
    scope: Scope = Scope.BATCH

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"Snapshots are at least 1 step apart; every={self.every} came.")
        for name in self.statistics:
            if name not in STATISTICS:
                advice = f"Known: {listed(STATISTICS)}."
                raise UnknownNameError("snapshot statistic", name, STATISTICS, advice=advice)
