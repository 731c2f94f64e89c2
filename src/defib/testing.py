"""Builders of records for tests: ours and those of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from defib.records.architecture import Architecture, Count, LayerRecord, TensorShape
from defib.records.expression import Expression, Integer
from defib.records.preflight import PreflightRecord
from defib.records.run import (
    LayerFact,
    LossFact,
    OptimizerFact,
    ParameterFact,
    RunRecord,
)
from defib.records.series import Series

DEFAULT_OPTIMIZER = "SGD"

Values = Sequence[float] | Series


def make_run(
    *,
    facts: Mapping[str, Any] | None = None,
    loss_kind: str = "unknown",
    **metrics: Values | Mapping[str, Values],
) -> RunRecord:
    """A record that holds the given metrics.

    Each metric is a mapping subject -> values, or values alone, which are then those of
    the only optimiser. Values are those of steps 0, 1, 2, ..., or a `Series`. Layers,
    parameters (a name with a dot is a parameter of the layer before it), the optimiser and
    its loss follow from the subjects; `facts` replaces any field of the record.
    """
    series = {metric: _by_subject(values) for metric, values in metrics.items()}
    every = [each for subjects in series.values() for each in subjects.values()]
    fields: dict[str, Any] = {
        "series": series,
        "steps": max((int(each.steps[-1]) + 1 for each in every if each), default=0),
        "layers": _layers(series),
        "parameters": _parameters(series),
        "optimizers": (OptimizerFact(DEFAULT_OPTIMIZER, DEFAULT_OPTIMIZER),),
        "losses": (LossFact(DEFAULT_OPTIMIZER, loss_kind),),
    }
    return RunRecord(**(fields | dict(facts or {})))


LAYER_METRICS = (
    "activation_mean",
    "activation_std",
    "activation_batch_std",
    "zero_fraction",
    "dead_unit_fraction",
    "saturated_fraction",
)
PARAMETER_METRICS = (
    "gradient_norm",
    "parameter_norm",
    "update_ratio",
    "zero_gradient_fraction",
    "unit_spread",
    "gradient_sign_agreement",
)


def _by_subject(values: Values | Mapping[str, Values]) -> dict[str, Series]:
    mapping = values if isinstance(values, Mapping) else {DEFAULT_OPTIMIZER: values}
    return {
        subject: each if isinstance(each, Series) else Series.of(each)
        for subject, each in mapping.items()
    }


def _layers(series: Mapping[str, Mapping[str, Series]]) -> tuple[LayerFact, ...]:
    names = dict.fromkeys(
        name for metric in LAYER_METRICS for name in series.get(metric, {})
    ) | dict.fromkeys(
        name.rpartition(".")[0] for metric in PARAMETER_METRICS for name in series.get(metric, {})
    )
    return tuple(
        LayerFact(
            name,
            "Linear",
            order=order,
            reads_input=order == 0,
            feeds_loss=order == len(names) - 1,
            optimizer=DEFAULT_OPTIMIZER,
        )
        for order, name in enumerate(names)
    )


def _parameters(series: Mapping[str, Mapping[str, Series]]) -> tuple[ParameterFact, ...]:
    names = dict.fromkeys(name for metric in PARAMETER_METRICS for name in series.get(metric, {}))
    return tuple(
        ParameterFact(name, name.rpartition(".")[0], (8, 8), optimizer=DEFAULT_OPTIMIZER)
        if name.endswith("weight")
        else ParameterFact(name, name.rpartition(".")[0], (8,), optimizer=DEFAULT_OPTIMIZER)
        for name in names
    )


def make_architecture(
    *layers: LayerRecord,
    name: str = "Network",
    inputs: Sequence[Shape] = ((1, 3, 32, 32),),
    **fields: Any,
) -> Architecture:
    """An architecture of the given layers, in the order of the calls.

    `fields` replaces any field of the record; the outputs are those of the last layer.
    """
    outputs = layers[-1].outputs if layers else ()
    given: dict[str, Any] = {
        "inputs": tuple(map(_shape, inputs)),
        "outputs": outputs,
        "layers": layers,
    }
    return Architecture(name, **(given | fields))


def make_layer(
    name: str,
    type: str = "Linear",
    *,
    inputs: Sequence[Shape] = (),
    outputs: Sequence[Shape] = (),
    **fields: Any,
) -> LayerRecord:
    """A call of a layer, one level below the network for each part of its name.

    Counts may be given as numbers, as expressions or as they are; `fields` replaces any field.
    """
    given: dict[str, Any] = {
        key: _count(each) if key in _COUNTS else each for key, each in fields.items()
    }
    given.setdefault("depth", name.count(".") + 1 if name else 0)
    return LayerRecord(
        name,
        type,
        inputs=tuple(map(_shape, inputs)),
        outputs=tuple(map(_shape, outputs)),
        **given,
    )


Shape = Sequence[int] | TensorShape

_COUNTS = frozenset(
    {"weights", "biases", "macs", "padding_macs", "connections", "activations"}
    | {"dense_equivalent", "saved_bytes"}
)


def _count(value: Count | Expression | int) -> Count:
    if isinstance(value, Count):
        return value
    return Count(value if isinstance(value, Expression) else Integer(value))


def _shape(shape: Shape) -> TensorShape:
    return shape if isinstance(shape, TensorShape) else TensorShape(tuple(shape))


def make_preflight(
    *,
    facts: Mapping[str, Any] | None = None,
    sequences: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    fields: Mapping[str, Any] | None = None,
    **metrics: float | Mapping[str, float],
) -> PreflightRecord:
    """A record of a first batch that holds the given metrics.

    Each metric is a mapping subject -> number, or the number of the only optimiser. Layers,
    parameters, the optimiser and its loss follow from the subjects as in `make_run`; `facts`
    replaces fields of the facts, `fields` those of the record.
    """
    measurements = {
        metric: dict(values) if isinstance(values, Mapping) else {DEFAULT_OPTIMIZER: values}
        for metric, values in metrics.items()
    }
    series: dict[str, Any] = {
        metric: {subject: [value] for subject, value in subjects.items()}
        for metric, subjects in measurements.items()
    }
    known = make_run(facts={**(facts or {}), "series": {}, "steps": 0}, **series)
    given: dict[str, Any] = {
        "network": "Network",
        "facts": known,
        "measurements": measurements,
        "sequences": {
            metric: {subject: tuple(values) for subject, values in subjects.items()}
            for metric, subjects in (sequences or {}).items()
        },
    }
    return PreflightRecord(**(given | dict(fields or {})))
