"""What a user of Keras writes where one of torch writes something else."""

from __future__ import annotations

import re

from defib.records.run import RunRecord

_LAYERS = ("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2D")
"""Kinds of layers that torch has under no such name."""
_ACTIVATION = r"activation\s*=\s*(?:([\"'])(?:{names})\1|(?:\w+\.)*(?:{names}))(?![\w.(\"'])"
_INITIALIZER = re.compile(r"kernel_initializer\s*=\s*(?:\"\w+\"|'\w+'|[\w.]+\([^()]*\))")
_LAYER = re.compile(r"\b(?:Dense|Conv[123]D)\(([^()]*)\)")


def trains_keras(record: RunRecord) -> bool:
    """Whether the layers that were trained are those of Keras."""
    return "keras" in record.versions and any(each.kind in _LAYERS for each in record.layers)


def spelled(record: RunRecord, torch: str, keras: str) -> str:
    """Of two ways to write a change that in which the script of `record` is written."""
    return keras if trains_keras(record) else torch


def with_activation(code: str, old: tuple[str, ...], new: str) -> str | None:
    """`code` with the one `activation=` of `old` replaced by `new`, or left out where that is
    empty; `None` unless there is exactly one."""
    pattern = re.compile(_ACTIVATION.format(names="|".join(old)))
    found = list(pattern.finditer(code))
    if len(found) != 1:
        return None
    start, end = found[0].span()
    if new:
        return f'{code[:start]}activation="{new}"{code[end:]}'
    before = re.sub(r",\s*$", "", code[:start])
    # The first argument: the comma behind it goes.
    return before + (code[end:] if before != code[:start] else re.sub(r"^,\s*", "", code[end:]))


def with_added_activation(code: str, new: str) -> str | None:
    """`code` with an activation for the one layer in it; `None` unless there is one without."""
    found = list(_LAYER.finditer(code))
    if len(found) != 1 or "activation" in found[0][1] or not found[0][1].strip():
        return None
    end = found[0].end(1)
    return f'{code[:end].rstrip().rstrip(",")}, activation="{new}"{code[end:]}'


def with_initializer(code: str, new: str) -> str | None:
    """`code` with the one `kernel_initializer=` replaced; `None` unless there is one."""
    found = list(_INITIALIZER.finditer(code))
    if len(found) != 1:
        return None
    return f"{code[: found[0].start()]}kernel_initializer={new}{code[found[0].end() :]}"
