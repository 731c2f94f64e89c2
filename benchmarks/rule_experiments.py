"""The trainings behind limits of rules that no corpus calibrates.

    python benchmarks/rule_experiments.py [--seeds 5]

`normalization-after-dropout`: accuracy on held-out digits of two batch-normalised layers of 128
units, with dropout after each of them and after the last one only. `clipping-too-tight`: the last
loss of a small network on the digits whose gradients are always clipped to a norm, by optimiser.
`vanishing-gradient`: gradient of a bias that batch normalisation cancels over that of its weight.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterable

import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

TRAINED, EPOCHS, BATCH_SIZE = 1400, 20, 64
DROPOUTS = (0.2, 0.5, 0.7)
LIMITS = (math.inf, 0.1, 0.01, 0.001, 1e-5, 1e-6)
OPTIMIZERS: dict[str, Callable[[Iterable[Tensor]], Optimizer]] = {
    "SGD": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: Adam(parameters, lr=1e-3),
    "AdamW": lambda parameters: AdamW(parameters, lr=1e-3),
    "RMSprop": lambda parameters: RMSprop(parameters, lr=1e-3),
}


def digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images))
    return torch.tensor(images / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]


def normalized(inputs: int, units: int) -> list[nn.Module]:
    return [nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU()]


def with_dropout(probability: float, *, is_between: bool) -> nn.Sequential:
    between = [nn.Dropout(probability)] if is_between else []
    hidden = [*normalized(64, 128), *between, *normalized(128, 128)]
    return nn.Sequential(*hidden, nn.Dropout(probability), nn.Linear(128, 10))


def trained(
    network: nn.Module, optimizer: Optimizer, data: tuple[Tensor, Tensor], limit: float = math.inf
) -> float:
    """The mean loss of the last epoch; gradients are clipped to a norm of `limit`."""
    images, labels = data
    losses: list[float] = []
    for _ in range(EPOCHS):
        losses.clear()
        for batch in torch.randperm(TRAINED).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss = functional.cross_entropy(network(images[batch]), labels[batch])
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), limit)
            optimizer.step()
            losses.append(loss.item())
    return statistics.fmean(losses)


def accuracy(seed: int, probability: float, *, is_between: bool) -> float:
    torch.manual_seed(seed)
    data = digits()
    network = with_dropout(probability, is_between=is_between)
    trained(network, Adam(network.parameters(), lr=1e-3), data)
    network.eval()
    with torch.no_grad():
        answers = network(data[0][TRAINED:]).argmax(1)
    return (answers == data[1][TRAINED:]).double().mean().item()


def clipped_loss(seed: int, optimizer: str, limit: float) -> float:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return trained(network, OPTIMIZERS[optimizer](network.parameters()), digits(), limit)


def cancelled_bias(seed: int) -> float:
    torch.manual_seed(seed)
    images, labels = digits()
    network = with_dropout(0.0, is_between=False)
    functional.cross_entropy(network(images[:BATCH_SIZE]), labels[:BATCH_SIZE]).backward()
    weight, bias = next(iter(network.children())).parameters()
    assert weight.grad is not None
    assert bias.grad is not None
    return (bias.grad.square().mean() / weight.grad.square().mean()).sqrt().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    console = Console()
    table = Table("dropout", "after each layer", "after the last")
    for probability in DROPOUTS:
        means = [
            statistics.fmean(accuracy(seed, probability, is_between=each) for seed in seeds)
            for each in (True, False)
        ]
        table.add_row(f"{probability:g}", *(f"{each:.1%}" for each in means))
    console.print(table)
    table = Table("clipped to", *(f"{limit:g}" for limit in LIMITS))
    for name in OPTIMIZERS:
        table.add_row(name, *(f"{clipped_loss(0, name, limit):.3f}" for limit in LIMITS))
    console.print(table)
    ratios = [cancelled_bias(seed) for seed in seeds]
    console.print(f"cancelled bias over its weight: {min(ratios):.1e} to {max(ratios):.1e}")


if __name__ == "__main__":
    main()
