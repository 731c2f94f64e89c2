"""Forward and backward through a small network, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from defib.derivations.activations import activation_called, carried
from defib.derivations.algebra import Expr, Matrix, sympy
from defib.derivations.losses import loss_called
from defib.derivations.network import Layer, Network
from defib.derivations.update_forms import TORCH, Form, exact
from defib.derivations.update_rules import update_rule_called

vector = sympy.ImmutableMatrix


@final
@dataclass(frozen=True)
class LayerPass:
    """What one layer reads, makes and learns from: pre-activations z, outputs h, ∂L/∂z."""

    inputs: Matrix
    pre_activations: Matrix
    outputs: Matrix
    output_gradient: Matrix
    """∂L/∂h."""
    slopes: Matrix
    """The derivative of the activation at z."""
    delta: Matrix
    """∂L/∂z."""

    @property
    def weight_gradient(self) -> Matrix:
        """∂L/∂W: the outer product of ∂L/∂z and what the layer read."""
        return self.delta * self.inputs.T


@final
@dataclass(frozen=True)
class Pass:
    """The loss at one example, and every layer's part of it, from the first to the last."""

    loss: Expr
    layers: tuple[LayerPass, ...]

    @property
    def output(self) -> Matrix:
        return self.layers[-1].outputs


def propagate(network: Network) -> Pass:
    """The forward and the backward pass of `network`; irrational numbers with 30 digits."""
    reads, befores, outputs = _forward(network)
    loss = loss_called(network.loss)
    gradient = _carried(loss.gradient(outputs[-1], network.target))
    layers: list[LayerPass] = []
    for index in reversed(range(len(network.layers))):
        layer = network.layers[index]
        activation = activation_called(layer.activation)
        slopes = vector([carried(activation.slope(z)) for z in befores[index]])
        delta = vector([carried(a * b) for a, b in zip(gradient, slopes, strict=True)])
        layers.append(
            LayerPass(reads[index], befores[index], outputs[index], gradient, slopes, delta)
        )
        gradient = _carried(layer.weights.T * delta)
    return Pass(carried(loss.value(outputs[-1], network.target)), tuple(reversed(layers)))


def _forward(network: Network) -> tuple[list[Matrix], list[Matrix], list[Matrix]]:
    reads, befores, outputs = [], [], []
    signal = network.inputs
    for layer in network.layers:
        reads.append(signal)
        befores.append(_carried(layer.weights * signal + layer.biases))
        activation = activation_called(layer.activation)
        signal = vector([carried(activation.value(z)) for z in befores[-1]])
        outputs.append(signal)
    return reads, befores, outputs


def _carried(values: Matrix) -> Matrix:
    return vector([carried(each) for each in values])


@final
@dataclass(frozen=True)
class Parameter:
    """One number that is learned: its layer from 0, its unit, its input (`None`: the bias)."""

    layer: int
    unit: int
    source: int | None

    @property
    def name(self) -> str:
        """`w^(1)_21`: the weight of layer 1 from input 1 to unit 2; `b^(1)_2` the bias."""
        if self.source is None:
            return f"b^({self.layer + 1})_{self.unit + 1}"
        return f"w^({self.layer + 1})_{self.unit + 1},{self.source + 1}"


def parameters_of(network: Network) -> tuple[Parameter, ...]:
    """Every weight and bias, by layer and unit; the bias of a unit after its weights."""
    return tuple(
        Parameter(number, unit, source)
        for number, layer in enumerate(network.layers)
        for unit in range(layer.weights.rows)
        for source in (*range(layer.weights.cols), None)
    )


def value_of(network: Network, parameter: Parameter) -> Expr:
    """The number or symbol that a parameter is."""
    layer = network.layers[parameter.layer]
    if parameter.source is None:
        return layer.biases[parameter.unit]
    return layer.weights[parameter.unit, parameter.source]


def gradient_of(passed: Pass, parameter: Parameter) -> Expr:
    """The derivative of the loss by a parameter."""
    layer = passed.layers[parameter.layer]
    if parameter.source is None:
        return layer.delta[parameter.unit]
    return layer.weight_gradient[parameter.unit, parameter.source]


def with_parameters(network: Network, values: Mapping[Parameter, Expr]) -> Network:
    """The same network with other weights and biases."""
    layers = []
    for number, layer in enumerate(network.layers):
        units, sources = layer.weights.shape
        weights = [
            [values[Parameter(number, unit, source)] for source in range(sources)]
            for unit in range(units)
        ]
        biases = [values[Parameter(number, unit, None)] for unit in range(units)]
        layers.append(Layer(vector(weights), vector(biases), layer.activation))
    return Network(
        network.inputs,
        network.target,
        tuple(layers),
        network.learning_rate,
        network.loss,
        network.optimizer,
        network.steps,
    )


@final
@dataclass(frozen=True)
class TrainingStep:
    """A step: the network and the pass before it, and for each parameter all values after it."""

    before: Network
    passed: Pass
    values: Mapping[Parameter, Mapping[str, Expr]]
    after: Network


def torch_form(optimizer: str) -> Form:
    """The form of a method in torch, or its only form."""
    forms = update_rule_called(optimizer).forms
    return forms.get(TORCH) or next(iter(forms.values()))


def train(network: Network) -> tuple[TrainingStep, ...]:
    """The steps of the network's optimiser, in torch's form of it."""
    form = torch_form(network.optimizer)
    settings = {name: exact(text) for name, text in form.defaults.items()}
    settings["lr"] = network.learning_rate
    states: dict[Parameter, dict[str, Expr]] = {
        each: form.initial() for each in parameters_of(network)
    }
    steps = []
    for number in range(1, network.steps + 1):
        passed = propagate(network)
        values = {}
        for each, state in states.items():
            known = {"p": value_of(network, each), "g": gradient_of(passed, each)}
            known |= {"t": sympy.Integer(number)}
            values[each] = form.step({**settings, **state, **known})
            states[each] = {name: values[each][name] for name in form.states}
        after = with_parameters(network, {each: found["p"] for each, found in values.items()})
        steps.append(TrainingStep(network, passed, values, after))
        network = after
    return tuple(steps)
