"""Trainings whose validation accuracy lies above the training accuracy, each for its own reason."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from defib.networks.dense import dense_network
from defib.records.finding import Diagnosis
from defib.rules.generalization.reason_to_be_better import CLASSES, KNOWN, LAYERS
from defib.rules.generalization.reason_to_be_better import EASIER as EASIER_EXAMPLES
from defib.studies.diagnosed import watched
from defib.studies.image_sets import Images
from defib.training.in_memory import ShuffledBatches, quality
from defib.training.seeding import seed_everything

NOTHING = "nothing"
DROPOUT, NORMALIZATION = "dropout", "batch norm, batches of 4"
AVERAGED, EASIER, LEAK = "mean over the first epoch", "easier validation", "leak"
EASY_DIGITS = (0, 1)
MODE, LAG = "mode", "lag"
LEAK_RULE, REMARK = "evaluation-on-training-examples", "evaluation-beats-training"
COPIES = 10
"""Of each leaked example in the training set: copies made before the split."""
LEAKED = 0.1
"""Share of the training examples, before they are copied."""
CLEAN = 0.1
"""Honest validation examples for each leaked one."""
EVALUATIONS = 4
"""In each epoch: `defib run` compares the loss of an evaluation with the training's around it."""
PASSES = 10
"""Over the training set in training mode: the mean forgets which units were dropped."""


@final
@dataclass(frozen=True)
class Arm:
    """A training. `is_above`: its validation accuracy is meant to lie above the training's."""

    build: Callable[[int], nn.Sequential]
    batch_size: int = 32
    epochs: int = 20
    is_above: bool = True


def plain(pixels: int) -> nn.Sequential:
    """A hidden layer of 64 ReLU."""
    return dense_network((pixels, 64, 10))


def narrow(pixels: int) -> nn.Sequential:
    """A hidden layer of 16 ReLU, which does not fit every example."""
    return dense_network((pixels, 16, 10))


def dropping(pixels: int) -> nn.Sequential:
    """Two hidden layers with dropout 0.5."""
    return dense_network((pixels, 64, 64, 10), dropout=0.5)


def normalizing(pixels: int) -> nn.Sequential:
    """Two hidden layers with batch normalisation."""
    return dense_network((pixels, 64, 64, 10), normalization=nn.BatchNorm1d)


ARMS: Mapping[str, Arm] = {
    NOTHING: Arm(plain, is_above=False),
    DROPOUT: Arm(dropping, epochs=8),
    NORMALIZATION: Arm(normalizing, batch_size=4, epochs=8),
    AVERAGED: Arm(plain, epochs=1),
    EASIER: Arm(narrow, epochs=10),
    LEAK: Arm(narrow, epochs=6),
}


@final
@dataclass(frozen=True, eq=False)
class Parts:
    """Examples: to train on, to validate with, and fresh ones drawn as the first were."""

    training: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    fresh: tuple[Tensor, Tensor]


@final
@dataclass(frozen=True)
class Gap:
    """Accuracies of a training, all in [0, 1].

    validation − reported is exactly `lag` + `mode` + `examples`.
    """

    reported: float
    """Mean over the last epoch, as the network was trained."""
    in_training_mode: float
    """On the training set at the end, in training mode."""
    training: float
    """On the training set at the end, in evaluation mode."""
    validation: float
    fresh: float
    shared: float
    """Share of the validation examples that are also in the training set."""
    rules: tuple[str, ...]
    """That `defib run` named, remarks left out."""
    by_run: str
    """The reason that `defib run` gave."""

    @property
    def lag(self) -> float:
        """What the network learnt within the epoch over which the training accuracy is a mean."""
        return self.in_training_mode - self.reported

    @property
    def mode(self) -> float:
        """What dropout and batch normalisation cost in training."""
        return self.training - self.in_training_mode

    @property
    def examples(self) -> float:
        """What comes from other examples: easier ones, or known ones."""
        return self.validation - self.training

    @property
    def told(self) -> str:
        """The largest part, `nothing` where the validation accuracy is not above."""
        if self.validation <= self.reported:
            return NOTHING
        parts = {LAG: self.lag, MODE: self.mode, "examples": self.examples}
        largest = max(parts, key=lambda name: parts[name])
        if largest == "examples":
            return LEAK if self.shared else EASIER
        return largest


MEANT = {
    NOTHING: NOTHING,
    DROPOUT: MODE,
    NORMALIZATION: MODE,
    AVERAGED: LAG,
    EASIER: EASIER,
    LEAK: LEAK,
}
"""What `Gap.told` has to say of each arm."""
MEANT_BY_RUN = MEANT | {AVERAGED: NOTHING}
"""What `Gap.by_run` has to say: a loss that falls within the epoch is nothing to remark on."""

_REASONS = {KNOWN: LEAK, LAYERS: MODE, CLASSES: EASIER, EASIER_EXAMPLES: EASIER}


def reason_in(diagnosis: Diagnosis) -> str:
    """The reason that `defib run` gives for an evaluation above the training: a leak by its own
    rule, another one in a remark; `nothing` without either."""
    found = {each.rule: each for each in diagnosis.findings}
    if LEAK_RULE in found:
        return LEAK
    return _REASONS[str(found[REMARK].evidence["reason"])] if REMARK in found else NOTHING


def parts_of(arm: str, data: Images, validation_count: int) -> Parts:
    """The training set, the validation set as the arm has it, and what is left."""
    images, labels = data.validation_images, data.validation_labels
    first, rest = slice(validation_count), slice(validation_count, None)
    training, validation = (data.images, data.labels), (images[first], labels[first])
    fresh = images[rest], labels[rest]
    if arm == EASIER:
        easy = torch.isin(validation[1], torch.tensor(EASY_DIGITS, device=labels.device))
        validation = validation[0][easy], validation[1][easy]
    elif arm == LEAK:
        copied = slice(round(LEAKED * len(data.images)))
        honest = slice(round(CLEAN * copied.stop))
        validation = (
            torch.cat([data.images[copied], images[honest]]),
            torch.cat([data.labels[copied], labels[honest]]),
        )
        training = (
            torch.cat([data.images, *[data.images[copied]] * (COPIES - 1)]),
            torch.cat([data.labels, *[data.labels[copied]] * (COPIES - 1)]),
        )
    return Parts(training, validation, fresh)


def gap_of(arm: str, parts: Parts, seed: int) -> Gap:
    """The training of an arm, watched, and its accuracies at the end."""
    seed_everything(seed)
    settings = ARMS[arm]
    inputs, _ = parts.training
    with watched() as seen:
        network = settings.build(inputs[0].numel()).to(inputs.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
        batches = ShuffledBatches(*parts.training, settings.batch_size)
        reported = [
            _epoch(network, optimizer, batches, parts.validation) for _ in range(settings.epochs)
        ][-1]
    return Gap(
        reported=reported,
        in_training_mode=_in_training_mode(network, batches),
        training=quality(network, *parts.training).accuracy,
        validation=quality(network, *parts.validation).accuracy,
        fresh=quality(network, *parts.fresh).accuracy,
        shared=_shared(parts),
        rules=seen.rules,
        by_run=reason_in(seen.diagnosis),
    )


def _epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: ShuffledBatches,
    validation: tuple[Tensor, Tensor],
) -> float:
    """The mean accuracy over the epoch, of each batch before its step; with its evaluations."""
    hits: list[Tensor] = []
    ends = {round(len(batches) * part / EVALUATIONS) for part in range(1, EVALUATIONS + 1)}
    for inputs, labels in batches:
        scores = network(inputs)
        optimizer.zero_grad()
        functional.cross_entropy(scores, labels).backward()
        optimizer.step()
        hits.append((scores.detach().argmax(dim=1) == labels).double().mean())
        if len(hits) in ends:
            _evaluate(network, *validation)
    return torch.stack(hits).mean().item()


def _evaluate(network: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    """The validation loss, as a training loop computes it: `defib run` sees it."""
    network.eval()
    with torch.no_grad():
        functional.cross_entropy(network(inputs), labels)
    network.train()


def _in_training_mode(network: nn.Module, batches: ShuffledBatches) -> float:
    # A copy: running statistics move in training mode.
    network = copy.deepcopy(network).train()
    hits: list[Tensor] = []
    with torch.no_grad():
        for _ in range(PASSES):
            for inputs, labels in batches:
                hits.append((network(inputs).argmax(dim=1) == labels).double().mean())
    return torch.stack(hits).mean().item()


def _shared(parts: Parts) -> float:
    known = {each.numpy().tobytes() for each in parts.training[0].cpu()}
    validation = parts.validation[0].cpu()
    return sum(each.numpy().tobytes() in known for each in validation) / len(validation)
