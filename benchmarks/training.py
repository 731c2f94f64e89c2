"""Images per second of training: loops over tensors in memory beside a plain DataLoader loop.

    python benchmarks/training.py [--rounds 7] [--steps 60] [--threads 2] [--network lenet-5]
                                  [--compiled]

LeNet-5 (ReLU, max pooling), or with `--network dense` 784-64-36-10, on random images in MNIST's
shape, batches of 64, Adam, the loss of each step read or kept. `DataLoader` is the loop of
tutorials such as PyTorch's MNIST example: `DataLoader(batch_size=64, shuffle=True)` on a data set
that converts one image at a time as torchvision's MNIST with ToTensor and Normalize does (through
PIL, the same numbers, but in four fifths of torchvision's own time), `loss.item()`, as many threads
as `--threads`. The others take whole batches from a tensor by `defib.training.in_memory`. Each adds
one thing to the one above it; the last trains one network in a process for each thread, as
`defib study run` trains the seeds of a study, and counts the images of all.

In each round every loop trains for as many steps, in an order that rotates, so that whatever slows
the machine down falls on all alike. Printed are medians over the rounds with the quartiles, and
the least processor time of a step, which other programs disturb less. Ratios are relative to the
DataLoader loop, of the same round. A table of where the time of a step goes follows.

Measured on 2 cores, at real-time priority (`chrt -r 1`), as other programs computed beside it;
without it two threads that wait for each other lose most of their time. LeNet-5, two threads,
10 rounds of 25 steps: in memory 1.98 (1.78 to 2.28), fused Adam 2.14 (1.79 to 2.24), channels last
2.92 (2.70 to 3.13), two processes 3.67 (3.01 to 4.11); another time 1.54, 1.84, 2.94 and 3.84 (3.57
to 4.06); with torchvision's MNIST itself in the DataLoader 2.10, 2.55, 2.86 (2.51 to 3.01) and 3.28
(2.99 to 3.83). Without `keep_freed_memory` the two processes gain no more than channels last with
two threads: 2.97 (2.49 to 3.28). One network on one core misses 3: with one thread 1.58, 1.77 and
2.39 (2.22 to 2.71), since convolutions and max pooling, which every loop needs, take 5.6 of its
5.9 ms (6.7 of 12.0 ms for DataLoader, of which 3.6 are the conversion). Convolution and pooling as
one matrix product on patches, with the batch last, took 4.6 ms where these took 5.8, in code that
nobody would read: not used. Nor is torch.compile, which gained 5 % after half a minute.
Dense with two threads, 6 rounds of 20 steps: 6.48 (6.14 to 6.83), fused Adam 8.98 (8.58 to 9.49);
channels last does nothing for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from defib.networks.dense import dense_network
from defib.networks.lenet import lenet_5
from defib.studies.allocation import keep_freed_memory
from defib.training.in_memory import ShuffledBatches, train_epoch

BATCH_SIZE = 64
MEAN, DEVIATION = (0.1307,), (0.3081,)
"""Of MNIST's pixels, as tutorials have them."""
PLAIN, BEST, STUDY = "DataLoader", "... channels last", "... a process for each thread"
REPETITIONS = 20
"""Of each part of a step, where it is measured alone."""

Epoch = Callable[[], object]


@dataclass(frozen=True)
class Loop:
    """An epoch that gives the seconds of processor time it took, and how many images it shows."""

    epoch: Callable[[], float]
    images: int


@dataclass(frozen=True)
class Taken:
    """Of one epoch, in seconds."""

    wall: float
    processor: float


class ByteImages(Dataset[tuple[Tensor, int]]):
    """One image at a time, converted when it is asked for, as torchvision's `MNIST` has them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.images[index], int(self.labels[index])
        return normalized(to_tensor(Image.fromarray(image.numpy()))), label


def to_tensor(image: Image.Image) -> Tensor:
    """What torchvision's `ToTensor` does with a grey image."""
    pixels = torch.from_numpy(np.array(image, np.uint8, copy=True))
    pixels = pixels.view(image.size[1], image.size[0], len(image.getbands()))
    return pixels.permute((2, 0, 1)).contiguous().to(dtype=torch.float32).div(255)


def normalized(image: Tensor) -> Tensor:
    """What torchvision's `Normalize` does."""
    image = image.clone()
    mean = torch.as_tensor(MEAN, dtype=image.dtype, device=image.device)
    deviation = torch.as_tensor(DEVIATION, dtype=image.dtype, device=image.device)
    if (deviation == 0).any():
        raise ValueError("a deviation of zero")
    return image.sub_(mean.view(-1, 1, 1)).div_(deviation.view(-1, 1, 1))


@dataclass(frozen=True)
class Kind:
    """What a loop in memory uses beside the tensors."""

    has_fused_optimizer: bool = False
    is_channels_last: bool = False
    is_compiled: bool = False


KINDS: Mapping[str, Kind] = {
    "in memory": Kind(),
    "... fused Adam": Kind(has_fused_optimizer=True),
    BEST: Kind(has_fused_optimizer=True, is_channels_last=True),
    "... torch.compile": Kind(has_fused_optimizer=True, is_channels_last=True, is_compiled=True),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", choices=NETWORKS, default="lenet-5")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    images, labels = drawn_images(options.steps * BATCH_SIZE)
    make = NETWORKS[options.network]
    epochs = {PLAIN: plain_epoch(make(), images, labels)}
    for name, kind in KINDS.items():
        if options.compiled or not kind.is_compiled:
            epochs[name] = epoch_in_memory(kind, make(), images, labels)
    loops = {name: Loop(timed(each), len(images)) for name, each in epochs.items()}
    if options.threads > 1:
        study = epoch_in_processes(options.threads, options.network, options.steps)
        loops[STUDY] = Loop(study, options.threads * len(images))
    for loop in loops.values():
        # Compiles, and fills the caches.
        loop.epoch()
    taken = measured(loops, options.rounds)
    console = Console(width=110)
    print_rates(loops, taken, f"{options.network}, {options.threads} threads", console)
    print_step(make, images, labels, console)
    if options.json:
        options.json.write_text(json.dumps(rates_of(loops, taken), indent=2))


def drawn_images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bytes in the shape of MNIST: their values do not matter to the time."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, generator.integers(0, 10, count)


def small_lenet() -> nn.Sequential:
    return lenet_5(activation=nn.ReLU, pooling=nn.MaxPool2d)


def small_dense() -> nn.Sequential:
    return dense_network((784, 64, 36, 10))


NETWORKS = {"lenet-5": small_lenet, "dense": small_dense}


def plain_epoch(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """The loop that a student writes."""
    loader = DataLoader(ByteImages(images, labels), batch_size=BATCH_SIZE, shuffle=True)
    optimizer, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()

    def epoch() -> float:
        running_loss = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return running_loss

    return epoch


def epoch_in_memory(kind: Kind, model: nn.Module, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """An epoch over all images as one tensor, converted once, beforehand."""
    batches = ShuffledBatches(*as_tensors(images, labels), BATCH_SIZE)
    model, optimizer = prepared(kind, model)
    return lambda: train_epoch(model, optimizer, batches)


def prepared(kind: Kind, model: nn.Module) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The network and its optimiser as `kind` says."""
    if kind.is_channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if kind.is_compiled:
        model.compile()
    return model, torch.optim.Adam(model.parameters(), fused=kind.has_fused_optimizer or None)


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    inputs = torch.from_numpy(images).float().div_(255).sub_(MEAN[0]).div_(DEVIATION[0])
    return inputs[:, None], torch.from_numpy(labels)


def timed(epoch: Epoch) -> Callable[[], float]:
    """Runs `epoch` and gives the seconds of processor time of all threads of this process."""

    def run() -> float:
        begun = time.process_time()
        epoch()
        return time.process_time() - begun

    return run


def epoch_in_processes(count: int, network: str, steps: int) -> Callable[[], float]:
    """An epoch in each of `count` processes at once, with one thread each, as studies train."""
    context = get_context("spawn")
    pipes: list[Connection] = []
    for _ in range(count):
        here, there = context.Pipe()
        context.Process(target=serve_epochs, args=(there, network, steps), daemon=True).start()
        pipes.append(here)

    def run() -> float:
        for pipe in pipes:
            pipe.send(None)
        return sum(pipe.recv() for pipe in pipes)

    return run


def serve_epochs(pipe: Connection, network: str, steps: int) -> None:
    """Run an epoch for each message, until the other end of the pipe is closed."""
    torch.set_num_threads(1)
    keep_freed_memory()
    model, data = NETWORKS[network](), drawn_images(steps * BATCH_SIZE)
    run = timed(epoch_in_memory(KINDS[BEST], model, *data))
    with suppress(EOFError):
        while True:
            pipe.recv()
            pipe.send(run())


def measured(loops: Mapping[str, Loop], rounds: int) -> Mapping[str, list[Taken]]:
    """What each loop took in each round."""
    names = list(loops)
    taken: dict[str, list[Taken]] = {name: [] for name in names}
    for at in range(rounds):
        first = at % len(names)
        for name in names[first:] + names[:first]:
            begun = time.perf_counter()
            processor = loops[name].epoch()
            taken[name].append(Taken(time.perf_counter() - begun, processor))
    return taken


def rates_of(
    loops: Mapping[str, Loop], taken: Mapping[str, Sequence[Taken]]
) -> Mapping[str, list[float]]:
    """Images per second of each loop in each round."""
    return {name: [loops[name].images / each.wall for each in taken[name]] for name in loops}


def print_rates(
    loops: Mapping[str, Loop],
    taken: Mapping[str, Sequence[Taken]],
    title: str,
    console: Console,
) -> None:
    table = Table("loop", "images per second", "ratio", "processor ms of a step", "ratio")
    table.title = title
    rates = rates_of(loops, taken)
    least = {
        name: 1000 * BATCH_SIZE * min(each.processor for each in taken[name]) / loop.images
        for name, loop in loops.items()
    }
    for name, found in rates.items():
        ratios = [a / b for a, b in zip(found, rates[PLAIN], strict=True)]
        work = f"{least[name]:.2f}", f"{least[PLAIN] / least[name]:.2f}"
        table.add_row(name, spread(found, "{:,.0f}"), spread(ratios, "{:.2f}"), *work)
    console.print(table)


def spread(values: Sequence[float], form: str) -> str:
    """`median (lower quartile to upper quartile)`."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return "{} ({} to {})".format(*(form.format(each) for each in (middle, low, high)))


def print_step(
    make: Callable[[], nn.Module], images: np.ndarray, labels: np.ndarray, console: Console
) -> None:
    """Milliseconds of the parts of a step, each alone."""
    data = ByteImages(images, labels)
    loader = DataLoader(data, batch_size=BATCH_SIZE, sampler=[0] * (REPETITIONS * BATCH_SIZE))
    ready = iter(loader)
    inputs, targets = as_tensors(images, labels)
    order = torch.randperm(len(inputs))[:BATCH_SIZE]
    table = Table("part of a step", "ms")
    table.add_row("DataLoader: convert and collate 64 images", milliseconds(lambda: next(ready)))
    table.add_row("in memory: take 64 images", milliseconds(lambda: inputs[order]))
    for name, kind in KINDS.items():
        if kind.is_compiled:
            continue
        model, optimizer = prepared(kind, make())

        def backward(model: nn.Module = model) -> None:
            functional.cross_entropy(model(inputs[order]), targets[order]).backward()

        table.add_row(f"{name}: forward and backward", milliseconds(backward))
        table.add_row(f"{name}: optimiser", milliseconds(optimizer.step))
    console.print(table)


def milliseconds(action: Callable[[], object]) -> str:
    """Median of the repetitions."""
    taken: list[float] = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        action()
        taken.append(1000 * (time.perf_counter() - begun))
    return f"{statistics.median(taken):.2f}"


if __name__ == "__main__":
    main()
