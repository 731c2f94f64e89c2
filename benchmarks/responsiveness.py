"""How long an answer takes, beside the least that any program that gives it must do.

    python benchmarks/responsiveness.py [--rounds 7]

Each row is measured in turns with its peer: a command as a process of its own, with the start of
Python, and what needs none in this process on one thread. Printed are the medians of the wall
time and their ratio. `benchmarks/diagnosis.py` measures diagnoses and `defib --help`.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from defib.analysis.receptive_field.fields import ReceptiveFields
from defib.analysis.trace import Trace, trace
from defib.networks.resnet import resnet_101
from defib.records.finding import Diagnosis, Status
from defib.records.run import RunRecord
from defib.records.series import Series
from defib.report.page import render_html
from defib.testing import make_run

LONG_STEPS = 100_000
IMAGE_SIZE = 1024
"""Height and width in pixels."""

Action = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """What is measured, and its peer."""

    name: str
    action: Action
    peer_name: str
    peer: Action


def python(*arguments: str) -> Action:
    return partial(subprocess.run, [sys.executable, *arguments], capture_output=True, check=True)


@cache
def long_run() -> RunRecord:
    """Its loss falls with noise, and no two steps have the same."""
    noise = np.random.default_rng(0).standard_normal(LONG_STEPS)
    loss = 2 + np.exp(-np.arange(LONG_STEPS) / 20_000) + 0.2 * noise
    return make_run(loss=Series.of(loss.tolist()))


def draw_page() -> None:
    render_html(long_run(), Diagnosis(Status.HEALTHY, "Healthy."))


def draw_plain_picture() -> None:
    """The loss alone, every step of it, as matplotlib draws it."""
    figure = Figure()
    [loss] = long_run().of("loss").values()
    figure.add_subplot().plot(loss.steps, loss.values)
    figure.savefig(io.BytesIO(), format="svg")


@cache
def traced_network() -> Trace:
    return trace_network()


def trace_network() -> Trace:
    with torch.device("meta"):
        network, images = resnet_101().eval(), torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE)
    return trace(network, (images,))


def find_receptive_fields() -> None:
    fields = ReceptiveFields(traced_network())
    for call in traced_network().calls:
        fields.of_call(call)


ROWS = (
    Row(
        *("defib derive pooling", python("-m", "defib", "derive", "pooling")),
        *("import torch, sympy", python("-c", "import torch, sympy")),
    ),
    Row(
        *(f"page of {LONG_STEPS:,} steps", draw_page),
        *("matplotlib: the loss alone", draw_plain_picture),
    ),
    Row(
        *(f"receptive fields, ResNet-101 at {IMAGE_SIZE}", find_receptive_fields),
        *("tracing it", trace_network),
    ),
)


def seconds(action: Action) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def measured(row: Row, rounds: int) -> tuple[float, float]:
    """Medians in seconds, of the action and its peer; the first of each warms caches."""
    pairs = [(seconds(row.action), seconds(row.peer)) for _ in range(rounds + 1)][1:]
    actions, peers = zip(*pairs, strict=True)
    return statistics.median(actions), statistics.median(peers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    mpl.use("agg")
    table = Table("", "ms", "peer", "ms", "ratio")
    for row in ROWS:
        own, peer = measured(row, rounds)
        table.add_row(
            *(row.name, f"{1000 * own:.0f}", row.peer_name, f"{1000 * peer:.0f}"),
            f"{own / peer:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
