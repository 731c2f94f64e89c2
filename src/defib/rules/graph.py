"""Who feeds whom in a network: questions that several rules ask of its operations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import final

from defib.records.architecture import (
    Architecture,
    DropoutRecord,
    LayerRecord,
    OperationRecord,
    ParameterRecord,
)
from defib.records.site import Site
from defib.rules.operators import PASSED_THROUGH, PRODUCTS, WITHOUT_CONTENT, operator_of

NETWORK_INPUT = -1


@final
@dataclass(frozen=True)
class Graph:
    """The operations of an architecture that lead from its input to its output.

    Reshapes and dropouts are stepped over unless a method says otherwise: the network is
    traced in evaluation mode, where a dropout does nothing.
    """

    architecture: Architecture

    @cached_property
    def operations(self) -> tuple[OperationRecord, ...]:
        """Those that depend on the input and on which the output depends, in order."""
        return tuple(
            each
            for each in self.architecture.operations
            if each.index in self._varying and each.index in self._live
        )

    @cached_property
    def products(self) -> tuple[OperationRecord, ...]:
        """Convolutions and dense layers: products of the signal with parameters, in order."""
        return tuple(
            each
            for each in self.operations
            if operator_of(each) in PRODUCTS and len(self.feeds(each)) == 1 and self.weights(each)
        )

    def feeds(self, operation: OperationRecord) -> tuple[int, ...]:
        """Operations right before it that depend on the network's input, and -1 for that input."""
        return tuple(
            dict.fromkeys(
                each for each in operation.inputs if each == NETWORK_INPUT or each in self._varying
            )
        )

    def source(self, operation: OperationRecord) -> OperationRecord | None:
        """The operation whose result it reads; `None` for the network's input, or for several."""
        feeds = self.feeds(operation)
        while len(feeds) == 1 and feeds[0] != NETWORK_INPUT:
            found = self.architecture.operations[feeds[0]]
            if not self._is_passed_through(found):
                return found
            feeds = self.feeds(found)
        return None

    def readers(self, operation: OperationRecord) -> tuple[OperationRecord, ...]:
        """The operations that read its result."""
        return self._readers_of(operation.index, 0)

    def readers_of_dropout(self, dropout: DropoutRecord) -> tuple[OperationRecord, ...]:
        """The operations that read what a dropout left over."""
        return self._readers_of(dropout.after, dropout.before)

    def is_output(self, index: int, before: int = 0) -> bool:
        """Whether what is read of an operation's result from `before` on is the output itself."""
        if index in self.architecture.output_operations:
            return True
        return any(
            self.is_output(each.index)
            for each in self._direct_readers(index)
            if each.index >= before and self._is_passed_through(each)
        )

    def next_products(self, operation: OperationRecord) -> tuple[OperationRecord, ...]:
        """The first products behind an operation, whatever stands between."""
        products = {each.index for each in self.products}
        pending, seen = list(self.readers(operation)), set[int]()
        found: list[OperationRecord] = []
        while pending:
            each = pending.pop()
            if each.index in seen:
                continue
            seen.add(each.index)
            if each.index in products:
                found.append(each)
            else:
                pending += self.readers(each)
        return tuple(sorted(found, key=lambda each: each.index))

    def weights(self, operation: OperationRecord) -> tuple[ParameterRecord, ...]:
        """Parameters of two or more dimensions that a product multiplies the signal with."""
        return tuple(each for each in self._parameters(operation) if len(each.shape.dimensions) > 1)

    def bias(self, operation: OperationRecord) -> ParameterRecord | None:
        """The vector that a product adds."""
        vectors = [
            self._parameter_named[name]
            for name in operation.parameters
            if len(self._parameter_named[name].shape.dimensions) == 1
        ]
        return vectors[0] if vectors else None

    def layer(self, operation: OperationRecord) -> LayerRecord | None:
        """The layer call in which it ran."""
        return self._layers.get((operation.layer, operation.call))

    def site(self, operation: OperationRecord) -> Site | None:
        """The line that ran it, or else the line that called its layer."""
        layer = self.layer(operation)
        return operation.site or (layer.site if layer is not None else None)

    def label(self, operation: OperationRecord) -> str:
        """The layer in quotes; in the network's own `forward` the weight, or the network."""
        if operation.layer:
            return f"`{operation.layer}`"
        weights = self.weights(operation)
        return f"`{weights[0].name}`" if weights else f"`{self.architecture.name}` itself"

    # -- how it is found ---------------------------------------------------------------------

    def _is_passed_through(self, operation: OperationRecord) -> bool:
        return operator_of(operation) in PASSED_THROUGH or self._is_dropout(operation)

    def _is_dropout(self, operation: OperationRecord) -> bool:
        """Whether it multiplies with a random mask: a dropout that is on in evaluation mode."""
        pending = [each for each in operation.inputs if self._is_constant(each)]
        is_product = operator_of(operation) == "mul" and len(self.feeds(operation)) == 1
        while pending and is_product:
            constant = self.architecture.operations[pending.pop()]
            if operator_of(constant) == "bernoulli":
                return True
            pending += [each for each in constant.inputs if self._is_constant(each)]
        return False

    def _readers_of(self, index: int, before: int) -> tuple[OperationRecord, ...]:
        found: list[OperationRecord] = []
        for each in self._direct_readers(index):
            if each.index < before:
                continue
            if self._is_passed_through(each):
                found += self._readers_of(each.index, 0)
            else:
                found.append(each)
        return tuple(found)

    def _direct_readers(self, index: int) -> tuple[OperationRecord, ...]:
        return tuple(self.architecture.operations[each] for each in self._consumers.get(index, ()))

    def _parameters(self, operation: OperationRecord) -> tuple[ParameterRecord, ...]:
        names = list(operation.parameters)
        pending = [each for each in operation.inputs if self._is_constant(each)]
        while pending:
            constant = self.architecture.operations[pending.pop()]
            names += constant.parameters
            pending += [each for each in constant.inputs if self._is_constant(each)]
        return tuple(self._parameter_named[name] for name in dict.fromkeys(names))

    def _is_constant(self, index: int) -> bool:
        return index != NETWORK_INPUT and index not in self._varying

    @cached_property
    def _varying(self) -> frozenset[int]:
        found: set[int] = set()
        for each in self.architecture.operations:
            is_reached = NETWORK_INPUT in each.inputs or not found.isdisjoint(each.inputs)
            if is_reached and operator_of(each) not in WITHOUT_CONTENT:
                found.add(each.index)
        return frozenset(found)

    @cached_property
    def _live(self) -> frozenset[int]:
        found = set(self.architecture.output_operations)
        for each in reversed(self.architecture.operations):
            if each.index in found:
                found.update(each.inputs)
        return frozenset(found)

    @cached_property
    def _consumers(self) -> dict[int, list[int]]:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for each in self.operations:
            for index in dict.fromkeys(each.inputs):
                found[index].append(each.index)
        return found

    @cached_property
    def _parameter_named(self) -> dict[str, ParameterRecord]:
        return {each.name: each for each in self.architecture.parameters}

    @cached_property
    def _layers(self) -> dict[tuple[str, int], LayerRecord]:
        return {(each.name, each.call): each for each in self.architecture.layers}
