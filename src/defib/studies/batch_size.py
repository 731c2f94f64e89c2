"""What does the size of a mini-batch cost, and what does it buy?

MiniGoogLeNet is trained on FashionMNIST with batches of several sizes, each for as many epochs from
the same first weights (gradient descent with momentum 0.9). The learning rate grows with the batch,
in proportion up to a limit. Measured: updates and examples until the training loss, a mean over the
last 512 examples, reaches a target; loss and accuracy on the validation images at the end; the
bytes that a step keeps for its backward pass; the time. For the noise scale tr(Σ)/|G|² of the
middle size 16 batches of 256 examples in parts of 16 are drawn before and after the training.

Theory (McCandlish and others, arXiv:1812.06162), where each size has its own best learning rate:
updates S = S_min·(1 + B/b) and examples E = E_min·(1 + b/B) for a batch of b and a noise scale B.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.metrics.gradient_noise import GradientNoise
from defib.records.chart import Bars, Chart
from defib.records.study import Claim, Published, StudyResult, Sureness, Table, Value
from defib.studies.base import Study
from defib.studies.fashion import (
    DATASET,
    PUBLISHED,
    SMALL,
    Scale,
    descent,
    garments,
    seeded_network,
)
from defib.studies.image_sets import Images
from defib.studies.intervals import (
    Interval,
    above,
    difference_interval,
    ratio_interval,
    within,
)
from defib.studies.pictures import bars
from defib.studies.tables import table
from defib.training.growing_batches import GrowingBatch, Part
from defib.training.in_memory import quality
from defib.training.noise_scale import measured_backward, noise_scale

WINDOW = 512
"""Examples over which the training loss is averaged."""
NOISE_BATCH, NOISE_PART = 256, 16
NOISE_BATCHES = 16
START, END = "start", "end"
MCCANDLISH = "McCandlish and others (2018), arXiv:1812.06162"


@final
@dataclass(frozen=True)
class Config:
    """`learning_rate` is that of batches of 64; none is larger than `largest_rate`.

    `target` is the training loss to be reached.
    """

    seeds: int
    scale: Scale
    epochs: int
    target: float
    learning_rate: float
    largest_rate: float
    batch_sizes: tuple[int, ...] = (16, 64, 256)

    @property
    def middle(self) -> int:
        """The batch size in whose training the noise is measured."""
        return self.batch_sizes[len(self.batch_sizes) // 2]

    def rate(self, size: int) -> float:
        """The learning rate for batches of `size`."""
        return min(self.learning_rate * size / 64, self.largest_rate)


QUICK = Config(seeds=4, scale=SMALL, epochs=6, target=1.0, learning_rate=0.02, largest_rate=0.06)
FULL = Config(
    seeds=5,
    scale=PUBLISHED,
    epochs=20,
    target=0.3,
    learning_rate=0.01,
    largest_rate=0.1,
    batch_sizes=(8, 32, 128, 512, 1024),
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = garments(config.scale, seed)
    rows, scales, seconds = [], [], []
    for size in config.batch_sizes:
        network = seeded_network(config.scale, seed)
        kept = _kept_bytes(network, data, size)
        is_middle = size == config.middle
        if is_middle:
            scales.append((START, _noise_scale(network, data)))
        begun = time.perf_counter()
        losses = _trained(network, data, config, size)
        seconds.append((size, (time.perf_counter() - begun) / config.epochs))
        steps = _steps_to(config.target, losses, size)
        train = quality(network, data.images, data.labels)
        held_out = data.quality(network)
        scores = (held_out.loss, held_out.accuracy, train.accuracy - held_out.accuracy)
        rows.append((size, config.rate(size), steps, _examples(steps, size), *scores, kept / 1e6))
        if is_middle:
            scales.append((END, _noise_scale(network, data)))
    values = (
        "steps_to_target examples_to_target validation_loss validation_accuracy gap kept_megabytes"
    )
    return {
        "sizes": table("batch_size", f"learning_rate {values}", rows),
        "noise": table("moment", "noise_scale", scales),
        "time": table("batch_size", "seconds_per_epoch", seconds),
    }


def _trained(network: nn.Module, data: Images, config: Config, size: int) -> list[float]:
    """The loss of each step."""
    optimizer = descent(network, config.rate(size))
    losses: list[Tensor] = []
    for _ in range(config.epochs):
        for images, labels in data.batches(size):
            loss = functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
    return torch.stack(losses).tolist()


def _steps_to(target: float, losses: Sequence[float], size: int) -> int | None:
    """Updates until the mean over the last `WINDOW` examples is at most `target`."""
    width = max(1, WINDOW // size)
    for steps in range(width, len(losses) + 1):
        if sum(losses[steps - width : steps]) / width <= target:
            return steps
    return None


def _examples(steps: int | None, size: int) -> int | None:
    return None if steps is None else steps * size


def _kept_bytes(network: nn.Module, data: Images, size: int) -> int:
    """Bytes that autograd keeps from a forward pass for the backward pass, without parameters."""
    measured = copy.deepcopy(network)
    own = {each.untyped_storage().data_ptr() for each in measured.state_dict().values()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            # Kept alive, so that no other tensor gets its address.
            alive.append(tensor)
        return tensor

    # Copies: a part of all images would count as all of them.
    images, labels = data.images[:size].clone(), data.labels[:size].clone()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        functional.cross_entropy(measured(images), labels)
    return sum(kept.values())


def _noise_scale(network: nn.Module, data: Images) -> float:
    """In examples; `nan` where the gradient cannot be told from noise."""
    measured = copy.deepcopy(network)
    parameters = list(measured.parameters())
    found: list[GradientNoise] = []
    for step in range(NOISE_BATCHES):
        measured.zero_grad()
        _, noise = measured_backward(
            _drawn(data, step),
            lambda part: functional.cross_entropy(measured(part[0]), part[1]),
            parameters,
        )
        found.append(noise)
    return noise_scale(found).examples


def _drawn(data: Images, step: int) -> GrowingBatch:
    """A batch of examples drawn at random, in its parts."""
    indices = torch.randperm(len(data.images))[:NOISE_BATCH].to(data.images.device)
    weight = NOISE_PART / NOISE_BATCH
    parts = (
        Part((data.images[part], data.labels[part]), NOISE_PART, weight)
        for part in indices.split(NOISE_PART)
    )
    return GrowingBatch(step, NOISE_BATCH, parts)


def claims(result: StudyResult) -> tuple[Claim, ...]:
    sizes, noise = result.by_seed("sizes"), result.by_seed("noise")
    small, *_, large = sizes.distinct("batch_size")
    steps = _ratio(sizes, "steps_to_target", small, large)
    examples = _ratio(sizes, "examples_to_target", large, small)
    accuracy = difference_interval(
        sizes.numbers("validation_accuracy", batch_size=small),
        sizes.numbers("validation_accuracy", batch_size=large),
    )
    kept = _ratio(sizes, "kept_megabytes", large, small)
    proportion = float(large or 0) / float(small or 1)
    before, after = (noise.numbers("noise_scale", moment=each) for each in (START, END))
    growth = ratio_interval(*_known(after, before))
    return (
        Claim(
            "fewer-updates",
            f"Batches of {large} reach the target in fewer updates than batches of {small}.",
            above(steps, 1.0),
            steps.as_numbers("times_fewer_updates"),
            Published("S = S_min·(1 + B/b)", MCCANDLISH, Sureness.READ),
        ),
        Claim(
            "more-examples",
            f"Batches of {large} need more examples for it than batches of {small}.",
            above(examples, 1.0),
            examples.as_numbers("times_more_examples"),
            Published("E = E_min·(1 + b/B)", MCCANDLISH, Sureness.READ),
        ),
        Claim(
            "noise-scale-grows",
            "The noise scale is larger after the training than before.",
            above(growth, 1.0),
            growth.as_numbers("times_larger")
            | {"examples_before": _mean(before), "examples_after": _mean(after)},
            Published(
                "MNIST: B_simple 50 at the start, 900 on average",
                MCCANDLISH,
                Sureness.REMEMBERED,
                {"times_larger": 18.0},
            ),
        ),
        Claim(
            "small-generalise-better",
            f"After as many epochs batches of {small} classify more validation images rightly "
            f"than batches of {large}.",
            above(accuracy, 0.0),
            accuracy.as_numbers("accuracy_gained"),
            Published(
                "CIFAR-10 network C1: test accuracy 80.04 % with small, 77.26 % with large batches",
                "Keskar and others (2017), arXiv:1609.04836",
                Sureness.REMEMBERED,
                {"accuracy_gained": 0.0278},
            ),
        ),
        Claim(
            "memory-in-proportion",
            "The bytes kept for the backward pass grow in proportion to the batch, to 5 %.",
            within(kept, 0.95 * proportion, 1.05 * proportion),
            kept.as_numbers("times_more_bytes") | {"times_more_examples": proportion},
        ),
    )


def _ratio(sizes: Table, name: str, above_line: Value, below_line: Value) -> Interval:
    """Of the column `name` for two batch sizes, over the seeds in which both have a value."""
    return ratio_interval(
        *_known(*(sizes.numbers(name, batch_size=each) for each in (above_line, below_line)))
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _known(
    left: Sequence[float], right: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The pairs of which both are positive numbers."""
    pairs = [(a, b) for a, b in zip(left, right, strict=True) if a > 0 and b > 0]
    pairs = [(a, b) for a, b in pairs if math.isfinite(a + b)]
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def figures(result: StudyResult) -> tuple[Chart, ...]:
    sizes, noise, seconds = (result.tables[name] for name in ("sizes", "noise", "time"))
    moments = tuple(str(each) for each in noise.distinct("moment"))
    scale = bars(noise, "noise scale", "noise_scale")
    steps = sizes.numbers("steps_to_target")
    return (
        Chart(
            "sizes",
            "What the batch size costs and buys",
            f"By batch size, with intervals over the seeds: updates (from {steps[0]:.0f} to "
            f"{steps[-1]:.0f}) and examples to the target loss, validation accuracy after as many "
            "epochs, seconds of an epoch, bytes kept for the backward pass; the noise scale of "
            "the middle size before and after the training.",
            (
                _panel(sizes, "steps_to_target", "updates to the target"),
                _panel(sizes, "examples_to_target", "examples to the target"),
                _panel(sizes, "validation_accuracy", "validation accuracy"),
                _panel(seconds, "seconds_per_epoch", "seconds of an epoch"),
                _panel(sizes, "kept_megabytes", "MB for the backward pass"),
                Bars(moments, (scale,), "noise scale in examples", x_label="of the training"),
            ),
            columns=2,
            height=240,
        ),
    )


def _panel(by_size: Table, column: str, label: str) -> Bars:
    """A bar for each batch size."""
    categories = tuple(str(each) for each in by_size.column("batch_size"))
    series = bars(by_size, label, column)
    return Bars(categories, (series,), label, x_label="batch size")


STUDY = Study(("B8",), QUICK, FULL, measure, claims, figures, dataset=DATASET)
