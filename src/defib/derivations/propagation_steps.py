"""The steps of a forward and a backward pass, with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterator

from defib.derivations.activations import activation_called
from defib.derivations.losses import loss_called, output_symbol
from defib.derivations.network import Network
from defib.derivations.propagation import Pass
from defib.derivations.writing import (
    chain,
    group,
    partial,
    plus,
    result_chain,
    shown,
    symbol,
    times,
)
from defib.records.derivation import Step
from defib.records.formula import Formula


def _input(network: Network, layer: int, index: int) -> Formula:
    if layer == 0:
        return symbol("x" if network.inputs.rows == 1 else f"x_{index + 1}")
    return symbol(f"h^({layer})_{index + 1}")


def _output(network: Network, layer: int, index: int) -> Formula:
    if layer == len(network.layers) - 1:
        return output_symbol(index, network.layers[-1].weights.rows)
    return symbol(f"h^({layer + 1})_{index + 1}")


def _before(layer: int, index: int) -> Formula:
    return symbol(f"z^({layer + 1})_{index + 1}")


def forward_steps(network: Network, passed: Pass) -> Iterator[Step]:
    """Layer by layer: before the activation, after it; then the loss."""
    for number, (layer, values) in enumerate(zip(network.layers, passed.layers, strict=True)):
        sources, units = range(layer.weights.cols), range(layer.weights.rows)
        formulas = []
        for unit in units:
            names = [
                times(f"w^({number + 1})_{unit + 1},{k + 1}", _input(network, number, k))
                for k in sources
            ]
            numbers = [
                times(shown(layer.weights[unit, k]), shown(values.inputs[k])) for k in sources
            ]
            bias = layer.biases[unit]
            formulas.append(
                result_chain(
                    _before(number, unit),
                    plus(*names, f"b^({number + 1})_{unit + 1}"),
                    plus(*numbers, shown(bias)),
                    values.pre_activations[unit],
                )
            )
        reason = "each input times its weight, plus the bias"
        yield Step(
            f"Layer {number + 1}, before its activation.", reason, tuple(formulas), "Forward"
        )
        activation = activation_called(layer.activation)
        outputs = tuple(
            result_chain(
                _output(network, number, unit),
                activation.apply(_before(number, unit)),
                activation.apply(shown(values.pre_activations[unit])),
                values.outputs[unit],
            )
            for unit in units
        )
        yield Step(f"Layer {number + 1}, after {layer.activation}.", "", outputs, "Forward")
    loss = loss_called(network.loss)
    written_loss = loss.value_steps(passed.output, network.target, passed.loss)
    yield Step("The loss.", network.loss, (written_loss,), "Forward")


def backward_steps(network: Network, passed: Pass) -> Iterator[Step]:
    """From the loss down: through each layer's activation, to its weights, to its inputs."""
    loss, last = loss_called(network.loss), len(network.layers) - 1
    gradient = passed.layers[-1].output_gradient
    formulas = tuple(
        chain(
            partial("L", _output(network, last, i)),
            "=",
            loss.gradient_step(passed.output, network.target, i, gradient[i]),
        )
        for i in range(gradient.rows)
    )
    yield Step("The loss by the output.", loss.rule, tuple(map(_flat, formulas)), "Backward")
    for number in reversed(range(len(network.layers))):
        if number < last:
            yield _through_weights(network, passed, number)
        yield _through_activation(network, passed, number)
        yield _to_weights(network, passed, number)


def _flat(written_chain: Formula) -> Formula:
    """A chain whose last member is a chain, as one."""
    first, inner = written_chain.members  # type: ignore[attr-defined]
    return chain(first, "=", inner.members[0], *[x for pair in inner.links for x in pair])


def _through_weights(network: Network, passed: Pass, number: int) -> Step:
    above, values = network.layers[number + 1], passed.layers[number + 1]
    formulas = []
    for k in range(above.weights.cols):
        units = range(above.weights.rows)
        names = [
            times(partial("L", _before(number + 1, j)), f"w^({number + 2})_{j + 1},{k + 1}")
            for j in units
        ]
        numbers = [times(shown(values.delta[j]), shown(above.weights[j, k])) for j in units]
        value = passed.layers[number].output_gradient[k]
        left = partial("L", _output(network, number, k))
        formulas.append(result_chain(left, plus(*names), plus(*numbers), value))
    return Step(
        f"The loss by the outputs of layer {number + 1}.",
        "each output reaches the loss through every unit above it, by the weight between them",
        tuple(formulas),
        "Backward",
    )


def _through_activation(network: Network, passed: Pass, number: int) -> Step:
    layer, values = network.layers[number], passed.layers[number]
    activation = activation_called(layer.activation)
    formulas = []
    for unit in range(layer.weights.rows):
        slope = values.slopes[unit]
        slope_written: Formula = shown(slope)
        if activation.slope_of is not None:
            z, h = values.pre_activations[unit], values.outputs[unit]
            slope_written = group(activation.slope_of(shown(z), shown(h)))
        output = _output(network, number, unit)
        formulas.append(
            result_chain(
                partial("L", _before(number, unit)),
                times(partial("L", output), partial(output, _before(number, unit))),
                times(shown(values.output_gradient[unit]), slope_written),
                values.delta[unit],
            )
        )
    statement = f"Through the activation of layer {number + 1}."
    return Step(statement, activation.rule, tuple(formulas), "Backward")


def _to_weights(network: Network, passed: Pass, number: int) -> Step:
    layer, values = network.layers[number], passed.layers[number]
    formulas = []
    for j in range(layer.weights.rows):
        z = _before(number, j)
        for k in range(layer.weights.cols):
            name = f"w^({number + 1})_{j + 1},{k + 1}"
            formulas.append(
                result_chain(
                    partial("L", name),
                    times(partial("L", z), _input(network, number, k)),
                    times(shown(values.delta[j]), shown(values.inputs[k])),
                    values.weight_gradient[j, k],
                )
            )
        bias = f"b^({number + 1})_{j + 1}"
        formulas.append(result_chain(partial("L", bias), partial("L", z), values.delta[j]))
    return Step(
        f"The loss by the weights and biases of layer {number + 1}.",
        "the derivative of w·h by w is h, that by the bias is 1",
        tuple(formulas),
        "Backward",
    )
