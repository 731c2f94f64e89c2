"""Units of a hidden layer that are copies of one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.records.run import ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import ArchitectureRule, Rule
from defib.rules.failure import is_failing
from defib.rules.graph import Graph
from defib.rules.initialization.start_values import (
    are_inputs_alike,
    are_units_alike,
    bias_constant,
    require_values,
)


@final
@dataclass(frozen=True)
class UnbrokenSymmetry(Rule, ArchitectureRule):
    """Units of a hidden layer that are copies of one another.

    ## What it detects
    A trained hidden layer of several units, not all zero, whose units have the same
    incoming weights at each of the last `patience` recorded steps.

    ## Why it matters
    Equal units that are read with equal weights get equal gradients: gradient descent never
    tells them apart, and a layer of any width does the work of one unit.

    ## How it is measured
    `unit_spread` (dimensionless, in [0, 1]): norm of the deviations of the units' weights
    from their mean, over the norm of the weights. Without a training the weights themselves
    are compared, exactly: an error if the layers that read the units have equal weights for
    them too and the biases are equal, else a warning.

    ## Known false positives
    Weights that are equal by design and hardly trained.

    ## What to change
    Initialise at random. A constant, whether 0 or not, breaks no symmetry.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 8.4: breaking symmetry.
    """

    severity = Severity.ERROR
    requires = ("unit_spread",)
    explains = (
        "loss-plateau",
        "too-few-epochs",
        "constant-output",
        "learning-rate-too-high",
        "cannot-fit-one-batch",
        "input-not-used",
        "vanishing-gradient",
        "exploding-gradient",
        "unsuitable-initialization",
    )
    fixes = ("he-initialization", "glorot-initialization")

    max_spread: float = 1e-6
    """`unit_spread`, dimensionless: 10 times the rounding of float32 (IEEE 754). Randomly
    initialised units have about 1."""
    patience: int = 3
    """Consecutive recorded steps."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        for name, series in run.of("unit_spread").items():
            parameter = run.parameter(name)
            alike = series.final_stretch_below(self.max_spread)
            if parameter and len(alike) >= self.patience and _is_hidden(run, parameter):
                yield self._finding(run, parameter, alike)

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        require_values(architecture)
        graph = Graph(architecture)
        for operation in graph.products:
            behind = graph.next_products(operation)
            if behind and are_units_alike(graph, operation):
                is_equal = bias_constant(graph, operation) is not None and all(
                    are_inputs_alike(graph, each) for each in behind
                )
                yield self._finding_without_run(graph, operation, is_equal=is_equal)

    def _finding_without_run(
        self, graph: Graph, operation: OperationRecord, *, is_equal: bool
    ) -> Finding:
        [weight, *_] = graph.weights(operation)
        constant = weight.values.constant if weight.values is not None else None
        value = "the same weights" if constant is None else f"the same weight {constant:.3g}"
        fate = (
            "they are read with equal weights and remain copies of one another"
            if is_equal
            else "nothing but the biases and the layers behind them tells them apart"
        )
        return self.found(
            f"All units of {graph.label(operation)} have {value} (0 differ, limit at least 1): "
            f"{fate}.",
            f"Initialise `{weight.name}` at random instead of with a constant.",
            layer=operation.layer,
            site=graph.site(operation),
            severity=Severity.ERROR if is_equal else Severity.WARNING,
            evidence={"weights": weight.shape.count},
        )

    def _finding(self, run: RunRecord, parameter: ParameterFact, alike: Series) -> Finding:
        is_error = is_failing(run, parameter.optimizer)
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR if is_error else Severity.WARNING,
            layer=parameter.layer,
            site=run.site_of_layer(parameter.layer),
            steps=(int(alike.steps[0]), int(alike.steps[-1])),
            message=f"All {parameter.shape[0]} units of `{parameter.layer}` have the same weights "
            f"since step {alike.steps[0]} (spread {alike.last:.2g}, limit {self.max_spread:g}).",
            evidence={"unit_spread": alike.last, "units": float(parameter.shape[0])},
            remedy=f"Initialise `{parameter.name}` at random instead of with a constant.",
            fixes=self.fixes,
        )


def _is_hidden(run: RunRecord, parameter: ParameterFact) -> bool:
    layer = run.layer(parameter.layer)
    is_trained = parameter.requires_grad and parameter.optimizer != "" and parameter.reached
    is_wide = len(parameter.shape) >= 2 and parameter.shape[0] > 1
    return is_trained and is_wide and layer is not None and not layer.feeds_loss
