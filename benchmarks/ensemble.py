"""How fast an ensemble trains beside PyTorch and JAX, and how time and memory grow.

    python benchmarks/ensemble.py [--networks 1000] [--rounds 5] [--jax-python PATH]
                                  [--part peers|scaling|memory|all]

The task: networks of 10 hidden layers of width 2 learn |x| from 3,000 points of their own each,
in batches of 64 in an order of their own, by Adam, one epoch. All start from the same weights,
and all peers take the same orders, drawn beforehand. Times are medians of whole calls that were
made before (compiled, warm); the column "first call" has compilation in it. The PyTorch loop
runs few networks, and its time is scaled. Torch and JAX use all processors, as they do by
themselves. JAX is run by `--jax-python`, so that it need not live beside torch; without it, its
row says why it is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from defib.ensemble.data import Data
from defib.ensemble.kernel.compilation import CACHE_VARIABLE
from defib.ensemble.memory import memory_need
from defib.ensemble.reference import train_reference
from defib.ensemble.result import Ensemble, initial_ensemble
from defib.ensemble.specification import Training, relu_network
from defib.ensemble.training import train_ensemble
from defib.ensemble.workers import default_threads

POINTS, BATCH = 3000, 64
TRAINING = Training(relu_network(1, (2,) * 10), batch_size=BATCH)
LOOP_NETWORKS = 3
TARGETS = {"PyTorch loop": 2000, "torch, batched baddbmm": 30, "JAX jit(vmap(scan))": 20}
"""Times as fast as these we mean to be."""


@dataclass(frozen=True, eq=False)
class Task:
    """What every row of the table trains on."""

    inputs: np.ndarray
    targets: np.ndarray
    orders: np.ndarray
    start: Ensemble

    @property
    def data(self) -> Data:
        return Data(self.inputs, self.targets)

    @property
    def networks(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Timing:
    """Seconds of a first call and of later ones, and of how many networks."""

    name: str
    first: float
    later: tuple[float, ...]
    networks: int
    note: str = ""

    @property
    def per_network(self) -> float:
        return statistics.median(self.later) / self.networks


def make_task(networks: int) -> Task:
    random = np.random.default_rng(0)
    limit = 7**0.5
    inputs = random.uniform(-limit, limit, (networks, POINTS, 1)).astype(np.float32)
    orders = random.permuted(np.tile(np.arange(POINTS), (networks, 1)), axis=1)[:, None]
    start = initial_ensemble(TRAINING, networks, seed=0)
    return Task(inputs, np.abs(inputs), orders, start)


def timed(name: str, call: Callable[[], object], rounds: int, networks: int) -> Timing:
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return Timing(name, seconds[0], tuple(seconds[1:]), networks)


def torch_loop(task: Task, network: int) -> None:
    """One network, as anyone writes it."""
    modules: list[nn.Module] = []
    for weights, biases in zip(task.start.weights, task.start.biases, strict=True):
        linear = nn.Linear(weights.shape[2], weights.shape[1])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights[network]))
            linear.bias.copy_(torch.from_numpy(biases[network]))
        modules += [linear, nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(model.parameters())
    inputs, targets = (torch.from_numpy(array[network]) for array in (task.inputs, task.targets))
    for chosen in torch.from_numpy(task.orders[network, 0]).split(BATCH):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs[chosen]), targets[chosen]).backward()
        optimizer.step()


def torch_loops(task: Task) -> None:
    for network in range(LOOP_NETWORKS):
        torch_loop(task, network)


def torch_batched(task: Task) -> None:
    """All networks by batched matrix products."""
    train_reference(
        TRAINING, task.data, networks=task.networks, start=task.start, orders=task.orders
    )


def torch_vmap(task: Task) -> None:
    """All networks by `torch.func.vmap(grad(loss))` and torch's own Adam."""
    arrays = zip(task.start.weights, task.start.biases, strict=True)
    flat = [torch.from_numpy(part.copy()) for pair in arrays for part in pair]
    optimizer = torch.optim.Adam([part.requires_grad_() for part in flat])

    def loss(parameters: list[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        below = inputs
        for weights, biases in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            below = torch.relu(below @ weights.T + biases)
        return (below @ parameters[-2].T + parameters[-1] - targets).square().mean()

    gradient = torch.func.vmap(torch.func.grad(loss))
    inputs, targets = torch.from_numpy(task.inputs), torch.from_numpy(task.targets)
    for chosen in torch.from_numpy(task.orders[:, 0]).split(BATCH, dim=1):
        rows = chosen[..., None]
        found = gradient(
            [part.detach() for part in flat], inputs.gather(1, rows), targets.gather(1, rows)
        )
        for part, value in zip(flat, found, strict=True):
            part.grad = value
        optimizer.step()


def jax_timing(task: Task, python: str, rounds: int) -> Timing:
    name = "JAX jit(vmap(scan))"
    found = subprocess.run(
        [python, "-c", "import jax"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        return Timing(name, 0, (), task.networks, f"left out: {python} has no JAX")
    missing = -POINTS % BATCH
    padded = np.pad(task.orders[:, 0], ((0, 0), (0, missing)), constant_values=-1)
    arrays = {f"weights{i}": w.transpose(0, 2, 1) for i, w in enumerate(task.start.weights)}
    arrays |= {f"biases{i}": b for i, b in enumerate(task.start.biases)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.npz"
        batches = padded.reshape(task.networks, -1, BATCH).astype(np.int32)
        arrays |= {"batches": batches, "inputs": task.inputs, "targets": task.targets}
        np.savez(file, allow_pickle=False, **arrays)
        script = Path(__file__).with_name("ensemble_jax.py")
        run = subprocess.run(
            [python, str(script), str(file), str(rounds)],
            capture_output=True,
            text=True,
            check=True,
        )
    answer = json.loads(run.stdout)
    return Timing(f"{name}", answer["first"], tuple(answer["later"]), task.networks)


def peers(console: Console, networks: int, rounds: int, python: str) -> None:
    """All peers and ourselves on one task, in one table."""
    task = make_task(networks)
    torch.set_num_threads(default_threads())
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        rows = our_timings(task, rounds)
    rows += [
        timed("PyTorch loop", lambda: torch_loops(task), 1, LOOP_NETWORKS),
        timed("torch, batched baddbmm", lambda: torch_batched(task), 2, networks),
        timed("torch, vmap(grad)", lambda: torch_vmap(task), 2, networks),
        jax_timing(task, python, 2),
    ]
    console.print(peer_table(rows))


def our_timings(task: Task, rounds: int) -> list[Timing]:
    """With all threads, with one, and with the orders handed over as they are to the peers."""

    def call(threads: int, orders: np.ndarray | None = None) -> Callable[[], object]:
        return lambda: train_ensemble(
            TRAINING, task.data, networks=task.networks, orders=orders, threads=threads
        )

    threads = default_threads()
    return [
        timed(f"defib, {threads} threads", call(threads), 4 * rounds, task.networks),
        timed("defib, 1 thread", call(1), 2 * rounds, task.networks),
        timed("defib, orders given", call(threads, task.orders), 2 * rounds, task.networks),
    ]


def peer_table(rows: list[Timing]) -> Table:
    table = Table(
        title=f"{rows[0].networks} networks, 10 x 2 units, {POINTS} points, 1 epoch of Adam"
    )
    for column in ("", "first call", "a later call", "per network", "times ours", "meant"):
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        if row.note:
            table.add_row(row.name, row.note)
            continue
        ratio = row.per_network / rows[0].per_network
        table.add_row(
            row.name,
            f"{row.first:.3f} s",
            f"{statistics.median(row.later) * 1e3:.1f} ms",
            f"{row.per_network * 1e6:,.1f} µs",
            f"{ratio:,.1f}",
            f"{TARGETS[row.name]:,}" if row.name in TARGETS else "",
        )
    return table


CASES = (
    *((networks, 10, 2) for networks in (16, 100, 1000, 10_000)),
    *((1000, depth, 2) for depth in (1, 5, 20, 50)),
    *((256, 2, width) for width in (1, 2, 4, 8, 16, 32, 64)),
)
"""Networks, hidden layers, width."""


def scaling(console: Console, rounds: int) -> None:
    """Time against the number of networks, depth and width."""
    table = Table(title=f"One epoch of {POINTS} shared points, all threads")
    for column in ("networks", "layers", "width", "time", "per network", "per parameter and point"):
        table.add_column(column, justify="right")
    for networks, depth, width in CASES:
        training = replace(TRAINING, network=relu_network(1, (width,) * depth))
        result = shared_timing(training, networks, rounds)
        share = result.per_network / training.network.parameters / POINTS
        table.add_row(
            f"{networks:,}",
            str(depth),
            str(width),
            f"{statistics.median(result.later) * 1e3:,.1f} ms",
            f"{result.per_network * 1e6:,.1f} µs",
            f"{share * 1e12:.0f} ps",
        )
    console.print(table)


def shared_timing(training: Training, networks: int, rounds: int) -> Timing:
    """Of networks that learn |x| from the same points."""
    inputs = np.random.default_rng(0).uniform(-2, 2, (POINTS, 1)).astype(np.float32)
    data = Data(inputs, np.abs(inputs))
    return timed("", lambda: train_ensemble(training, data, networks=networks), rounds, networks)


_MEASURED = """
import sys
from pathlib import Path
import numpy as np
from defib.ensemble.data import Data
from defib.ensemble.specification import Training, relu_network
from defib.ensemble.training import train_ensemble
inputs = np.random.default_rng(0).uniform(-2, 2, (3000, 1)).astype(np.float32)
def train(networks):
    training = Training(relu_network(1, (2,) * 10))
    train_ensemble(training, Data(inputs, abs(inputs)), networks=networks)
def peak():  # getrusage would tell that of the parent where it was greater
    [line] = [l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l]
    return int(line.split()[1]) * 1024
train(16)
before = peak()
train(int(sys.argv[1]))
print(peak() - before)
"""


def memory(console: Console) -> None:
    """Peak of resident memory beyond that of 16 networks, beside what is stated."""
    table = Table(title="Memory of networks with 10 hidden layers of width 2, data shared")
    for column in ("networks", "measured", "per network", "stated bound"):
        table.add_column(column, justify="right")
    need = memory_need(TRAINING, points=POINTS, threads=default_threads())
    for networks in (10_000, 50_000, 100_000):
        run = subprocess.run(
            [sys.executable, "-c", _MEASURED, str(networks)],
            capture_output=True,
            text=True,
            check=True,
        )
        used = int(run.stdout)
        table.add_row(
            f"{networks:,}",
            f"{used / 2**20:,.0f} MiB",
            f"{used / networks:,.0f} B",
            f"{need.total(networks) / 2**20:,.0f} MiB",
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ensembles beside PyTorch and JAX.")
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jax-python", default=sys.executable)
    parser.add_argument("--part", choices=("peers", "scaling", "memory", "all"), default="all")
    options = parser.parse_args()
    console = Console(width=110)
    console.print(f"torch {torch.__version__}, {default_threads()} threads")
    if options.part in ("peers", "all"):
        peers(console, options.networks, options.rounds, options.jax_python)
    if options.part in ("scaling", "all"):
        scaling(console, options.rounds)
    if options.part in ("memory", "all"):
        memory(console)


if __name__ == "__main__":
    main()
