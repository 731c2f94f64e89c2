"""What watching costs: defib and its peers on the same loops, alternating in one run.

    python benchmarks/overhead.py [--rounds 7] [--seconds 5] [--clock wall|cpu] [--loops mlp,...]

Each round trains the same network from the same seed once with each watcher, in an order
that rotates from round to round; an overhead is the time of a watched training relative to
the unwatched one of the same round, minus one. Printed are the median over the rounds and
the quartiles. `histograms` are TensorBoard's, of all parameters and gradients, as tutorials
write them; `wandb` is `wandb.watch(log="all", log_freq=1)` in offline mode, with its media
kept in a temporary directory. Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from defib.monitor.watching import Watching

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


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
clock = CLOCKS["wall"]


def train(loop: Loop, steps: int, watcher: Watcher) -> float:
    """Seconds that `steps` steps take, the watcher's beginning and end included."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(loop.inputs), loop.make_targets()
    begun = clock()
    network = loop.network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    with watcher(network) as after_backward:
        for step in range(steps):
            optimizer.zero_grad()
            loop.loss(network(inputs), targets).backward()
            after_backward(step)
            optimizer.step()
    return clock() - begun


def _nothing(step: int) -> None:
    del step


def unwatched(network: nn.Module) -> AbstractContextManager[AfterBackward]:
    del network
    return nullcontext(_nothing)


@contextmanager
def watched_by_defib(network: nn.Module) -> Iterator[AfterBackward]:
    with tempfile.TemporaryDirectory() as directory:
        watching = Watching(Path(directory))
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
    "defib": watched_by_defib,
    "histograms": partial(histograms, every=1),
    "histograms every 50": partial(histograms, every=50),
    "wandb": watched_by_wandb,
}
NEEDS = {"histograms": "tensorboard", "histograms every 50": "tensorboard", "wandb": "wandb"}
SLOW_PEERS = ("histograms", "wandb")
"""These get a tenth of the steps: their cost is per step, and large."""


def installed(watcher: str) -> bool:
    from importlib.util import find_spec

    return watcher not in NEEDS or find_spec(NEEDS[watcher]) is not None


def measure(loop: Loop, watchers: list[str], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Overheads of each watcher, one for each round."""
    train(loop, 50, unwatched)  # The very first steps load kernels.
    probe = train(loop, 200, unwatched) / 200
    steps = max(60, round(seconds / probe))
    few = max(60, steps // 10)
    overheads: dict[str, list[float]] = {name: [] for name in watchers}
    for number in range(rounds):
        own = {count: train(loop, count, unwatched) for count in {steps, few}}
        for name in watchers[number % len(watchers) :] + watchers[: number % len(watchers)]:
            count = few if name in SLOW_PEERS else steps
            overheads[name].append(train(loop, count, WATCHERS[name]) / own[count] - 1)
            # Measured again, so that a drift of the machine's speed falls on both sides.
            own[count] = train(loop, count, unwatched)
    return overheads


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each unwatched training")
    parser.add_argument("--loops", default=",".join(LOOPS))
    parser.add_argument("--watchers", default=",".join(list(WATCHERS)[1:]))
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: processor time of this process, for machines that are busy otherwise",
    )
    options = parser.parse_args()
    global clock
    clock = CLOCKS[options.clock]
    torch.set_num_threads(1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wanted = options.watchers.split(",")
    watchers = [name for name in wanted if installed(name)]
    for name in sorted(set(wanted) - set(watchers)):
        print(f"left out: {name} ({NEEDS[name]} is not installed)", file=sys.stderr)
    table = Table("loop", "watcher", "median overhead", "quartiles", "relative to defib")
    for name in options.loops.split(","):
        overheads = measure(LOOPS[name], watchers, options.rounds, options.seconds)
        own = statistics.median(overheads["defib"]) if "defib" in overheads else float("nan")
        for watcher, values in overheads.items():
            add_row(table, name, watcher, values, own)
    Console().print(table)


def add_row(table: Table, loop: str, watcher: str, values: list[float], own: float) -> None:
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    ratio = f"{middle / own:.0f}x" if own > 0 and watcher != "defib" else ""
    table.add_row(loop, watcher, f"{middle:+.1%}", f"{low:+.1%} ... {high:+.1%}", ratio)


if __name__ == "__main__":
    main()
