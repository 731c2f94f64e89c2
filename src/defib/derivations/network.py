"""A small fully connected network with exact numbers, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, final

from defib.derivations.activations import activation_called
from defib.derivations.algebra import Expr, Matrix, sympy
from defib.derivations.losses import loss_called
from defib.derivations.update_rules import update_rule_called
from defib.errors import UsageError

MOST_PARAMETERS = 200
"""Every one of them gets its line; more is no working that anybody reads."""

MOST_STEPS = 100
MOST_UPDATES = 2_000
"""Steps times parameters: irrational ones take half a millisecond each."""

KEYS = ("input", "target", "loss", "learning-rate", "optimizer", "steps", "layer")
LAYER_KEYS = ("weights", "biases", "activation")


@final
@dataclass(frozen=True)
class Layer:
    """Rows of weights, one for each unit, biases, and the name of the activation."""

    weights: Matrix
    biases: Matrix
    activation: str = "identity"


@final
@dataclass(frozen=True)
class Network:
    """A network at one example, with what trains it. A weight may be a symbol."""

    inputs: Matrix
    target: Matrix
    layers: tuple[Layer, ...]
    learning_rate: Expr
    loss: str = "squared-error"
    optimizer: str = "sgd"
    steps: int = 1

    @property
    def unknowns(self) -> tuple[Expr, ...]:
        """The symbols among its numbers, by name."""
        parts = [self.inputs, self.target, *(part for each in self.layers for part in _of(each))]
        found = {symbol for part in parts for symbol in part.free_symbols}
        return tuple(sorted(found, key=str))

    def with_numbers(self, values: Mapping[Expr, Expr]) -> Network:
        """The same network with numbers in place of symbols."""
        layers = tuple(
            Layer(each.weights.subs(values), each.biases.subs(values), each.activation)
            for each in self.layers
        )
        inputs, target = self.inputs.subs(values), self.target.subs(values)
        return replace(self, layers=layers, inputs=inputs, target=target)


def _of(layer: Layer) -> tuple[Matrix, Matrix]:
    return layer.weights, layer.biases


def read_network(path: Path) -> Network:
    """The network of a TOML file. Raises `UsageError` with the place of what does not fit."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}` is no TOML: {error}") from error
    return network_of(content, str(path))


def network_of(content: Mapping[str, Any], place: str = "the network") -> Network:
    """The network that a mapping describes, as in the TOML file. Raises `UsageError`."""
    _check_keys(content, KEYS, place)
    for key in ("input", "target", "layer"):
        if key not in content:
            raise UsageError(f"{place} has no `{key}`. `defib derive backprop --help` has a file.")
    layers = content["layer"]
    if not isinstance(layers, list) or not layers or not all(isinstance(x, dict) for x in layers):
        raise UsageError(f"{place}: expected at least one `[[layer]]`, got {layers!r}.")
    network = Network(
        _vector(content["input"], f"{place}: `input`"),
        _vector(content["target"], f"{place}: `target`"),
        tuple(_layer(each, f"{place}: layer {n}") for n, each in enumerate(layers, start=1)),
        _number(content.get("learning-rate", "1/10"), f"{place}: `learning-rate`"),
        content.get("loss", "squared-error"),
        str(content.get("optimizer", "sgd")).lower(),
        content.get("steps", 1),
    )
    checked_sizes(network, place)
    return network


def _layer(content: Mapping[str, Any], place: str) -> Layer:
    _check_keys(content, LAYER_KEYS, place)
    rows = content.get("weights")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise UsageError(
            f"{place}: expected `weights` as a list of rows, one for each unit, got {rows!r}."
        )
    lengths = {len(row) for row in rows}
    if len(lengths) != 1:
        raise UsageError(f"{place}: rows of `weights` have {sorted(lengths)} numbers; one length.")
    weights = [[_number(each, f"{place}: `weights`") for each in row] for row in rows]
    biases = content.get("biases", [0] * len(rows))
    activation = content.get("activation", "identity")
    activation_called(activation)
    vector = _vector(biases, f"{place}: `biases`")
    return Layer(sympy.ImmutableMatrix(weights), vector, activation)


def checked_sizes(network: Network, place: str) -> None:
    """Raise `UsageError` where shapes, names or numbers do not fit together."""
    width = network.inputs.rows
    for number, layer in enumerate(network.layers, start=1):
        units, read = layer.weights.shape
        if read != width:
            raise UsageError(
                f"{place}: layer {number} has {read} weights in a row but receives {width} numbers."
            )
        if layer.biases.rows != units:
            raise UsageError(
                f"{place}: layer {number} has {units} units but {layer.biases.rows} biases."
            )
        width = units
    parameters = sum(each.weights.rows * (each.weights.cols + 1) for each in network.layers)
    if parameters > MOST_PARAMETERS:
        raise UsageError(
            f"{place} has {parameters} parameters; at most {MOST_PARAMETERS} can be worked out."
        )
    loss_called(network.loss).check(width, network.target, place)
    update_rule_called(network.optimizer)
    if not isinstance(network.steps, int) or not 1 <= network.steps <= MOST_STEPS:
        raise UsageError(f"{place}: expected 1 to {MOST_STEPS} `steps`, got {network.steps!r}.")
    if network.steps * parameters > MOST_UPDATES:
        raise UsageError(
            f"{place}: {network.steps} steps of {parameters} parameters are "
            f"{network.steps * parameters:,} updates; at most {MOST_UPDATES:,} are worked out."
        )


def _check_keys(content: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    for key in content:
        if key not in known:
            raise UsageError(f"{place}: `{key}` is not known; expected {', '.join(known)}.")


def _vector(value: Any, place: str) -> Matrix:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError(f"{place}: expected at least one number.")
    return sympy.ImmutableMatrix([_number(each, place) for each in values])


def _number(value: Any, place: str) -> Expr:
    """Whole numbers and fractions exactly, decimals as they are written, names as symbols."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UsageError(f"{place}: expected a number, a fraction or a name, got {value!r}.")
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        fraction = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        if text.isidentifier() and text not in ("nan", "inf"):
            return sympy.Symbol(text, real=True)
        raise UsageError(
            f"{place}: expected a number, a fraction such as '1/3' or a name, got {value!r}."
        ) from error
    return sympy.Rational(fraction.numerator, fraction.denominator)
