"""What `defib inspect` looks at: a network with the inputs at which it is traced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from defib.analysis.inspection import inspect
from defib.errors import UnknownNameError, UsageError
from defib.records.architecture import Architecture
from defib.script.definitions import definitions_of
from defib.script.example_inputs import (
    ELEMENT_TYPES,
    Assumption,
    argument_of,
    assumptions,
    check_inputs,
    keyword_of,
    tensor_of,
)
from defib.script.first_batch import first_batch_of
from defib.script.target_network import import_place, load_network

_NAMED_TARGET = re.compile(r"(?P<place>.+):(?P<name>[A-Za-z_][\w.]*)")


@final
@dataclass(frozen=True)
class Subject:
    """A network and its inputs. `guesses` stand in where the user gave none, likeliest first.

    `loss_kind` and `optimizer` are those of the script that trains it, empty if not known.
    """

    name: str
    network: nn.Module
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    guesses: tuple[Assumption, ...] = ()
    loss_kind: str = ""
    optimizer: str = ""


@final
@dataclass(frozen=True)
class Request:
    """What the user wrote: the target, and the texts of inputs and constructor arguments."""

    target: str
    inputs: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    element_type: str | None = None
    constructor: tuple[str, ...] = ()
    script_arguments: tuple[str, ...] = field(default=())


def subject_of(request: Request) -> Subject:
    """The network that is asked for. Raises `UsageError` where there is none, or no input."""
    named = _NAMED_TARGET.fullmatch(request.target)
    if named is not None:
        return _named_subject(request, named["name"])
    if request.target.endswith(".py") or Path(request.target).exists():
        return _trained_subject(request)
    definitions = definitions_of(import_place(request.target), request.target)
    raise UsageError(f"`{request.target}` is a module, no network. {definitions}")


def _named_subject(request: Request, name: str) -> Subject:
    if request.script_arguments:
        extra = " ".join(request.script_arguments)
        raise UsageError(
            f"`{extra}` is too much: `{request.target}` takes its arguments with `--arg`."
        )
    network = named_network(request)
    element_type = _element_type(request, network)
    arguments = tuple(tensor_of(text, element_type) for text in request.inputs)
    keywords = dict(keyword_of(text, element_type) for text in request.keywords)
    if arguments or keywords:
        check_inputs(network, request.target, arguments, keywords)
        return Subject(name, network, arguments, keywords)
    guesses = tuple(assumptions(network, element_type))
    if not guesses:
        raise UsageError(
            f"The input of `{request.target}` cannot be told from its first layer: give its size "
            f"with `--input 1x3x224x224`, once for each input."
        )
    check_inputs(network, request.target, (guesses[0].example,), {})
    return Subject(name, network, (), {}, guesses)


def named_network(request: Request, *, is_meta: bool = True) -> nn.Module:
    """The network of a target `place:name`, of the element type that was asked for."""
    named = _NAMED_TARGET.fullmatch(request.target)
    assert named is not None
    constructor = dict(map(argument_of, request.constructor))
    network = load_network(named["place"], named["name"], constructor, is_meta=is_meta)
    if request.element_type is None:
        return network
    return network.to(_element_type(request, network))


def _trained_subject(request: Request) -> Subject:
    if request.constructor:
        raise UsageError(
            "`--arg` is for a class or a factory; arguments of a script stand behind `--`, as in "
            f"`defib inspect {request.target} -- {request.constructor[0].partition('=')[0]} ...`."
        )
    batch = first_batch_of(request.target, request.script_arguments)
    element_type = _element_type(request, batch.network)
    given = tuple(tensor_of(text, element_type) for text in request.inputs)
    named = dict(keyword_of(text, element_type) for text in request.keywords)
    arguments = given or batch.arguments
    keywords = named if given or named else batch.keywords
    if given or named:
        check_inputs(batch.network, request.target, arguments, keywords)
    name = type(batch.network).__name__
    return Subject(
        name,
        batch.network,
        arguments,
        keywords,
        loss_kind=batch.loss_kind,
        optimizer=batch.optimizer,
    )


def _element_type(request: Request, network: nn.Module) -> torch.dtype:
    """The one asked for, else that of the weights."""
    name = request.element_type
    if name is not None and name not in ELEMENT_TYPES:
        advice = "For instance float32, bfloat16 or float64."
        raise UnknownNameError("element type", name, ELEMENT_TYPES, advice=advice)
    if name is not None:
        return ELEMENT_TYPES[name]
    return _type_of_weights(tuple(network.parameters()))


def _type_of_weights(parameters: Sequence[torch.Tensor]) -> torch.dtype:
    types = [each.dtype for each in parameters if each.is_floating_point()]
    return types[0] if types else torch.float32


def architecture_of(subject: Subject, loss_kind: str | None = None) -> Architecture:
    """The architecture of a subject, at its inputs or at the first guess that fits.

    Raises `UsageError` where no guess does, or a device that is needed is not there.
    """
    if not subject.guesses:
        architecture = inspect(subject.network, subject.arguments, keywords=subject.keywords)
        return _completed(architecture, subject, loss_kind)
    first: Architecture | None = None
    for guess in subject.guesses:
        architecture = inspect(subject.network, (guess.example,))
        first = first or architecture
        if architecture.is_traced:
            size = "x".join(map(str, guess.example.shape))
            note = f"No input was given: `--input {size}` is assumed, as {guess.reason}."
            completed = _completed(architecture, subject, loss_kind)
            return replace(completed, notes=(note, *completed.notes))
    assert first is not None  # there is a guess
    why = first.notes[0] if first.notes else ""
    size = "x".join(map(str, subject.guesses[0].example.shape))
    raise UsageError(
        f"No input was given; with `--input {size}`, which is assumed, `{subject.name}` does not "
        f"run: {why}"
    )


def _completed(architecture: Architecture, subject: Subject, loss_kind: str | None) -> Architecture:
    loss = loss_kind or subject.loss_kind or architecture.loss_kind
    return replace(architecture, name=subject.name, loss_kind=loss)
