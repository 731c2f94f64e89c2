"""Trainings with which nothing is wrong, as people write them: no rule may warn of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, final

import torch
from healthy_loops import (
    continue_training,
    distil,
    train_adversarially,
    train_averaged,
    train_by_policy_gradient,
    train_epochs,
    train_few_classes_per_batch,
    train_head,
    train_scaled,
    train_tasks,
    train_two_optimizers,
    train_variational,
    train_weighted,
    trained_convolutional,
    trained_on_all,
)
from healthy_networks import (
    LanguageModel,
    Rezero,
    SparseClassifier,
    dense,
    flat,
    group_normalized,
    he_initialized,
    layer_normalized,
    many_labels,
    next_symbols,
    noisy_labels,
    rare_malignant,
    weight_normalized,
    zero_head,
)
from healthy_steps import (
    Step,
    accumulated,
    by_closure,
    by_hand,
    clipped,
    half_precision,
    penalized,
    scheduled,
    warm_up,
    zeroed_last,
)
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, StepLR

from defib.datasets.bundled import breast_cancer
from defib.faults.tasks import (
    DIABETES,
    DIGITS_CONVOLUTIONAL,
    DIGITS_DENSE,
    SYMBOLS_RECURRENT,
    SYMBOLS_TRANSFORMER,
    TUMOURS,
    Task,
    set_up,
    with_data,
    with_inputs,
    with_weights,
)
from defib.networks.dense import dense_network
from defib.networks.normalized import normalized_network
from defib.networks.recurrent import RecurrentNetwork
from defib.networks.residual import ResidualNetwork
from defib.networks.transformer import TransformerNetwork
from defib.training.loop import train
from defib.training.setup import TrainingSetup


def nothing(_: int) -> None:
    """No preparation."""


@final
@dataclass(frozen=True)
class HealthyTraining:
    """`run(seed)` trains; `prepare(seed)` is called before, unwatched."""

    run: Callable[[int], Any]
    prepare: Callable[[int], Any] = nothing


def of(
    task: Task,
    step: Callable[[TrainingSetup], Step] | None = None,
    **changes: Any,
) -> HealthyTraining:
    """The training of `task` with `changes`; `step` makes its step."""
    changed = replace(task, **changes)

    def run(seed: int) -> None:
        setup = set_up(changed, seed)
        train(replace(setup, step=step(setup)) if step else setup)

    return HealthyTraining(run)


OF = partial(of, DIGITS_DENSE)
IMAGES = partial(of, DIGITS_CONVOLUTIONAL)

HEALTHY_TRAININGS: Mapping[str, HealthyTraining] = {
    "sgd": OF(optimizer=partial(SGD, lr=0.2)),
    "sgd-slow-but-sure": OF(optimizer=partial(SGD, lr=0.05), steps=800),
    "momentum": OF(optimizer=partial(SGD, lr=0.05, momentum=0.9)),
    "nesterov-weight-decay": OF(
        optimizer=partial(SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    ),
    "adam-default": OF(optimizer=Adam, steps=600),
    "adamw-strong-decay": OF(optimizer=partial(AdamW, lr=3e-3, weight_decay=0.3)),
    "rmsprop": OF(optimizer=partial(torch.optim.RMSprop, lr=1e-3)),
    "adagrad": OF(optimizer=partial(torch.optim.Adagrad, lr=0.05)),
    "nadam": OF(optimizer=partial(torch.optim.NAdam, lr=2e-3)),
    "lbfgs": OF(
        by_closure,
        optimizer=partial(torch.optim.LBFGS, max_iter=4, line_search_fn="strong_wolfe"),
        steps=40,
        batch_size=2000,
    ),
    "warm-up": OF(scheduled(warm_up), optimizer=partial(Adam, lr=4e-3)),
    "cosine": OF(
        scheduled(lambda each: CosineAnnealingLR(each, 400)), optimizer=partial(Adam, lr=5e-3)
    ),
    "one-cycle": OF(
        scheduled(lambda each: OneCycleLR(each, max_lr=0.2, total_steps=401)),
        optimizer=partial(SGD, lr=0.01, momentum=0.9),
    ),
    "step-decay": IMAGES(scheduled(lambda each: StepLR(each, 150, 0.1))),
    "clipping": OF(clipped(1.0), optimizer=partial(SGD, lr=0.1, momentum=0.9)),
    "clipping-always-on": OF(clipped(0.1), optimizer=partial(SGD, lr=0.5, momentum=0.9)),
    "accumulation": OF(accumulated, batch_size=64),
    "zeroed-last": OF(zeroed_last),
    "l1-penalty": OF(penalized),
    "loss-by-hand": OF(by_hand),
    "dropout": OF(network=dense(128, 64, dropout=0.5), steps=600),
    "label-smoothing": OF(loss_function=partial(nn.CrossEntropyLoss, label_smoothing=0.1)),
    "class-weights": of(
        with_data(TUMOURS, rare_malignant),
        loss_function=lambda: nn.BCEWithLogitsLoss(pos_weight=torch.tensor(0.05)),
    ),
    "imbalanced-but-learnt": of(
        with_data(TUMOURS, rare_malignant), optimizer=partial(AdamW, lr=5e-3), steps=300
    ),
    "batch-of-two": OF(batch_size=2, optimizer=partial(Adam, lr=5e-4), steps=1500),
    "batch-of-one": OF(batch_size=1, optimizer=partial(SGD, lr=0.01), steps=2500),
    "full-batch": OF(batch_size=2000, optimizer=partial(Adam, lr=5e-3), steps=150),
    "noisy-labels": of(with_data(DIGITS_DENSE, noisy_labels), steps=300),
    "wide": OF(network=dense(512), optimizer=Adam),
    "deep-relu": of(with_weights(replace(DIGITS_DENSE, network=dense(*[32] * 10)), he_initialized)),
    "tanh": OF(network=dense(64, 64, kind=nn.Tanh)),
    "sigmoid": OF(network=dense(64, kind=nn.Sigmoid), optimizer=partial(Adam, lr=5e-3)),
    "two-sigmoid-layers": OF(
        network=dense(64, 32, kind=nn.Sigmoid), optimizer=partial(Adam, lr=1e-2), steps=500
    ),
    "leaky-relu": OF(network=dense(64, 32, kind=partial(nn.LeakyReLU, inplace=True))),
    "elu": OF(network=dense(64, 32, kind=nn.ELU)),
    "silu": OF(network=dense(64, 32, kind=nn.SiLU)),
    "layer-norm": OF(network=layer_normalized),
    "weight-norm": OF(network=weight_normalized),
    "zero-last-layer": OF(network=zero_head),
    "zero-residual-branches": OF(network=Rezero),
    "half-precision": OF(half_precision),
    "half-precision-images": IMAGES(half_precision),
    "many-labels": of(with_data(DIGITS_DENSE, many_labels), loss_function=nn.BCEWithLogitsLoss),
    "log-softmax-nll": OF(
        network=lambda: nn.Sequential(dense_network((64, 64, 10)), nn.LogSoftmax(dim=1)),
        loss_function=nn.NLLLoss,
    ),
    "images-adam": IMAGES(optimizer=partial(Adam, lr=3e-3)),
    "batch-norm": IMAGES(network=normalized_network),
    "batch-norm-batch-of-four": IMAGES(
        network=normalized_network, batch_size=4, optimizer=partial(Adam, lr=1e-3), steps=500
    ),
    "batch-norm-large-batch": IMAGES(
        network=normalized_network,
        batch_size=256,
        optimizer=partial(SGD, lr=0.2, momentum=0.9),
        steps=120,
    ),
    "group-norm": IMAGES(network=group_normalized, optimizer=partial(AdamW, lr=4e-3)),
    "residual": IMAGES(network=ResidualNetwork, steps=250),
    "residual-cosine": IMAGES(
        scheduled(lambda each: CosineAnnealingLR(each, 250)),
        network=ResidualNetwork,
        optimizer=partial(AdamW, lr=5e-3),
        steps=250,
    ),
    "raw-pixels-batch-norm": of(
        with_inputs(
            replace(
                DIGITS_CONVOLUTIONAL,
                network=lambda: nn.Sequential(nn.BatchNorm2d(1), normalized_network()),
            ),
            lambda images: 255 * images,
        )
    ),
    "raw-pixels-adam": of(
        with_inputs(DIGITS_DENSE, lambda images: 16 * images), optimizer=partial(Adam, lr=5e-4)
    ),
    "raw-features-batch-norm": of(
        with_data(TUMOURS, lambda _: breast_cancer()),
        network=lambda: nn.Sequential(nn.BatchNorm1d(30), dense_network((30, 16, 1))),
        optimizer=partial(AdamW, lr=5e-3),
    ),
    "lstm": of(
        SYMBOLS_RECURRENT,
        network=lambda: RecurrentNetwork(kind=nn.LSTM, width=48),
        optimizer=partial(Adam, lr=1e-2),
        steps=450,
    ),
    "tied-weights": of(
        SYMBOLS_RECURRENT, network=partial(RecurrentNetwork, is_tied=True), steps=400
    ),
    "gru-clipped": of(SYMBOLS_RECURRENT, clipped(1.0), optimizer=partial(Adam, lr=1e-2)),
    "transformer-relu-dropout": of(
        SYMBOLS_TRANSFORMER,
        scheduled(warm_up),
        network=partial(TransformerNetwork, layers=2, activation="relu", dropout=0.1),
    ),
    "language-model": of(
        SYMBOLS_TRANSFORMER,
        data=cache(next_symbols),
        network=LanguageModel,
        optimizer=partial(AdamW, lr=3e-3),
        steps=300,
    ),
    "sparse-embedding": of(
        SYMBOLS_RECURRENT, network=SparseClassifier, optimizer=partial(SGD, lr=0.5)
    ),
    "autoencoder": of(
        with_data(DIGITS_DENSE, flat),
        network=lambda: nn.Sequential(dense_network((64, 48, 12)), dense_network((12, 48, 64))),
        loss_function=nn.MSELoss,
    ),
    "autoencoder-sigmoid": of(
        with_data(DIGITS_DENSE, flat),
        network=lambda: nn.Sequential(
            dense_network((64, 32, 12)), dense_network((12, 32, 64)), nn.Sigmoid()
        ),
        loss_function=nn.BCELoss,
    ),
    "regression-huber": of(DIABETES, loss_function=nn.HuberLoss),
    "regression-absolute": of(DIABETES, loss_function=nn.L1Loss),
    "regression-rprop-like": of(
        DIABETES, optimizer=partial(SGD, lr=0.02, momentum=0.9, weight_decay=1e-2)
    ),
    "regression-linear": of(
        DIABETES, network=lambda: nn.Linear(10, 1), optimizer=partial(SGD, lr=0.05)
    ),
    "logistic-regression": of(
        TUMOURS, network=lambda: nn.Linear(30, 1), optimizer=partial(SGD, lr=0.1)
    ),
    "epochs": HealthyTraining(train_epochs),
    "frozen-backbone": HealthyTraining(train_head, trained_convolutional),
    "fine-tuning": HealthyTraining(
        partial(continue_training, optimizer_of=partial(AdamW, lr=1e-5)), trained_on_all
    ),
    "resumed": HealthyTraining(
        partial(continue_training, optimizer_of=partial(SGD, lr=0.02, momentum=0.9)), trained_on_all
    ),
    "adversarial": HealthyTraining(train_adversarially),
    "variational": HealthyTraining(train_variational),
    "distillation": HealthyTraining(distil, trained_on_all),
    "two-optimizers": HealthyTraining(train_two_optimizers),
    "two-tasks": HealthyTraining(train_tasks),
    "averaged-weights": HealthyTraining(train_averaged),
    "weighted-sampler": HealthyTraining(train_weighted),
    "few-classes-per-batch": HealthyTraining(train_few_classes_per_batch),
    "policy-gradient": HealthyTraining(train_by_policy_gradient),
    "gradient-scaler": HealthyTraining(train_scaled),
}
