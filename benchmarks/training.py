"""Images per second of training: loops over tensors in memory beside a plain DataLoader loop.

    python benchmarks/training.py [--rounds 7] [--steps 60] [--threads 2] [--network lenet-5]
                                  [--compiled]

LeNet-5 (ReLU, max pooling), or with `--network dense` 784-64-36-10, on random images in MNIST's
shape, batches of 64, Adam, the loss of each step read or kept. `DataLoader` is the loop of most
tutorials: a data set that converts one image of bytes at a time (to floats, divided by 255,
standardised, as torchvision's MNIST with ToTensor and Normalize does, without the way through
PIL), `DataLoader(batch_size=64, shuffle=True)`, `loss.item()`. The others take whole batches from
a tensor by `defib.training.in_memory`. Each adds one thing to the one above it.

In each round every loop trains for as many steps, in an order that rotates, so that whatever slows
the machine down falls on all alike. Printed are medians over the rounds with the quartiles.
`ratio` is relative to the DataLoader loop of the same round. A table of where the time of a step
goes follows.

Measured on 2 cores that were busy with other work. LeNet-5 with one thread, 5 rounds of 20 steps:
in memory 1.32 (1.29 to 1.33), fused Adam 1.43 (1.40 to 1.62), channels last 2.15 (1.93 to 2.21);
two more runs 1.6 and 2.4 for the last. With two threads: 1.05 (1.05 to 1.13), 1.31 (1.15 to 1.32)
and only 0.77 (0.67 to 0.78) with channels last, which is for one thread alone; studies train with
one. The aim of 3 is missed: convolutions and max pooling, which every loop needs, take most of a
step (of 9.2 ms of processor time for DataLoader 2.3 are the conversion; of 5.2 ms with channels
last 4.3 are convolutions and pooling). torch.compile, 1.72 (1.56 to 1.78) beside 1.64
without, gains nothing that can be told from noise after half a minute of compiling: not used.
Dense with one thread, 4 rounds: in memory 3.74 (3.56 to 3.95), fused Adam 5.08 (4.71 to 5.89);
channels last does nothing for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from defib.networks.dense import dense_network
from defib.networks.lenet import lenet_5
from defib.training.in_memory import ShuffledBatches, train_epoch

BATCH_SIZE = 64
MEAN, DEVIATION = (0.1307,), (0.3081,)
"""Of MNIST's pixels, as tutorials have them."""
PLAIN = "DataLoader"
REPETITIONS = 20
"""Of each part of a step, where it is measured alone."""

Epoch = Callable[[], object]


class ByteImages(Dataset[tuple[Tensor, int]]):
    """One image at a time, converted when it is asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return normalized(to_tensor(self.images[index])), int(self.labels[index])


def to_tensor(image: np.ndarray) -> Tensor:
    """What torchvision's `ToTensor` does with a grey image."""
    pixels = torch.from_numpy(np.array(image, np.uint8, copy=True))
    pixels = pixels.view(*image.shape, 1).permute((2, 0, 1)).contiguous()
    return pixels.to(dtype=torch.float32).div(255)


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
    "... channels last": Kind(has_fused_optimizer=True, is_channels_last=True),
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
    for epoch in epochs.values():
        # Compiles, and fills the caches.
        epoch()
    seconds = measured(epochs, options.rounds)
    rates = {name: [len(images) / each for each in taken] for name, taken in seconds.items()}
    console = Console(width=100)
    print_rates(rates, f"{options.network}, {options.threads} threads", console)
    print_step(make, images, labels, console)
    if options.json:
        options.json.write_text(json.dumps(rates, indent=2))


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


def measured(epochs: Mapping[str, Epoch], rounds: int) -> Mapping[str, list[float]]:
    """Seconds of each loop in each round."""
    names = list(epochs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for at in range(rounds):
        first = at % len(names)
        for name in names[first:] + names[:first]:
            begun = time.perf_counter()
            epochs[name]()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def print_rates(rates: Mapping[str, Sequence[float]], title: str, console: Console) -> None:
    table = Table("loop", "images per second", "ratio", title=title)
    for name, found in rates.items():
        ratios = [a / b for a, b in zip(found, rates[PLAIN], strict=True)]
        table.add_row(name, spread(found, "{:,.0f}"), spread(ratios, "{:.2f}"))
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
