"""Writes down what is known of layers, parameters, optimisers, losses and loaders, once each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, final

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from defib.discovery.creation import Creations
from defib.discovery.graph import Graph
from defib.discovery.losses import LossReading
from defib.discovery.operation_sites import site_of_node
from defib.monitor.tracked import Tracked, TrackedOptimizer, hyperparameters
from defib.records.run import (
    LayerFact,
    LoaderFact,
    LossFact,
    OptimizerFact,
    ParameterFact,
)
from defib.records.site import Site


class FactStore(Protocol):
    """Keeps facts; a `RunWriter` writes them to disk."""

    def write_fact(self, field: str, fact: object) -> None: ...


@final
class FactWriter:
    """Remembers what was written, so that nothing is written twice."""

    def __init__(self, writer: FactStore, creations: Creations) -> None:
        self._writer = writer
        self._creations = creations
        self._optimizers: dict[str, OptimizerFact] = {}
        self._layers: dict[str, LayerFact] = {}
        self._parameters: dict[str, ParameterFact] = {}
        self._losses: dict[str, LossFact] = {}
        self._loaders: set[int] = set()
        self._operations: list[tuple[str, Site | None]] = []

    def write_optimizers(self, tracked: Tracked) -> None:
        """Every optimiser that is not written yet, and the loaders made so far."""
        for known in tracked.optimizers:
            optimizer = known.reference()
            if known.name in self._optimizers or optimizer is None:
                continue
            fact = OptimizerFact(
                known.name,
                known.kind,
                site=self._creations.site(optimizer),
                hyperparameters=hyperparameters(known),
            )
            self._optimizers[known.name] = fact
            self._writer.write_fact("optimizers", fact)
        self._write_loaders()

    def write_step_site(self, known: TrackedOptimizer, site: Site | None) -> None:
        """Where the user calls `step`."""
        fact = self._optimizers.get(known.name)
        if fact is not None and site is not None:
            self._writer.write_fact("optimizers", replace(fact, step_site=site))

    def write_layers(self, graph: Graph, tracked: Tracked) -> None:
        """The layers of a graph that are not written yet."""
        new = [use for use in graph.layers if use.layer not in self._layers]
        if not new:
            return
        if not self._operations:
            self._operations = [(node.name(), site_of_node(node)) for node in graph.nodes]
        owners = {p.layer: p for p in tracked.parameters.values()}
        activations = {
            use.layer: use.kind for use in reversed(graph.activations) if use.kind != "softmax"
        }
        for use in new:
            if use.layer in self._layers:
                continue
            parameter = owners.get(use.layer)
            owner = parameter.owner if parameter else None
            fact = LayerFact(
                use.layer,
                kind=type(owner).__name__ if owner is not None else "",
                order=len(self._layers),
                activation=activations.get(use.layer, ""),
                reads_input=use.reads_input,
                feeds_loss=use.layer in graph.last_layers,
                linear_after=graph.linear_sources.get(use.layer, ""),
                optimizer=tracked.optimizer_of_parameter.get(id(parameter.tensor), "")
                if parameter
                else "",
                site=self._creations.site(owner) if owner is not None else None,
            )
            self._write_layer(fact)

    def _write_layer(self, fact: LayerFact) -> None:
        self._layers[fact.name] = fact
        self._writer.write_fact("layers", fact)

    def write_parameters(self, graph: Graph, tracked: Tracked) -> None:
        """Parameters that are new, are reached for the first time, or got an optimiser."""
        for key, parameter in tracked.parameters.items():
            known = self._parameters.get(parameter.name)
            reached = key in graph.reached or (known is not None and known.reached)
            optimizer = tracked.optimizer_of_parameter.get(key, "")
            if known is not None:
                # An optimiser that is gone has updated it all the same.
                optimizer = known.optimizer or optimizer
                if (known.reached, known.optimizer) == (reached, optimizer):
                    continue
            fact = ParameterFact(
                parameter.name,
                parameter.layer,
                shape=parameter.shape,
                requires_grad=parameter.tensor.requires_grad,
                optimizer=optimizer,
                reached=reached,
            )
            self._parameters[parameter.name] = fact
            self._writer.write_fact("parameters", fact)
            layer = self._layers.get(parameter.layer)
            if layer is not None and not layer.optimizer and optimizer:
                self._write_layer(replace(layer, optimizer=optimizer))

    def write_loss(self, reading: LossReading, optimizer: str, backward_site: Site | None) -> None:
        """The loss of an optimiser, the first time that its kind is known."""
        known = self._losses.get(optimizer)
        if known is not None and (known.kind != "unknown" or reading.kind == "unknown"):
            return
        fact = LossFact(
            optimizer,
            reading.kind,
            operations=reading.operations,
            input_operation=reading.input_operation,
            reduction=reading.reduction,
            site=reading.site,
            input_site=reading.input_site,
            backward_site=backward_site,
        )
        self._losses[optimizer] = fact
        self._writer.write_fact("losses", fact)

    def site_of_operation(self, graph: Graph, position: int) -> Site | None:
        """The user's line of a node, from the first pass, whose graph had the same nodes."""
        if not 0 <= position < len(self._operations):
            return None
        if len(graph.nodes) != len(self._operations):
            return None
        name, site = self._operations[position]
        return site if graph.nodes[position].name() == name else None

    def _write_loaders(self) -> None:
        for loader in self._creations.living(DataLoader):
            if id(loader) not in self._loaders:
                self._loaders.add(id(loader))
                self._writer.write_fact("loaders", _loader_fact(loader, self._creations))


def _loader_fact(loader: DataLoader[Any], creations: Creations) -> LoaderFact:
    # With a batch sampler of the user's own, the loader's `sampler` is a dummy.
    sampled_by = loader.batch_sampler if loader.batch_size is None else loader
    sampler = getattr(sampled_by, "sampler", None)
    return LoaderFact(
        kind=type(loader).__name__,
        batch_size=getattr(sampled_by, "batch_size", None),
        shuffle=True
        if isinstance(sampler, RandomSampler)
        else False
        if isinstance(sampler, SequentialSampler)
        else None,
        # `len` runs user code, and iterable data sets have none.
        length=_length(loader),
        workers=loader.num_workers,
        site=creations.site(loader),
    )


def _length(loader: DataLoader[Any]) -> int | None:
    try:
        return len(loader)
    except Exception:
        return None
