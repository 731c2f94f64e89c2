"""The same training in plain PyTorch: batched matrix products, on any device torch knows.

Same interface, starting weights, orders and snapshots as `defib.ensemble.training`; agrees with
it to rounding. It is what the compiled program is compared with, and what runs on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from defib.ensemble.choices import DEFAULT_EPSILONS
from defib.ensemble.data import Data
from defib.ensemble.kernel.snapshots import row_length
from defib.ensemble.random_numbers import shuffled_orders
from defib.ensemble.result import Ensemble, EnsembleResult, snapshot_series, unflattened
from defib.ensemble.specification import (
    Activation,
    OptimizerSpecification,
    Scope,
    Snapshots,
    Training,
)
from defib.ensemble.training import Plan, make_plan


def train_reference(
    training: Training,
    data: Data,
    *,
    networks: int,
    seed: int = 0,
    first_network: int = 0,
    start: Ensemble | None = None,
    orders: ArrayLike | None = None,
    learning_rates: ArrayLike | None = None,
    snapshots: Snapshots | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[float], None] | None = None,
) -> EnsembleResult:
    """What `train_ensemble` returns, computed by torch on `device`."""
    plan = make_plan(
        training,
        data,
        networks=networks,
        seed=seed,
        first_network=first_network,
        start=start,
        orders=orders,
        learning_rates=learning_rates,
        snapshots=snapshots,
        threads=1,
    )
    run = _Run.of(plan, torch.device(device))
    rows = []
    for epoch, order in enumerate(_orders(plan)):
        rows += _epoch(plan, run, torch.from_numpy(order).to(run.inputs.device), epoch)
        if on_progress is not None:
            on_progress((epoch + 1) / training.epochs)
    flat = torch.cat([part.detach().flatten(1) for part in run.parameters], 1).cpu().numpy()
    layers = len(training.network.layers)
    kept = np.array(rows).reshape(-1, networks, row_length(layers))
    series = snapshot_series(snapshots, plan.snapshot_steps, kept, layers) if snapshots else None
    return EnsembleResult(unflattened(training, flat), series, run.final_losses)


@final
@dataclass(frozen=True, eq=False)
class _Run:
    """Tensors of a training: weights, biases, ... in turn; data [networks or 1, points, ...]."""

    training: Training
    parameters: tuple[Tensor, ...]
    inputs: Tensor
    targets: Tensor
    optimizer: torch.optim.Optimizer

    @staticmethod
    def of(plan: Plan, device: torch.device) -> _Run:
        kind: Any = getattr(torch, plan.training.precision)
        start = unflattened(plan.training, plan.start)
        arrays = [part for pair in zip(start.weights, start.biases, strict=True) for part in pair]
        tensors = [torch.tensor(array, dtype=kind, device=device) for array in arrays]
        parameters = tuple(tensor.requires_grad_() for tensor in tensors)
        data = [
            torch.from_numpy(array).to(device) for array in (plan.data.inputs, plan.data.targets)
        ]
        inputs, targets = (tensor if tensor.ndim == 3 else tensor[None] for tensor in data)
        rates = plan.learning_rates
        rate = float(rates[0]) if (rates == rates[0]).all() else 1.0
        optimizer = torch_optimizer(parameters, plan.training, rate)
        return _Run(plan.training, parameters, inputs, targets, optimizer)

    @torch.no_grad()
    def final_losses(self) -> np.ndarray:
        """[networks]: the mean loss on all data."""
        return _losses(self.training, self.outputs(self.inputs), self.targets).cpu().numpy()

    def outputs(self, inputs: Tensor) -> Tensor:
        """[networks, examples, outputs]."""
        return self.activations(inputs)[-1]

    def activations(self, inputs: Tensor) -> list[Tensor]:
        """Of each layer, [networks, examples, units]."""
        result, below = [], inputs.expand(len(self.parameters[0]), -1, -1)
        pairs = zip(self.parameters[::2], self.parameters[1::2], strict=True)
        for (weights, biases), activation in zip(
            pairs, self.training.network.parsed_activations, strict=True
        ):
            raw = torch.baddbmm(biases[:, None], below, weights.transpose(1, 2))
            below = torch_activation(activation, raw)
            result.append(below)
        return result


def _orders(plan: Plan) -> Iterator[np.ndarray]:
    """For each epoch [networks or 1, points]."""
    if plan.orders is None:
        yield from shuffled_orders(plan.keys, plan.data.points, plan.training.epochs)
        return
    orders = plan.orders if plan.orders.ndim == 3 else plan.orders[None]
    for epoch in range(plan.training.epochs):
        yield orders[:, epoch].astype(np.int64)


def _epoch(plan: Plan, run: _Run, order: Tensor, epoch: int) -> list[np.ndarray]:
    """Trains one epoch; the rows of the snapshots in it."""
    rows, snapshots, batch = [], plan.snapshots, plan.training.batch_size
    step = epoch * plan.training.steps_per_epoch(plan.data.points)
    for first in range(0, plan.data.points, batch):
        chosen = order[:, first : first + batch]
        inputs, targets = _rows(run.inputs, chosen), _rows(run.targets, chosen)
        scope = snapshots.scope if snapshots and step % snapshots.every == 0 else None
        if scope is Scope.DATA:
            rows.append(_snapshot(run, run.inputs, run.targets))
        run.optimizer.zero_grad()
        loss = _losses(plan.training, run.outputs(inputs), targets)
        loss.sum().backward()
        if scope is Scope.BATCH:
            rows.append(_snapshot(run, inputs, targets))
        _step(plan, run)
        step += 1
    return rows


def _rows(data: Tensor, chosen: Tensor) -> Tensor:
    """The examples `chosen` [networks or 1, batch] of data [networks or 1, points, columns]."""
    networks = max(len(data), len(chosen))
    wide = chosen.expand(networks, -1)[..., None].expand(-1, -1, data.shape[-1])
    return data.expand(networks, -1, -1).gather(1, wide)


def _step(plan: Plan, run: _Run) -> None:
    """The optimiser's step; where learning rates differ, each network's share of a step of rate 1,
    which is the same because all these optimisers are linear in the rate."""
    rates = torch.as_tensor(plan.learning_rates).to(run.inputs)
    if bool((rates == rates[0]).all()):
        run.optimizer.step()
        return
    before = [part.detach().clone() for part in run.parameters]
    run.optimizer.step()
    with torch.no_grad():
        for part, old in zip(run.parameters, before, strict=True):
            share = rates.reshape(-1, *(1,) * (part.ndim - 1))
            part.copy_(old + share * (part - old))


def _snapshot(run: _Run, inputs: Tensor, targets: Tensor) -> np.ndarray:
    """[networks, columns]: a row as `kernel.snapshots` describes it."""
    if run.parameters[0].grad is None or inputs is run.inputs:
        run.optimizer.zero_grad()
        _losses(run.training, run.outputs(inputs), targets).sum().backward()
    with torch.no_grad():
        activations = run.activations(inputs)
        ends = [activations[-1].amin((1, 2)), activations[-1].amax((1, 2))]
        dead = [(a == 0).all(1).sum(1).to(inputs.dtype) for a in activations[:-1]]
        squares = [part.grad.flatten(1).square().sum(1) for part in run.parameters]  # type: ignore[union-attr]
        norms = [w + b for w, b in zip(squares[::2], squares[1::2], strict=True)]
        loss = _losses(run.training, activations[-1], targets)
        return torch.stack([loss, *ends, *dead, *norms], 1).cpu().numpy()


def _losses(training: Training, outputs: Tensor, targets: Tensor) -> Tensor:
    """[networks]: the mean loss of each."""
    targets = targets.expand(len(outputs), -1, -1)
    match training.loss:
        case "softmax_cross_entropy":
            classes = targets[..., 0].long()
            each = F.cross_entropy(outputs.flatten(0, 1), classes.flatten(), reduction="none")
            return each.reshape(classes.shape).mean(1)
        case "logistic":
            each = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        case "hinge":
            each = F.relu(1 - targets * outputs)
        case _:
            each = (outputs - targets).square()
    return each.mean((1, 2))


def torch_activation(activation: Activation, x: Tensor) -> Tensor:
    """f(x) by torch's own function."""
    match activation.name:
        case "relu":
            return F.relu(x)
        case "leaky_relu":
            return F.leaky_relu(x, activation.slope)
        case "elu":
            return F.elu(x)
        case "tanh":
            return torch.tanh(x)
        case "sigmoid":
            return torch.sigmoid(x)
    return x


def torch_optimizer(
    parameters: tuple[Tensor, ...], training: Training, rate: float
) -> torch.optim.Optimizer:
    """torch's optimiser of the specification, with the learning rate `rate`."""
    given = training.optimizer
    epsilon = given.epsilon if given.epsilon is not None else DEFAULT_EPSILONS.get(given.name)
    options: dict[str, Any] = {"lr": rate, "weight_decay": training.l2}
    options |= {} if epsilon is None else {"eps": epsilon}
    return _OPTIMIZERS[given.name](parameters, **options, **_own_options(given))


_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "nesterov": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adam": torch.optim.Adam,
}


def _own_options(given: OptimizerSpecification) -> dict[str, Any]:
    match given.name:
        case "momentum":
            return {"momentum": given.momentum, "dampening": given.dampening}
        case "nesterov":
            return {"momentum": given.momentum, "nesterov": True}
        case "rmsprop":
            return {"alpha": given.alpha}
        case "adagrad":
            return {
                "lr_decay": given.learning_rate_decay,
                "initial_accumulator_value": given.initial_accumulator,
            }
        case "adadelta":
            return {"rho": given.rho}
        case "adam":
            return {"betas": given.betas}
    return {}
