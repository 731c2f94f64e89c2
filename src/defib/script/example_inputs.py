"""Example inputs of a network: written by the user as `1x3x224x224`, or inferred."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from defib.errors import UnknownNameError, UsageError

_SIZES = re.compile(r"\d+(?:[x×]\d+)*")
ELEMENT_TYPES: Mapping[str, torch.dtype] = {
    name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)
}
IMAGE_SIZES = (224, 32, 28, 64, 96, 128, 227, 256, 299)
"""Heights and widths that are tried for a network of convolutions, the usual one first."""
SEQUENCE_LENGTH = 16
SIGNAL_LENGTH = 1024


@final
@dataclass(frozen=True)
class Assumption:
    """An input that the user did not give, and why it may be this one."""

    example: Tensor
    reason: str


def tensor_of(text: str, default: torch.dtype = torch.float32) -> Tensor:
    """An empty tensor on the meta device: `1x3x224x224`, `2x7:int64`, `scalar:float32`."""
    sizes, _, element_type = text.strip().partition(":")
    if element_type and element_type not in ELEMENT_TYPES:
        advice = "For instance float32, bfloat16, int64 or bool."
        raise UnknownNameError("element type", element_type, ELEMENT_TYPES, advice=advice)
    dtype = ELEMENT_TYPES.get(element_type, default)
    if sizes == "scalar":
        return torch.empty((), dtype=dtype, device="meta")
    if not _SIZES.fullmatch(sizes):
        raise UsageError(
            f"`{text}` is no size of an input: write the sizes with `x` between them and, if it "
            "is not float32, the element type behind a colon, such as `1x3x224x224` or `2x7:int64`."
        )
    dimensions = tuple(map(int, re.split("[x×]", sizes)))
    return torch.empty(dimensions, dtype=dtype, device="meta")


def keyword_of(text: str, default: torch.dtype = torch.float32) -> tuple[str, Any]:
    """Name and value of `mask=2x7:bool`; `None`, `True`, `0.5` and quoted texts are values."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip().isidentifier():
        raise UsageError(f"`{text}` is no keyword input: write it as `name=2x7:int64`.")
    if not _SIZES.fullmatch(value):
        try:
            return name.strip(), ast.literal_eval(value)
        except (ValueError, SyntaxError):
            pass
    return name.strip(), tensor_of(value, default)


def argument_of(text: str) -> tuple[str, Any]:
    """Name and value of `channels=16`; what is no Python literal is a text."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip().isidentifier():
        raise UsageError(f"`{text}` is no argument: write it as `name=value`, as in `width=64`.")
    try:
        return name.strip(), ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name.strip(), value


def check_inputs(
    network: nn.Module, label: str, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> None:
    """Raise `UsageError` where `forward` cannot be called with so many inputs of these names."""
    try:
        signature = inspect.signature(network.forward)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments, **keywords)
    except TypeError:
        raise UsageError(_mismatch(signature, label, arguments, keywords)) from None


def _mismatch(
    signature: inspect.Signature,
    label: str,
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
) -> str:
    parameters = [each for each in signature.parameters.values() if each.kind in _NAMED]
    names = [each.name for each in parameters]
    unknown = [name for name in keywords if name not in names]
    taken = f"it takes {_quoted(names)}" if names else "it takes none"
    if unknown:
        return f"`{label}` has no input {_quoted(unknown)}: {taken}."
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    if len(arguments) > len(positional):
        return f"`{label}` got {len(arguments)} inputs, but {taken}."
    missing = [
        each.name
        for each in parameters[len(arguments) :]
        if each.default is each.empty and each.name not in keywords
    ]
    how = " ".join(f"--keyword {name}=SIZES" for name in missing)
    return f"`{label}` also needs the input {_quoted(missing)}: give it with `{how}`."


_NAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def assumptions(network: nn.Module, default: torch.dtype) -> Iterator[Assumption]:
    """Inputs that the first layer with weights could take, the likeliest first.

    None where its kind does not tell: then the user must say.
    """
    found = _first_layer(network)
    if found is None:
        return
    name, layer = found
    where = f"`{name}`" if name else "it"
    for sizes, dtype, what in _fitting(layer, default):
        example = torch.empty(sizes, dtype=dtype, device="meta")
        yield Assumption(example, f"{where} is a {type(layer).__name__} {what}")


def _first_layer(network: nn.Module) -> tuple[str, nn.Module] | None:
    for name, module in network.named_modules():
        if next(module.children(), None) is None and any(True for _ in module.parameters()):
            return name, module
    return None


def _fitting(
    layer: Any, default: torch.dtype
) -> Iterator[tuple[tuple[int, ...], torch.dtype, str]]:
    match layer:
        case _ if any(is_lazy(each) for each in layer.parameters()):
            return
        case nn.Linear(in_features=features):
            yield (1, features), default, f"of {features:,} features"
        case nn.Conv1d(in_channels=channels):
            what = f"of {channels} channels, its length is a guess"
            yield (1, channels, SIGNAL_LENGTH), default, what
        case nn.Conv2d(in_channels=channels):
            for size in IMAGE_SIZES:
                what = f"of {channels} channels, height and width are a guess"
                yield (1, channels, size, size), default, what
        case nn.Embedding():
            yield (1, SEQUENCE_LENGTH), torch.int64, "and takes indices, their number is a guess"
        case nn.RNNBase(input_size=features, batch_first=is_first):
            sizes = (1, SEQUENCE_LENGTH) if is_first else (SEQUENCE_LENGTH, 1)
            yield (*sizes, features), default, f"of {features} features, the length is a guess"
        case _:
            return
