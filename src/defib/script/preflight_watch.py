"""Sees what a script makes on its way to the first backward pass, and then measures it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor
from torch.overrides import _get_current_function_mode  # pyright: ignore[reportPrivateUsage]
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter  # pyright: ignore[reportPrivateUsage]

from defib.analysis.inspection import inspect
from defib.analysis.parameters import with_uses
from defib.discovery.creation import Creations, watch_creation
from defib.discovery.graph import read_graph
from defib.discovery.losses import read_loss
from defib.discovery.operation_sites import OperationSites
from defib.discovery.patches import Patches
from defib.discovery.penalties import penalised_only
from defib.discovery.random_state import RandomState, random_state, randomness_restored
from defib.discovery.sites import calling_site
from defib.errors import UsageError
from defib.monitor.facts import FactWriter
from defib.monitor.guard import Guard
from defib.monitor.tracked import Tracked
from defib.probes.loader_batches import LoaderBatches
from defib.probes.running import run_probes
from defib.probes.setup import BUDGET_SECONDS, Budget, Load, Setup
from defib.probes.tape import Entry, SeenLoss, Tape, autocast
from defib.records.architecture import Architecture
from defib.records.preflight import LossCall, PreflightRecord
from defib.records.run import Coverage, RunRecord
from defib.script.first_backward import Call, Moment, unwrapped
from defib.script.keras_optimizer import equivalent_optimizer

LARGEST_INSPECTED = 200_000_000
"""Parameters: a larger network's architecture takes longer than the check may."""


@final
class PreflightWatch:
    """From the import of torch to the first backward pass."""

    def __init__(self, name: str, patches: Patches) -> None:
        self._name = name
        self._creations = Creations()
        self._failures: list[str] = []
        self._guard = Guard(self._failed)
        self._operation_sites = OperationSites(patches)
        self._tape = Tape()
        self._state: RandomState | None = None
        self._loaders: dict[int, LoaderBatches] = {}
        self._is_readable = True
        self._loads: list[Load] = []
        self._guard("creation", watch_creation)(patches, self._creations, self._guard)
        patches.replace(_BaseDataLoaderIter, "__next__", self._watched_batch)
        patches.replace(DataLoader, "__iter__", self._watched_iteration)
        patches.replace(torch.autograd.graph.saved_tensors_hooks, "__enter__", self._watched_saving)
        patches.replace(torch.nn.Module, "load_state_dict", self._watched_load)
        patches.add_undo(self._leave_tape)
        self._operation_sites.start()
        self._tape.__enter__()

    # -- while the script runs -------------------------------------------------------------------

    def calling(self) -> None:
        """An outermost call of a module begins."""
        self._tape.depth += 1
        self._state = random_state() if torch.is_grad_enabled() else None

    def called(self, call: Call) -> None:
        """It has ended."""
        self._tape.depth -= 1
        self._tape.add_call(
            Entry(call.module, call.arguments, call.keywords, call.result, autocast(), self._state)
        )

    def _watched_iteration(self, original: Any) -> Any:
        def iterate(loader: DataLoader[Any]) -> Any:
            iterator = original(loader)
            self._guard.run("loader", self._note_loader, iterator, loader)
            return iterator

        return iterate

    def _note_loader(self, iterator: Any, loader: DataLoader[Any]) -> None:
        iterator._defib_loader = loader

    def _watched_batch(self, original: Any) -> Any:
        def __next__(iterator: Any) -> Any:  # noqa: N807
            batch = original(iterator)
            loader = getattr(iterator, "_defib_loader", None)
            if loader is not None:
                self._loaders.pop(id(loader), None)
                self._loaders[id(loader)] = LoaderBatches(loader, batch)
            return batch

        return __next__

    def _watched_saving(self, original: Any) -> Any:
        def __enter__(context: Any) -> None:  # noqa: N807
            self._is_readable = False
            return original(context)

        return __enter__

    def _watched_load(self, original: Any) -> Any:
        def load_state_dict(network: Any, *arguments: Any, **keywords: Any) -> Any:
            result = original(network, *arguments, **keywords)
            strict = arguments[1] if len(arguments) > 1 else keywords.get("strict", True)
            if not strict:
                self._guard.run("load_state_dict", self._note_load, network, result)
            return result

        return load_state_dict

    def _note_load(self, network: Any, result: Any) -> None:
        missing, unexpected = result
        keys = len(network.state_dict())
        self._loads.append(Load(weakref.ref(network), keys, len(missing), len(unexpected)))

    def _leave_tape(self) -> None:
        self._tape.stop()
        # Modes leave in the order of a stack: under one of the user's, ours stays and is idle.
        if _get_current_function_mode() is self._tape:
            self._tape.__exit__(None, None, None)

    def _failed(self, place: str, error: Exception) -> None:
        self._failures.append(f"defib itself failed at `{place}`: {type(error).__name__}: {error}")

    # -- at the first backward pass ----------------------------------------------------------------

    def record(self, moment: Moment) -> PreflightRecord:
        """All facts and measurements. The user's objects are left as they are."""
        begun = time.perf_counter()
        self._operation_sites.stop()
        self._tape.stop()
        with randomness_restored():
            return replace(self._measured(moment, begun), seconds=time.perf_counter() - begun)

    def _measured(self, moment: Moment, begun: float) -> PreflightRecord:
        drawn = tuple(self._loaders.values())
        living = self._creations.living(DataLoader)
        others = [each for each in living if id(each) not in self._loaders]
        loss = _only_loss(moment, self._name)
        tracked = Tracked(self._creations)
        of_keras = equivalent_optimizer(moment.call.module)
        tracked.add([*moment.optimizers, of_keras] if of_keras else moment.optimizers)
        graph = read_graph(loss.grad_fn, tracked.layer_of_parameter)
        if tracked.add_reached(graph):
            graph = read_graph(loss.grad_fn, tracked.layer_of_parameter)
        reading = read_loss(loss.grad_fn, with_tensors=self._is_readable)
        network = unwrapped(moment.call.module)
        optimizers = {
            each.name: optimizer
            for each in tracked.optimizers
            if (optimizer := each.reference()) is not None
        }
        setup = Setup(
            network=network,
            arguments=moment.call.arguments,
            keywords=dict(moment.call.keywords),
            outputs=moment.call.result,
            loss=loss,
            reading=reading,
            graph=graph,
            parameters=tuple(tracked.parameters.values()),
            optimizers=optimizers,
            entries=tuple(self._tape.entries),
            loss_calls=tuple(self._tape.losses),
            loads=tuple(self._loads),
            loader=drawn[-1] if drawn else None,
            loaders=drawn,
            other_loaders=tuple(map(LoaderBatches, others, [None] * len(others))),
            budget=Budget(begun + BUDGET_SECONDS),
            is_readable=self._is_readable,
        )
        facts = _Facts()
        writer = FactWriter(facts, self._creations)
        writer.write_optimizers(tracked)
        writer.write_layers(graph, tracked)
        writer.write_parameters(graph, tracked)
        writer.write_loss(reading, setup.optimizer_name, calling_site())
        architecture = _architecture(setup)
        found = run_probes(setup)
        return PreflightRecord(
            script=self._name,
            network=type(network).__name__,
            facts=replace(facts.record(), coverage=Coverage(1, 1, opaque=tuple(graph.opaque))),
            loss_calls=tuple(map(_loss_call, setup.own_losses)),
            measurements=found.read(),
            sequences=found.sequences,
            not_measured=found.reasons,
            architecture=architecture,
            notes=tuple(self._failures),
        )


def _only_loss(moment: Moment, name: str) -> Tensor:
    losses = [each for each in moment.losses if each.grad_fn is not None]
    if len(losses) != 1 or losses[0].numel() != 1:
        # Inside a reentrant checkpoint the graph of the loss is hidden: what shows is an inner one.
        what = "several losses at once, or a hidden graph" if losses else "no call of `backward`"
        raise UsageError(f"`{name}` trains with {what}: that cannot be checked. Use `defib run`.")
    return losses[0]


def _architecture(setup: Setup) -> Architecture | None:
    if sum(each.numel() for each in setup.network.parameters()) > LARGEST_INSPECTED:
        return None
    try:
        found = inspect(setup.network, setup.arguments, keywords=setup.keywords)
    except Exception:  # the user's code, on tensors without numbers
        return None
    used = setup.graph.reached - penalised_only(setup.graph.nodes)
    parameters = with_uses(found.parameters, setup.network, used)
    return replace(found, loss_kind=setup.reading.kind, parameters=parameters)


def _loss_call(seen: SeenLoss) -> LossCall:
    return LossCall(
        seen.name,
        tuple(seen.predictions.shape),
        tuple(seen.targets.shape),
        str(seen.predictions.dtype).removeprefix("torch."),
        str(seen.targets.dtype).removeprefix("torch."),
        seen.site,
    )


@final
class _Facts:
    """Takes facts as the writer of a run does; the last of each name counts."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Any, Any]] = {}

    def write_fact(self, field: str, fact: object) -> None:
        known = self._found.setdefault(field, {})
        known[getattr(fact, "name", len(known))] = fact

    def record(self) -> RunRecord:
        fields: Mapping[str, Any] = {
            kind: tuple(known.values()) for kind, known in self._found.items()
        }
        return RunRecord(**fields)
