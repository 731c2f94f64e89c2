"""Mistakes that show before the first step, each with its healthy twin; and valid oddities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, Dataset, TensorDataset

from defib.faults.tasks import (
    DIGITS_DENSE,
    SYMBOLS_TRANSFORMER,
    standardized_breast_cancer,
    standardized_diabetes,
)
from defib.networks.convolutional import ConvolutionalNetwork
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.networks.transformer import TransformerNetwork

Loss = Callable[[Tensor, Tensor], Tensor]
Train = Callable[[], object]


@final
@dataclass(frozen=True)
class Mistake:
    """A training that `rule` must name, and the same without the mistake."""

    rule: str
    broken: Train
    healthy: Train


def fit(
    model: nn.Module,
    loader: Any,
    *,
    loss_function: Loss = F.cross_entropy,
    optimizer: Any = None,
    calls: Callable[[Tensor], Any] = lambda each: each,
) -> None:
    """One epoch of the loop of a tutorial."""
    optimizer = optimizer or Adam(model.parameters(), lr=2e-3)
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_function(model(calls(inputs)), targets).backward()
        optimizer.step()


def batches(data: Any, *, size: int = 32, shuffle: bool = True, **more: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*data), batch_size=size, shuffle=shuffle, **more)


def digits() -> tuple[Tensor, Tensor]:
    split = DIGITS_DENSE.data()
    return split.inputs, split.targets


def tumours() -> tuple[Tensor, Tensor]:
    split = standardized_breast_cancer()
    return split.inputs, split.targets


def pair(rule: str, make: Callable[..., object]) -> Mistake:
    """`make(is_broken=...)` is the training with and without the mistake."""
    return Mistake(rule, lambda: make(is_broken=True), lambda: make(is_broken=False))


# -- data --------------------------------------------------------------------------------------


def loaders_apart(*, is_broken: bool) -> None:
    inputs, targets = digits()
    apart = zip(
        DataLoader(inputs, 32, shuffle=True),  # type: ignore[arg-type]
        DataLoader(targets, 32, shuffle=True),  # type: ignore[arg-type]
        strict=True,
    )
    fit(dense_network((64, 64, 10)), apart if is_broken else batches((inputs, targets)))


def unknown_tokens(*, is_broken: bool) -> None:
    split = SYMBOLS_TRANSFORMER.data()
    tokens = split.inputs.clone()
    if is_broken:
        tokens[-1, 0] = 8
    fit(TransformerNetwork(), batches((tokens, split.targets), shuffle=False))


def one_left(*, is_broken: bool) -> None:
    inputs, targets = digits()
    size = 32 * 40 + is_broken
    fit(normalized_network(), batches((inputs[:size], targets[:size])))


def duplicates(*, is_broken: bool) -> None:
    inputs, targets = tumours()
    split = standardized_breast_cancer()
    held_out = inputs[:100] if is_broken else split.validation_inputs
    if is_broken:
        held_out = torch.cat([held_out, split.validation_inputs])
    validation = batches((held_out, torch.zeros(len(held_out))), shuffle=False)
    fit(dense_network((30, 16, 1)), batches((inputs, targets)), **BINARY)
    del validation


def scaled_otherwise(*, is_broken: bool) -> None:
    inputs, targets = digits()
    split = DIGITS_DENSE.data()
    held_out = split.validation_inputs * (16 if is_broken else 1)
    validation = batches((held_out, split.validation_targets), shuffle=False)
    fit(dense_network((64, 64, 10)), batches((inputs, targets)))
    del validation


class Augmented(Dataset[Any]):
    """Digits moved by a random pixel, or as they are."""

    def __init__(self, inputs: Tensor, targets: Tensor, *, is_random: bool) -> None:
        self.inputs, self.targets, self.is_random = inputs, targets, is_random

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        shift = int(torch.randint(-1, 2, ())) if self.is_random else 0
        return self.inputs[index].roll(shift, -1), self.targets[index]


def augmented_validation(*, is_broken: bool) -> None:
    split = DIGITS_DENSE.data()
    train = Augmented(split.inputs, split.targets, is_random=True)
    held_out = Augmented(split.validation_inputs, split.validation_targets, is_random=is_broken)
    validation = DataLoader(held_out, 64)
    fit(dense_network((64, 64, 10)), DataLoader(train, 32, shuffle=True))
    del validation


# -- wiring ------------------------------------------------------------------------------------


def fresh_head_frozen(*, is_broken: bool) -> None:
    model = ConvolutionalNetwork()
    if is_broken:
        model.head.requires_grad_(False)
    trained = [each for each in model.parameters() if each.requires_grad]
    fit(model, batches(digits()), optimizer=Adam(trained, lr=2e-3))


def freeze_of_module(*, is_broken: bool) -> None:
    model = ConvolutionalNetwork()
    first = next(iter(model.children()))
    if is_broken:
        first.requires_grad = False  # type: ignore[assignment]
    else:
        first.requires_grad_(False)
    fit(model, batches(digits()))


def forgotten_mode(*, is_broken: bool) -> None:
    model = normalized_network()
    model.train(not is_broken)
    fit(model, batches(digits()), optimizer=SGD(model.parameters(), lr=0.05, momentum=0.9))


class Keeping(nn.Module):
    """Keeps what its hidden layer gave, to look at it later."""

    def __init__(self, *, is_detached: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)
        self.is_detached = is_detached
        self.seen: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs.flatten(1)).relu()
        self.seen.append(hidden.detach() if self.is_detached else hidden)
        return self.last(hidden)


class Deaf(nn.Module):
    """Multiplies its input with a mask that is zero by mistake, beside a bias that learns."""

    def __init__(self, *, is_broken: bool) -> None:
        super().__init__()
        self.layers = dense_network((64, 32, 10))
        self.mask = 0.0 if is_broken else 1.0

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs * self.mask)


def own_cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """By hand, and not seen as a loss function of torch."""
    chosen = scores.gather(1, targets[:, None])
    return (scores.exp().sum(1, keepdim=True).log() - chosen).mean()


class Unseeded(nn.Module):
    """Noise from a generator of its own, which no seed governs."""

    def __init__(self, *, is_broken: bool) -> None:
        super().__init__()
        self.layers = dense_network((64, 64, 10))
        self.is_broken = is_broken

    def forward(self, inputs: Tensor) -> Tensor:
        import numpy as np

        generator = np.random.default_rng() if self.is_broken else np.random
        noise = torch.as_tensor(generator.normal(size=inputs.shape), dtype=inputs.dtype)
        return self.layers(inputs + 0.1 * noise)


class Reader(nn.Module):
    """Predicts the next token, with or without a mask of the future."""

    def __init__(self, *, is_causal: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 32)
        self.positions = nn.Parameter(0.1 * torch.randn(64, 32))
        self.layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, 8)
        self.is_causal = is_causal

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length) if self.is_causal else None
        hidden = self.embedding(tokens) + self.positions[:length]
        return self.head(self.layer(hidden, src_mask=mask, is_causal=self.is_causal))


def next_tokens(*, is_broken: bool) -> None:
    tokens = SYMBOLS_TRANSFORMER.data().inputs
    model = Reader(is_causal=not is_broken)
    optimizer = AdamW(model.parameters(), lr=3e-3)
    for (rows,) in batches((tokens,)):
        scores = model(rows)[:, :-1]
        F.cross_entropy(scores.reshape(-1, 8), rows[:, 1:].reshape(-1)).backward()
        optimizer.step()


# -- loss, weights, optimiser ------------------------------------------------------------------

BINARY: dict[str, Any] = {"loss_function": F.binary_cross_entropy_with_logits}


def signs(*, is_broken: bool) -> None:
    inputs, targets = tumours()
    targets = 2 * targets - 1 if is_broken else targets
    fit(dense_network((30, 16, 1)), batches((inputs, targets)), **BINARY)


def last_activation(kind: type[nn.Module], *, is_broken: bool) -> None:
    model = dense_network((30, 16, 1))
    model = nn.Sequential(model, kind()) if is_broken else model
    fit(model, batches(tumours()), **BINARY)


def prefixed_state(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    prefix = "module." if is_broken else ""
    state = {prefix + name: each for name, each in dense_network((64, 64, 10)).state_dict().items()}
    model.load_state_dict(state, strict=False)
    fit(model, batches(digits()))


def tiny_start(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 64, 64, 64, 10), nn.Tanh)
    if is_broken:
        with torch.no_grad():
            for each in model.parameters():
                each.mul_(1e-3)
    fit(model, batches(digits()), optimizer=SGD(model.parameters(), lr=0.05, momentum=0.9))


def stale_optimizer(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=2e-3)
    if is_broken:
        model = dense_network((64, 64, 10))
    fit(model, batches(digits()), optimizer=optimizer)


def of_diabetes(
    *, scale: float = 1.0, last: type[nn.Module] | None = None, **settings: Any
) -> None:
    split = standardized_diabetes()
    model = dense_network((10, 16, 16, 1))
    model = nn.Sequential(model, last()) if last else model
    loader = batches((split.inputs, 150 + 77 * split.targets if scale > 1 else split.targets))
    make = settings.get("make", lambda them: AdamW(them, lr=2e-3))
    loss_function = settings.get("loss_function", F.mse_loss)
    fit(model, loader, loss_function=loss_function, optimizer=make(model.parameters()))


def negative_rate(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    if is_broken:
        optimizer.param_groups[0]["lr"] = -0.05
    fit(model, batches(digits()), optimizer=optimizer)


def swapped_betas(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    betas = (0.999, 0.9) if is_broken else (0.9, 0.999)
    fit(model, batches(digits()), optimizer=Adam(model.parameters(), lr=2e-3, betas=betas))


def summed(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    reduction = "sum" if is_broken else "mean"
    loss_function = nn.CrossEntropyLoss(reduction=reduction)
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.9)
    fit(model, batches(digits(), size=64), loss_function=loss_function, optimizer=optimizer)


def large_epsilon(*, is_broken: bool) -> None:
    model = dense_network((64, 64, 10))
    optimizer = Adam(model.parameters(), lr=1e-3, eps=100.0 if is_broken else 1e-8)
    fit(model, batches(digits()), optimizer=optimizer)


def lagging(*, is_broken: bool) -> None:
    images, labels = digits()
    model = nn.Sequential(nn.BatchNorm2d(1), normalized_network())
    for each in model.modules():
        if isinstance(each, nn.BatchNorm2d) and is_broken:
            # In order to do without; but it is the weight of the new batch.
            each.momentum = 0.0
    fit(model, batches((255 * images, labels)))


MISTAKES: Mapping[str, Mistake] = {
    "loaders-apart": pair("inputs-and-targets-apart", loaders_apart),
    "unknown-tokens": pair("token-out-of-range", unknown_tokens),
    "one-example-left": pair("single-example-batch", one_left),
    "duplicates": pair("evaluation-on-training-examples", duplicates),
    "scaled-otherwise": pair("evaluation-scaled-otherwise", scaled_otherwise),
    "augmented-validation": pair("random-evaluation-data", augmented_validation),
    "fresh-head-frozen": pair("frozen-head", fresh_head_frozen),
    "freeze-of-module": pair("freeze-without-effect", freeze_of_module),
    "forgotten-mode": pair("training-in-evaluation-mode", forgotten_mode),
    "results-kept": pair(
        "results-kept-with-graph",
        lambda *, is_broken: fit(Keeping(is_detached=not is_broken), batches(digits())),
    ),
    "input-masked": pair(
        "input-not-used",
        lambda *, is_broken: fit(
            Deaf(is_broken=is_broken), batches(digits()), loss_function=own_cross_entropy
        ),
    ),
    "unseeded-noise": pair(
        "not-reproducible",
        lambda *, is_broken: fit(Unseeded(is_broken=is_broken), batches(digits())),
    ),
    "future-seen": pair("future-leaks", next_tokens),
    "signs-as-targets": pair("targets-outside-zero-one", signs),
    "sigmoid-twice": pair(
        "squashed-logits", lambda *, is_broken: last_activation(nn.Sigmoid, is_broken=is_broken)
    ),
    "relu-on-logits": pair(
        "squashed-logits", lambda *, is_broken: last_activation(nn.ReLU, is_broken=is_broken)
    ),
    "prefixed-state": pair("weights-not-loaded", prefixed_state),
    "tiny-start": pair("vanishing-gradient", tiny_start),
    "targets-in-their-own-unit": pair(
        "unscaled-target", lambda *, is_broken: of_diabetes(scale=77.0 if is_broken else 1.0)
    ),
    "relu-on-numbers": pair(
        "unreachable-target", lambda *, is_broken: of_diabetes(last=nn.ReLU if is_broken else None)
    ),
    "negative-rate": pair("negative-learning-rate", negative_rate),
    "betas-swapped": pair("extreme-momentum", swapped_betas),
    "summed": pair("summed-loss", summed),
    "large-epsilon": pair("epsilon-too-large", large_epsilon),
    "lagging-statistics": pair("evaluation-far-off", lagging),
    "stale-optimizer": pair("parameter-not-in-optimizer", stale_optimizer),
}
