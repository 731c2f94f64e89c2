"""Weights that start at exactly zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.architecture import Architecture, OperationRecord
from defib.records.finding import Finding, Severity
from defib.records.run import LayerFact, ParameterFact, RunRecord
from defib.records.series import Series
from defib.rules.base import ArchitectureRule, Rule
from defib.rules.failure import is_failing
from defib.rules.graph import Graph
from defib.rules.initialization.start_values import bias_constant, require_values
from defib.rules.operators import RECTIFIERS, operator_of


@final
@dataclass(frozen=True)
class ZeroInitialization(Rule, ArchitectureRule):
    """Weights that start at exactly zero.

    ## What it detects
    A weight matrix or kernel that is all zero at the first recorded step: an error if it
    never moves, or if its units stay alike in a training that fails; information if it is
    the last layer and it recovered.

    ## Why it matters
    A layer of zeros before a ReLU outputs 0, where the derivative of the ReLU is 0 too: it
    gets no gradient, ever, and blocks itself. Before a sigmoid or tanh all its units get
    the same gradient once the layer after it has moved, and remain copies of one another.
    A zero last layer passes no gradient down at the first step only: it moves at once.

    ## How it is measured
    `parameter_norm` (0 at the first recorded step), `gradient_norm` (exactly 0 at every
    recorded step if blocked) and `unit_spread` at the end. Without a training: the weights
    themselves; a layer is blocked if a ReLU reads its zeros, or if all layers that read it are
    zero too.

    ## Known false positives
    Zeros by design (the last layer of a residual branch, the second factor of LoRA,
    position embeddings) recover and are not reported.

    ## What to change
    Initialise at random: He for ReLU, Glorot for sigmoid and tanh. Only biases may be zero.

    ## References
    - Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 8.4: breaking symmetry.
    - Nikanjam et al., *NeuraLint* (2021): rule on constant weights.
    """

    severity = Severity.ERROR
    requires = ("parameter_norm", "gradient_norm")
    explains = (
        "unbroken-symmetry",
        "dead-relu",
        "constant-output",
        "loss-plateau",
        "zero-gradient",
        "vanishing-gradient",
        "parameter-without-gradient",
        "class-imbalance",
        "learning-rate-too-low",
        "cannot-fit-one-batch",
        "input-not-used",
        "unsuitable-initialization",
    )
    fixes = ("he-initialization", "glorot-initialization")

    max_spread: float = 1e-6
    """`unit_spread` below which units are alike, dimensionless: 10 times the rounding of
    float32 (IEEE 754)."""
    patience: int = 3
    """Recorded steps before a layer counts as blocked: under a zero last layer it has no
    gradient at the first one."""

    def check(self, run: RunRecord) -> Iterator[Finding]:
        found = [
            finding
            for name, norm in run.of("parameter_norm").items()
            if norm and norm.first == 0
            for finding in self._judge(run, run.parameter(name), norm)
        ]
        errors = [each for each in found if each.severity is Severity.ERROR]
        # That the last layer moves is no news where the others are stuck.
        yield from sorted(errors or found, key=lambda each: run.layer_order(each.layer))

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        require_values(architecture)
        graph = Graph(architecture)
        found = [
            self._finding_without_run(graph, operation)
            for operation in graph.products
            if _is_zero(graph, operation) and _consequence(graph, operation)
        ]
        errors = [each for each in found if each.severity is Severity.ERROR]
        yield from errors or found

    def _finding_without_run(self, graph: Graph, operation: OperationRecord) -> Finding:
        [weight, *_] = graph.weights(operation)
        is_last = not graph.next_products(operation)
        return self.found(
            f"All {weight.shape.count:,} weights of `{weight.name}` are 0 (limit none), "
            f"{_consequence(graph, operation)}.",
            "Nothing has to change; a small random initialisation saves the first step."
            if is_last
            else f"Initialise `{weight.name}` at random: He for ReLU, Glorot for sigmoid and tanh. "
            "Biases may be zero.",
            layer=operation.layer,
            site=graph.site(operation),
            severity=Severity.INFO if is_last else Severity.ERROR,
            evidence={"weights": weight.shape.count},
        )

    def _judge(
        self, run: RunRecord, parameter: ParameterFact | None, norm: Series
    ) -> Iterator[Finding]:
        if parameter is None or len(parameter.shape) < 2 or not parameter.requires_grad:
            return
        layer = run.layer(parameter.layer) or LayerFact(parameter.layer, "")
        if self._is_blocked(run, parameter, norm):
            yield self._finding(run, parameter, norm, _blocked(layer, norm))
        elif norm.last == 0:
            return
        elif layer.feeds_loss:
            if not _has_varied_output(run, parameter.optimizer):
                yield self._recovered(run, parameter, norm)
        elif is_failing(run, parameter.optimizer) and self._are_units_alike(run, parameter):
            consequence = "and its units have remained copies of one another"
            yield self._finding(run, parameter, norm, consequence)

    def _is_blocked(self, run: RunRecord, parameter: ParameterFact, norm: Series) -> bool:
        gradient = run.of("gradient_norm").get(parameter.name, Series.of(())).finite()
        is_still = len(norm) >= self.patience and bool((norm.values == 0).all())
        return is_still and len(gradient) >= self.patience and not gradient.values.any()

    def _are_units_alike(self, run: RunRecord, parameter: ParameterFact) -> bool:
        spread = run.of("unit_spread").get(parameter.name, Series.of(())).finite()
        return bool(spread) and spread.last < self.max_spread and parameter.shape[0] > 1

    def _finding(
        self, run: RunRecord, parameter: ParameterFact, norm: Series, consequence: str
    ) -> Finding:
        return Finding(
            rule=self.name(),
            severity=Severity.ERROR,
            layer=parameter.layer,
            site=run.site_of_layer(parameter.layer),
            steps=(int(norm.steps[0]), int(norm.steps[-1])),
            message=f"All weights of `{parameter.name}` were 0 at step {norm.steps[0]}, "
            f"{consequence}.",
            evidence={"parameter_norm_at_start": norm.first, "parameter_norm_at_end": norm.last},
            remedy=f"Initialise `{parameter.name}` at random: He for ReLU, Glorot for sigmoid "
            "and tanh. Biases may be zero.",
            fixes=self.fixes,
        )

    def _recovered(self, run: RunRecord, parameter: ParameterFact, norm: Series) -> Finding:
        moved = int(norm.steps[np.flatnonzero(norm.values)[0]])
        return Finding(
            rule=self.name(),
            severity=Severity.INFO,
            layer=parameter.layer,
            site=run.site_of_layer(parameter.layer),
            steps=(int(norm.steps[0]), moved),
            message=f"All weights of the last layer's `{parameter.name}` were 0 at step "
            f"{norm.steps[0]}: the layers below got no gradient then. It has moved since step "
            f"{moved}, to a norm of {norm.last:.2g}.",
            evidence={"parameter_norm_at_start": norm.first, "parameter_norm_at_end": norm.last},
            remedy="Nothing has to change; a small random initialisation saves the first step.",
            fixes=self.fixes,
        )


def _has_varied_output(run: RunRecord, optimizer: str) -> bool:
    """Whether the output depended on the input at first: another path led around the zeros."""
    spread = run.of("prediction_batch_std").get(optimizer)
    return spread is not None and bool(spread) and spread.first > 0


def _blocked(layer: LayerFact, norm: Series) -> str:
    reason = (
        ": the ReLU after it outputs 0 and has the derivative 0 there, so the layer blocks itself"
        if layer.activation == "relu"
        else ""
    )
    return f"and its gradient was exactly 0 at every recorded step up to {norm.steps[-1]}{reason}"


def _is_zero(graph: Graph, operation: OperationRecord) -> bool:
    return all(
        each.is_trainable and each.values is not None and each.values.constant == 0
        for each in graph.weights(operation)
    )


def _consequence(graph: Graph, operation: OperationRecord) -> str:
    """What zeros do to the layer; nothing where it recovers because of the layers behind it."""
    readers, behind = graph.readers(operation), graph.next_products(operation)
    if not behind:
        return "and it is the last layer: those before it get no gradient at the first step"
    is_rectified = bool(readers) and all(operator_of(each) in RECTIFIERS for each in readers)
    bias = bias_constant(graph, operation)
    if is_rectified and bias is not None and bias <= 0:
        return "and a ReLU reads its zeros, where its derivative is 0: the layer blocks itself"
    if all(_is_zero(graph, each) for each in behind):
        return "and so are those of every layer that reads it: its units remain alike"
    return ""
