"""What was observed of one training: facts, series over steps, and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import final

from defib.records.series import Series
from defib.records.site import Site


class RunEnding(Enum):
    """How a watched program ended."""

    RUNNING = "running"
    """No ending was written: the program still runs, or it was killed."""
    COMPLETED = "completed"
    RAISED = "raised"
    INTERRUPTED = "interrupted"


@final
@dataclass(frozen=True)
class Origin:
    """From where a script was started: its working directory, and whether by `-m`."""

    directory: str = ""
    is_module: bool = False


@final
@dataclass(frozen=True)
class LayerFact:
    """A layer that took part in training.

    `order` counts along the forward pass from the input (0). `activation` is the kind of
    non-linearity that directly follows (`relu`, `tanh`, ...; empty if none was seen).
    `reads_input` is true where the layer receives the batch itself, `feeds_loss` where no
    other layer stands between it and the loss. `linear_after` is the layer whose result it alone
    multiplies with its weights, with nothing between them but linear operations; mostly empty.
    """

    name: str
    kind: str
    order: int = 0
    activation: str = ""
    reads_input: bool = False
    feeds_loss: bool = False
    linear_after: str = ""
    optimizer: str = ""
    site: Site | None = None


@final
@dataclass(frozen=True)
class ParameterFact:
    """A parameter of a trained model. `optimizer` is empty where none updates it.

    `reached` says whether the graph of a recorded loss led to the parameter.
    """

    name: str
    layer: str
    shape: tuple[int, ...] = ()
    requires_grad: bool = True
    optimizer: str = ""
    reached: bool = True

    @property
    def size(self) -> int:
        """Number of elements."""
        product = 1
        for extent in self.shape:
            product *= extent
        return product


@final
@dataclass(frozen=True)
class OptimizerFact:
    """An optimiser that stepped, with the hyper-parameters of its first group at the start."""

    name: str
    kind: str
    site: Site | None = None
    step_site: Site | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class LossFact:
    """The loss on which `backward` was called before the steps of `optimizer`.

    `kind` is the field's word (`cross-entropy`, `mean-squared-error`, ...; `unknown` where
    the graph did not tell). `operations` names the graph's nodes from the loss inwards.
    `input_operation` is the operation that produced what the loss function received.
    `reduction` is `sum` where the examples' losses are added up and divided by nothing, `mean`
    where they are averaged, and empty where the graph did not tell.
    """

    optimizer: str
    kind: str = "unknown"
    operations: tuple[str, ...] = ()
    input_operation: str = ""
    reduction: str = ""
    site: Site | None = None
    input_site: Site | None = None
    backward_site: Site | None = None


@final
@dataclass(frozen=True)
class LoaderFact:
    """A data loader; `shuffle` is `None` where its sampler does not tell."""

    kind: str
    batch_size: int | None = None
    shuffle: bool | None = None
    length: int | None = None
    workers: int = 0
    site: Site | None = None


MODE_EVENT = "modules-by-mode"
"""Kind of the event that tells, at the first evaluation, which modules act otherwise in it."""


@final
@dataclass(frozen=True)
class Event:
    """Something that happened once: a skipped step, the first non-finite value, a failure.

    `detail` holds strings and numbers; its keys depend on `kind`.
    """

    kind: str
    step: int
    detail: Mapping[str, str | float] = field(default_factory=dict)
    site: Site | None = None


@final
@dataclass(frozen=True)
class Coverage:
    """What the monitor could not look into, so that silence is not mistaken for health.

    `opaque` names graph nodes whose inside is hidden (compiled graphs, reentrant
    checkpoints); `unreadable_steps` counts sampled steps whose saved tensors were not read
    because saved-tensor hooks were active.
    """

    sampled_steps: int = 0
    backward_calls: int = 0
    unreadable_steps: int = 0
    opaque: tuple[str, ...] = ()
    failures: int = 0


@final
@dataclass(frozen=True, eq=False)
class RunRecord:
    """One watched training. `series` maps metric -> subject -> `Series`.

    Records are large: they are equal only to themselves, so that what is derived from one
    can be remembered.

    The subject is a layer, a parameter, an optimiser, a class label or an evaluation
    site, as the metric's page says. `seconds` is the wall time from the first to the last
    step; `monitor_seconds` the part of it that the monitor cost, with what it left the steps to
    find in the caches; `seconds_before` the wall time from the start of the program to the first
    step, with its imports and the making of its data, `nan` where that was not recorded.
    """

    script: str = ""
    arguments: tuple[str, ...] = ()
    started: str = ""
    origin: Origin = field(default_factory=Origin)
    versions: Mapping[str, str] = field(default_factory=dict)
    ending: RunEnding = RunEnding.COMPLETED
    error: str = ""
    steps: int = 0
    seconds: float = 0.0
    monitor_seconds: float = 0.0
    seconds_before: float = float("nan")
    layers: tuple[LayerFact, ...] = ()
    parameters: tuple[ParameterFact, ...] = ()
    optimizers: tuple[OptimizerFact, ...] = ()
    losses: tuple[LossFact, ...] = ()
    loaders: tuple[LoaderFact, ...] = ()
    events: tuple[Event, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    series: Mapping[str, Mapping[str, Series]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def overhead(self) -> float:
        """Time of the monitor relative to the time of the training without it."""
        own = self.seconds - self.monitor_seconds
        return self.monitor_seconds / own if own > 0 else 0.0

    def of(self, metric: str) -> Mapping[str, Series]:
        """All series of `metric` by subject; empty where it was not recorded."""
        return self.series.get(metric, {})

    def by_layer(self, metric: str) -> Iterator[tuple[str, Series]]:
        """The series of `metric` with their layer, in the order of the forward pass."""
        known = self.of(metric)
        for name in sorted(known, key=self.layer_order):
            yield name, known[name]

    def layer_order(self, name: str) -> int:
        """Position of a layer along the forward pass; unknown layers come last."""
        layer = self.layer(name)
        return layer.order if layer else len(self.layers)

    def layer(self, name: str) -> LayerFact | None:
        return self._layer_index.get(name)

    def parameter(self, name: str) -> ParameterFact | None:
        return self._parameter_index.get(name)

    def loss_of(self, optimizer: str) -> LossFact | None:
        return next((loss for loss in self.losses if loss.optimizer == optimizer), None)

    def optimizer(self, name: str) -> OptimizerFact | None:
        return next((known for known in self.optimizers if known.name == name), None)

    def site_of_layer(self, name: str) -> Site | None:
        layer = self.layer(name)
        return layer.site if layer else None

    def site_of_optimizer(self, name: str) -> Site | None:
        optimizer = self.optimizer(name)
        return optimizer.site if optimizer else None

    @cached_property
    def _layer_index(self) -> Mapping[str, LayerFact]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _parameter_index(self) -> Mapping[str, ParameterFact]:
        return {parameter.name: parameter for parameter in self.parameters}
