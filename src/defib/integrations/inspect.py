"""Inspecting a network from Python: a notebook cell or a script of one's own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, final

import torch
from rich.console import Console
from torch import nn

from defib.analysis.example import Example
from defib.analysis.inspection import inspect as architecture_of
from defib.records.architecture import Architecture
from defib.records.finding import Finding
from defib.report.architecture_json import architecture_as_json
from defib.report.architecture_page import render_architecture
from defib.report.architecture_table import TableOptions, print_architecture
from defib.report.architecture_work import print_work
from defib.rules.judged import judged

WIDTH = 120
"""Characters of a line: notebooks and wide terminals; a narrower one takes `table(80)`."""


def inspect(
    network: nn.Module,
    example: Example,
    *,
    keywords: Mapping[str, Any] | None = None,
    dtype: torch.dtype | Sequence[torch.dtype] | None = None,
    loss: str = "",
) -> Inspection:
    """What `network` is and costs at an example input, and what is wrong with it.

    `example` is a tensor, several inputs in order, inputs by name, one shape (a tuple of
    integers) or several; `dtype` is the element type of shapes. `keywords` are further inputs
    by name. `loss` names what the output goes into (`cross-entropy`), for the rules that ask.
    Nothing is computed or allocated unless the code asks for values; the network is left as
    found.

        inspection = defib.inspect(network, (1, 3, 224, 224))
        print(inspection)           # the table
        print(inspection.work())    # every number with its arithmetic
        inspection.architecture     # the records
    """
    architecture = architecture_of(network, example, keywords=keywords, dtype=dtype)
    return Inspection(replace(architecture, loss_kind=loss))


@final
class Inspection:
    """An inspected network: its records, what the rules find, and ways to show them."""

    def __init__(self, architecture: Architecture) -> None:
        outcome = judged(architecture)
        self.architecture = architecture
        self.findings: tuple[Finding, ...] = outcome.findings
        self.not_evaluated = outcome.not_evaluated

    def table(self, width: int = WIDTH, *, depth: int | None = None) -> str:
        """The layers as a table of at most `width` characters, modules below `depth` folded."""
        console = _console(width)
        print_architecture(self.architecture, console, TableOptions(depth), self.findings)
        return _text_of(console)

    def work(self, width: int = WIDTH) -> str:
        """Every number with its arithmetic."""
        console = _console(width)
        print_work(self.architecture, console, TableOptions(), self.findings)
        return _text_of(console)

    def as_json(self) -> dict[str, Any]:
        """What `defib inspect --json` prints."""
        return architecture_as_json(self.architecture, self.findings)

    def report(self, path: Path | str) -> Path:
        """Write the HTML page to `path`."""
        target = Path(path)
        page = render_architecture(self.architecture, TableOptions(), self.findings)
        target.write_text(page, encoding="utf-8")
        return target

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        # Styles stand on the element: those of a page would reach into the whole notebook.
        return f'<pre style="white-space: pre; overflow-x: auto">{escape(self.table())}</pre>'


def _console(width: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False, no_color=True
    )


def _text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
