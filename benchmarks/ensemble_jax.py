"""The task of benchmarks/ensemble.py in JAX: `jit(vmap(scan))`, run by a Python that has it.

    python benchmarks/ensemble_jax.py DATA.npz ROUNDS

Prints one JSON object: seconds of the first call, compilation included, and of later ones.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import Any

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import numpy as np

RATE, FIRST, SECOND, EPSILON = 1e-3, 0.9, 0.999, 1e-8
Parameters = Any  # a list of (weights, biases), as JAX's trees are


def loss(parameters: Parameters, inputs: Any, targets: Any, weights: Any) -> Any:
    """Mean squared error of a ReLU network; `weights` are 0 for examples that only fill up."""
    below = inputs
    for weight, bias in parameters[:-1]:
        below = jax.nn.relu(below @ weight + bias)
    weight, bias = parameters[-1]
    errors = jnp.square(below @ weight + bias - targets)[:, 0]
    return jnp.sum(errors * weights) / jnp.sum(weights)


def step(state: Any, batch: Any, inputs: Any, targets: Any) -> tuple[Any, None]:
    """One step of Adam on the examples that `batch` names; -1 names none."""
    parameters, first, second, count = state
    weights = (batch >= 0).astype(inputs.dtype)
    gradient = jax.grad(loss)(parameters, inputs[batch], targets[batch], weights)
    count = count + 1
    mean = jax.tree.map(lambda m, g: FIRST * m + (1 - FIRST) * g, first, gradient)
    square = jax.tree.map(lambda v, g: SECOND * v + (1 - SECOND) * g * g, second, gradient)

    def moved(p: Any, m: Any, v: Any) -> Any:
        divisor = jnp.sqrt(v / (1 - SECOND**count)) + EPSILON
        return p - RATE * m / (1 - FIRST**count) / divisor

    return (jax.tree.map(moved, parameters, mean, square), mean, square, count), None


def train(parameters: Parameters, order: Any, inputs: Any, targets: Any) -> Any:
    """The parameters of one network after its epoch."""
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    one_step = partial(step, inputs=inputs, targets=targets)
    state, _ = jax.lax.scan(one_step, (parameters, zeros, zeros, jnp.float32(0)), order)
    return state[0]


def main() -> None:
    data = np.load(sys.argv[1])
    layers = len([name for name in data.files if name.startswith("weights")])
    names = [(f"weights{layer}", f"biases{layer}") for layer in range(layers)]
    parameters = [(jnp.asarray(data[w]), jnp.asarray(data[b])) for w, b in names]
    arrays = [jnp.asarray(data[name]) for name in ("batches", "inputs", "targets")]
    function = jax.jit(jax.vmap(train))
    seconds = []
    for _ in range(int(sys.argv[2]) + 1):
        start = time.perf_counter()
        jax.block_until_ready(function(parameters, *arrays))
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"version": jax.__version__, "first": seconds[0], "later": seconds[1:]}))


if __name__ == "__main__":
    main()
