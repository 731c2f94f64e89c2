"""One network at a time in a plain PyTorch loop in float64, and random trainings to compare by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from defib.ensemble.choices import LOSSES
from defib.ensemble.data import Data
from defib.ensemble.result import Ensemble
from defib.ensemble.specification import (
    Activation,
    Initialization,
    Network,
    OptimizerSpecification,
    Training,
)

ACTIVATIONS = ("relu", "leaky_relu", "leaky_relu(0.3)", "elu", "tanh", "sigmoid", "identity")
OPTIMIZERS = (
    OptimizerSpecification("sgd", 0.05),
    OptimizerSpecification("momentum", 0.02),
    OptimizerSpecification("momentum", 0.02, momentum=0.5, dampening=0.3),
    OptimizerSpecification("nesterov", 0.02, momentum=0.8),
    OptimizerSpecification("rmsprop"),
    OptimizerSpecification("rmsprop", 0.001, alpha=0.9, epsilon=1e-5),
    OptimizerSpecification("adagrad"),
    OptimizerSpecification("adagrad", 0.1, learning_rate_decay=0.1, initial_accumulator=0.1),
    OptimizerSpecification("adadelta"),
    OptimizerSpecification("adadelta", 0.5, rho=0.8, epsilon=1e-4),
    OptimizerSpecification("adam"),
    OptimizerSpecification("adam", 0.02, betas=(0.8, 0.95), epsilon=1e-4),
)


@dataclass(frozen=True, eq=False)
class Case:
    """A training, its data [networks, ...], and the orders [networks, epochs, points] it takes."""

    training: Training
    inputs: np.ndarray
    targets: np.ndarray
    orders: np.ndarray

    @property
    def data(self) -> Data:
        return Data(self.inputs, self.targets)


def random_case(seed: int) -> Case:
    """Any architecture, activations, loss and optimiser; losses and optimisers in turn."""
    random = np.random.default_rng(seed)
    loss = LOSSES[seed % len(LOSSES)]
    hidden = [int(width) for width in random.integers(1, 12, random.integers(0, 5))]
    outputs = int(random.integers(2, 6)) if "softmax" in loss else int(random.integers(1, 5))
    activations = [str(name) for name in random.choice(ACTIVATIONS, len(hidden))]
    last = str(random.choice(ACTIVATIONS)) if random.random() < 0.3 else "identity"
    network = Network((int(random.integers(1, 17)), *hidden, outputs), (*activations, last))
    training = Training(
        network,
        Initialization("torch"),
        loss,
        OPTIMIZERS[seed % len(OPTIMIZERS)],
        batch_size=int(random.integers(1, 12)),
        epochs=2,
        l2=float(random.choice([0, 0.01])),
        precision="float64",
    )
    return case_of(training, points=int(random.integers(12, 40)), networks=3, seed=seed)


def case_of(training: Training, *, points: int, networks: int, seed: int) -> Case:
    """Random data and orders for `training`."""
    random = np.random.default_rng(seed)
    first, last = training.network.widths[0], training.network.widths[-1]
    targets = {
        "squared_error": random.normal(size=(networks, points, last)),
        "logistic": random.integers(0, 2, (networks, points, last)),
        "softmax_cross_entropy": random.integers(0, last, (networks, points)),
        "hinge": 2 * random.integers(0, 2, (networks, points, last)) - 1,
    }[training.loss]
    orders = [[random.permutation(points) for _ in range(training.epochs)] for _ in range(networks)]
    inputs = random.normal(size=(networks, points, first))
    return Case(training, inputs, targets, np.array(orders))


@dataclass(frozen=True, eq=False)
class Trained:
    """Parameters (weight, bias, weight, ...) at the end; loss and gradient norms of each step."""

    parameters: list[np.ndarray]
    losses: np.ndarray
    gradient_norms: np.ndarray


def train_with_torch(case: Case, start: Ensemble, network: int) -> Trained:
    """Trains network number `network` of the case as a reader of torch's documentation would."""
    model = _model(case.training, start, network)
    optimizer = _optimizer(case.training, model)
    inputs = torch.tensor(case.inputs[network])
    targets = torch.tensor(case.targets[network])
    losses, norms = [], []
    for order in case.orders[network]:
        for chosen in torch.tensor(order).split(case.training.batch_size):
            optimizer.zero_grad()
            loss = _loss(case.training.loss, model(inputs[chosen]), targets[chosen])
            loss.backward()
            losses.append(loss.item())
            norms.append([_gradient_norm(m) for m in model if isinstance(m, nn.Linear)])
            optimizer.step()
    parameters = [parameter.detach().numpy() for parameter in model.parameters()]
    return Trained(parameters, np.array(losses), np.array(norms))


def _model(training: Training, start: Ensemble, network: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    arrays = zip(start.weights, start.biases, training.network.parsed_activations, strict=True)
    for weights, biases, activation in arrays:
        linear = nn.Linear(weights.shape[2], weights.shape[1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weights[network]))
            linear.bias.copy_(torch.tensor(biases[network]))
        modules += [linear, _module(activation)]
    return nn.Sequential(*modules)


def _module(activation: Activation) -> nn.Module:
    if activation.name == "leaky_relu":
        return nn.LeakyReLU(activation.slope)
    plain = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
    return plain.get(activation.name, nn.Identity)()


def _loss(name: str, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    match name:
        case "squared_error":
            return nn.functional.mse_loss(outputs, targets)
        case "logistic":
            return nn.functional.binary_cross_entropy_with_logits(outputs, targets.double())
        case "softmax_cross_entropy":
            return nn.functional.cross_entropy(outputs, targets)
    return torch.relu(1 - targets * outputs).mean()


def _optimizer(training: Training, model: nn.Module) -> torch.optim.Optimizer:
    """torch's optimiser; what the specification leaves open is left to torch as well."""
    given, optim = training.optimizer, torch.optim
    options: dict[str, float] = {"weight_decay": training.l2}
    options |= {} if given.learning_rate is None else {"lr": given.learning_rate}
    options |= {} if given.epsilon is None else {"eps": given.epsilon}
    parameters = list(model.parameters())
    match given.name:
        case "sgd":
            return optim.SGD(parameters, **options)
        case "momentum":
            own = {"momentum": given.momentum, "dampening": given.dampening}
            return optim.SGD(parameters, **options, **own)
        case "nesterov":
            return optim.SGD(parameters, **options, momentum=given.momentum, nesterov=True)
        case "rmsprop":
            return optim.RMSprop(parameters, **options, alpha=given.alpha)
        case "adagrad":
            own = {
                "lr_decay": given.learning_rate_decay,
                "initial_accumulator_value": given.initial_accumulator,
            }
            return optim.Adagrad(parameters, **options, **own)
        case "adadelta":
            return optim.Adadelta(parameters, **options, rho=given.rho)
    return optim.Adam(parameters, **options, betas=given.betas)


def _gradient_norm(layer: nn.Linear) -> float:
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    return float(torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm())
