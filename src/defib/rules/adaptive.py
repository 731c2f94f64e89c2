"""Optimisers that divide by the size of the gradient: its scale changes none of their steps."""

from __future__ import annotations

import numpy as np

from defib.records.run import OptimizerFact, RunRecord


def is_adaptive(optimizer: OptimizerFact) -> bool:
    """Whether steps are gradients over their usual size and an epsilon: Adam, RMSprop."""
    known = optimizer.hyperparameters
    return known.get("eps", 0.0) > 0 and bool({"betas[1]", "alpha"} & known.keys())


def gradient_over_epsilon(run: RunRecord, optimizer: str) -> float:
    """Root mean square of all gradients over epsilon, dimensionless; 0 where nothing divides.

    The median of the recorded steps. Far above 1, a factor before all gradients changes no step.
    """
    fact = run.optimizer(optimizer)
    norms = run.of("total_gradient_norm").get(optimizer)
    size = sum(
        each.size for each in run.parameters if each.optimizer == optimizer and each.requires_grad
    )
    if fact is None or not is_adaptive(fact) or not norms or size == 0:
        return 0.0
    return norms.finite().median() / float(np.sqrt(size)) / fact.hyperparameters["eps"]
