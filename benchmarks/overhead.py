"""What watching costs: defib and its peers on the same loops, alternating in one run.

    python benchmarks/overhead.py [--rounds 5] [--seconds 30] [--loops mlp,...] [--watchers ...]

In each round every watcher trains the same network from the same seed, each in a process of
its own, all on one core. They take turns: a twentieth of a second, or one step, in an order that
is drawn anew each time, so that whatever slows the machine down falls on all alike. An overhead is
the time of the whole watched training, the watcher's beginning and end included, relative to the
unwatched one of the same round, minus one. Printed are the median over the rounds and the
quartiles. `histograms` are TensorBoard's, of all parameters and gradients, as tutorials write them;
`wandb` is `wandb.watch(log="all", log_freq=1)` in offline mode. `control` is a second unwatched
training: its "overhead" is the error of this measurement. Peers that cost much take part in the
first tenth of the steps. Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from defib.monitor.watching import Watching, WatchOptions
from defib.studies.allocation import keep_freed_memory

AfterBackward = Callable[[int], None]
Watcher = Callable[[nn.Module], AbstractContextManager[AfterBackward]]


@dataclass(frozen=True)
class Loop:
    """A training loop to be timed: a network and one batch for it."""

    network: Callable[[], nn.Module]
    inputs: tuple[int, ...]
    make_targets: Callable[[], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]


class Transformer(nn.Module):
    """Two encoder layers of width 64 on sequences of 32 vectors."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, sequences: Tensor) -> Tensor:
        return self.head(self.encoder(sequences).mean(dim=1))


def screenshot_network() -> nn.Module:
    """Three 5x5 convolutions of 100 channels with stride 2, as examples/screenshots has it."""
    return nn.Sequential(
        *(nn.Conv2d(3, 100, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(100, 100, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(100, 100, 5, stride=2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(900, 1)),
    )


def mlp() -> nn.Module:
    """Three layers, about 0.3 ms a step with batches of 32."""
    return nn.Sequential(
        nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


LOOPS: dict[str, Loop] = {
    "screenshot convolutions": Loop(
        screenshot_network,
        (32, 3, 45, 45),
        lambda: torch.randint(0, 2, (32, 1)).float(),
        F.binary_cross_entropy_with_logits,
    ),
    "mlp": Loop(mlp, (32, 32), lambda: torch.randint(0, 10, (32,)), F.cross_entropy),
    "transformer": Loop(
        Transformer, (16, 32, 64), lambda: torch.randint(0, 10, (16,)), F.cross_entropy
    ),
}


waited = 0.0
"""Seconds between the turns of this process: those of others, and the change to them."""

TURN_SECONDS = 0.05
"""Of unwatched training: long against the refilling of caches that others have emptied, and short,
since the error falls with their number: steps side by side differ by some 10 % on a shared
machine. In turns of one step, what a watcher leaves in the caches of a small network weighs half
as much again as in turns of five."""


def turns_of(loop: Loop, steps: int, turn: int, watcher: Watcher) -> Iterator[float]:
    """Train for `steps` steps; yield the seconds of each turn of `turn` steps."""
    global waited
    torch.manual_seed(0)
    inputs, targets = torch.randn(loop.inputs), loop.make_targets()
    begun = time.perf_counter()
    network = loop.network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    with watcher(network) as after_backward:
        for step in range(steps):
            optimizer.zero_grad()
            loop.loss(network(inputs), targets).backward()
            after_backward(step)
            optimizer.step()
            if (step + 1) % turn == 0:
                ended = time.perf_counter()
                yield ended - begun
                begun = time.perf_counter()
                waited += begun - ended
    yield time.perf_counter() - begun


def serve(pipe: Connection, loop: str, watcher: str, steps: int, turn: int) -> None:
    """In a process of its own: a turn for each message, answered with its seconds."""
    torch.set_num_threads(1)
    # The very first steps load kernels: they are no part of any training.
    for _ in turns_of(LOOPS[loop], 50, 50, unwatched):
        pass
    pipe.send(None)
    turns = turns_of(LOOPS[loop], steps, turn, WATCHERS[watcher])
    for _ in range(steps // turn + 1):
        pipe.recv()
        pipe.send(next(turns))


def _nothing(step: int) -> None:
    del step


def unwatched(network: nn.Module) -> AbstractContextManager[AfterBackward]:
    del network
    return nullcontext(_nothing)


@contextmanager
def watched_by_defib(network: nn.Module) -> Iterator[AfterBackward]:
    with tempfile.TemporaryDirectory() as directory:
        # The budget is a share of the training's time, and turns of others are not.
        options = WatchOptions(clock=lambda: time.perf_counter() - waited)
        watching = Watching(Path(directory), options=options)
        watching.adopt([network], [])
        yield _nothing
        watching.finish()


@contextmanager
def histograms(network: nn.Module, every: int) -> Iterator[AfterBackward]:
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as directory, SummaryWriter(directory) as writer:

        def write(step: int) -> None:
            if step % every == 0:
                for name, parameter in network.named_parameters():
                    writer.add_histogram(name, parameter, step)
                    writer.add_histogram(f"{name}.grad", parameter.grad, step)

        yield write


@contextmanager
def watched_by_wandb(network: nn.Module) -> Iterator[AfterBackward]:
    import wandb  # pyright: ignore[reportMissingImports]  # installed by who compares with it

    with tempfile.TemporaryDirectory() as directory:
        settings = wandb.Settings(silent=True, console="off")
        run = wandb.init(mode="offline", dir=directory, project="overhead", settings=settings)
        run.watch(network, log="all", log_freq=1)
        yield lambda step: run.log({"step": step})
        run.finish()


WATCHERS: dict[str, Watcher] = {
    "unwatched": unwatched,
    "control": unwatched,
    "defib": watched_by_defib,
    "histograms": partial(histograms, every=1),
    "histograms every 50": partial(histograms, every=50),
    "wandb": watched_by_wandb,
}
NEEDS = {"histograms": "tensorboard", "histograms every 50": "tensorboard", "wandb": "wandb"}
SLOW_PEERS = ("histograms", "wandb")
"""These take part in a tenth of the steps: their cost is per step, and large."""


def installed(watcher: str) -> bool:
    from importlib.util import find_spec

    return watcher not in NEEDS or find_spec(NEEDS[watcher]) is not None


def measure(loop: str, watchers: list[str], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Overheads of each watcher, one for each round."""
    # The first of them loads kernels.
    _, probe, _ = turns_of(LOOPS[loop], 200, 100, unwatched)
    step = probe / 100
    turn = max(1, round(TURN_SECONDS / step))
    turns = max(10, round(seconds / (turn * step)))
    overheads: dict[str, list[float]] = {name: [] for name in watchers}
    for number in range(rounds):
        spent = one_round(loop, ["unwatched", *watchers], turn, turns, random.Random(number))
        for name in watchers:
            own = spent["unwatched"][: len(spent[name])]
            overheads[name].append(sum(spent[name]) / sum(own) - 1)
    return overheads


def one_round(
    loop: str, names: list[str], turn: int, turns: int, orders: random.Random
) -> dict[str, list[float]]:
    """Seconds of every turn of every watcher; the order is drawn anew each time."""
    # Forked, all begin with the same warm process: their overheads scatter half as much.
    if sys.platform == "linux":
        context = multiprocessing.get_context("fork")
    else:
        context = multiprocessing.get_context("spawn")
    own = {name: max(1, turns // 10) if name in SLOW_PEERS else turns for name in names}
    pipes: dict[str, Connection] = {}
    processes = []
    for name in orders.sample(names, len(names)):
        pipes[name], theirs = context.Pipe()
        arguments = (theirs, loop, name, own[name] * turn, turn)
        processes.append(context.Process(target=serve, args=arguments))
        processes[-1].start()
    for pipe in pipes.values():
        pipe.recv()
    spent: dict[str, list[float]] = {name: [] for name in names}
    for number in range(turns + 1):  # The last turn is the watcher's end.
        # Whoever comes after one with much in the caches is slower.
        for name in orders.sample(names, len(names)):
            if number <= own[name]:
                pipes[name].send(None)
                spent[name].append(pipes[name].recv())
    for process in processes:
        process.join()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each unwatched training")
    parser.add_argument("--loops", default=",".join(LOOPS))
    parser.add_argument("--watchers", default=",".join(list(WATCHERS)[1:]))
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Or glibc gives memory back after each step, or not, as it happens to lie: of the convolutional
    # network the same unwatched process met 3,800 to 5,600 page faults a step, and differed by
    # several percent. Children that are forked inherit it.
    keep_freed_memory()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # Children inherit it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wanted = options.watchers.split(",")
    watchers = [name for name in wanted if installed(name)]
    for name in sorted(set(wanted) - set(watchers)):
        print(f"left out: {name} ({NEEDS[name]} is not installed)", file=sys.stderr)
    table = Table("loop", "watcher", "median overhead", "quartiles", "relative to defib")
    for name in options.loops.split(","):
        overheads = measure(name, watchers, options.rounds, options.seconds)
        own = statistics.median(overheads["defib"]) if "defib" in overheads else float("nan")
        for watcher, values in overheads.items():
            add_row(table, name, watcher, values, own)
    Console().print(table)


def add_row(table: Table, loop: str, watcher: str, values: list[float], own: float) -> None:
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    is_peer = watcher not in ("defib", "control")
    ratio = f"{middle / own:.0f}x" if own > 0 and is_peer else ""
    table.add_row(loop, watcher, f"{middle:+.1%}", f"{low:+.1%} ... {high:+.1%}", ratio)


if __name__ == "__main__":
    main()
