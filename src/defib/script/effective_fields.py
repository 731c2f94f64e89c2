"""Effective receptive fields of named layers of the network that is inspected."""

from __future__ import annotations

from collections.abc import Iterable

from defib.analysis.receptive_field.effective import effective_field
from defib.analysis.receptive_field.effective_results import EffectiveField
from defib.errors import UnknownNameError, UsageError
from defib.records.architecture import Architecture
from defib.script.inspected import Request, Subject
from defib.script.signals import network_with_numbers
from defib.script.user_error import described

FEWEST_DIMENSIONS = 3
"""Batch, channels and one axis of space: an input with fewer has no field."""


def effective_fields_of(
    request: Request, subject: Subject, architecture: Architecture, layers: Iterable[str]
) -> dict[str, EffectiveField]:
    """The measured field of each layer that was asked for, by its name.

    Raises `UsageError` for an unknown layer, and where the network does not run or does not
    take one image-like input of real numbers.
    """
    shape = _image_shape(subject, architecture)
    network = network_with_numbers(request, subject)
    known = [name for name, _ in network.named_modules() if name]
    found: dict[str, EffectiveField] = {}
    for layer in layers:
        if layer not in known:
            advice = "`defib inspect` without `--effective` lists the layers."
            raise UnknownNameError("layer", layer, known, advice=advice)
        try:
            found[layer] = effective_field(network, shape, layer=layer)
        except Exception as error:  # the user's code: whatever it raises is the answer
            raise UsageError(f"`{subject.name}` does not run: {described(error)}") from error
    return found


def _image_shape(subject: Subject, architecture: Architecture) -> tuple[int, ...]:
    if len(architecture.inputs) == 1 and not subject.keywords:
        [given] = architecture.inputs
        is_real = given.element_type.startswith(("float", "bfloat"))
        if is_real and len(given.dimensions) >= FEWEST_DIMENSIONS:
            return given.dimensions
    raise UsageError(
        f"`--effective` needs one input of real numbers with axes of space, such as `1x3x32x32`; "
        f"`{subject.name}` takes "
        f"{', '.join('x'.join(map(str, each.dimensions)) for each in architecture.inputs)}."
    )
