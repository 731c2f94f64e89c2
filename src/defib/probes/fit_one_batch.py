"""Training copies on the first batch alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, final

import torch

from defib.metrics.batch_spread import batch_spread
from defib.monitor.transfer import loss_value
from defib.probes.base import Probe
from defib.probes.constant_prediction import best_constant_loss
from defib.probes.fitting import SETTLED, Allowed, Fit
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Replica, Setup

OWN = Allowed(2.5, share=0.5)
"""For the training with the user's own optimiser."""
OTHER_SECONDS = 1.2
REPEATED = Allowed(0.5, share=0.2, steps=4)
RATE_FACTOR = 30.0
"""By which the learning rate is changed where the user's own does not fit: 1.5 decades."""
ADAM_RATE = 1e-3
"""The usual default."""


@final
class FitOneBatch(Probe):
    """A copy of the network is trained on the first batch by a copy of the optimiser.

    `fit_loss`: the losses of `own`. Where that does not fit, also of `slower` and `faster`, with
    the learning rate divided and multiplied by 30, of `adam` with 1e-3, of `clipped`, with the
    gradient norm limited to 1, and of `reset`, with the initial weights that the layers give
    themselves. `first_update_ratio`: norm of the first step over that of each weight matrix;
    `first_step_slope`: cosine between that step and the gradient, below 0 downhill.
    `fitted_prediction_batch_std`: spread of the predictions over the batch in the end.
    `learning_rate`, and the `later_learning_rate` that a schedule has in store.
    `repeated_fit_difference`: largest relative difference of the first losses when the fit is
    made once more. `held_growth`: elements of results that the network keeps with their graph,
    more with each step. `fitted_loss`: of the fitted copy in `training` and `evaluation` mode, as
    the losses of the fit are, without the factor of mixed precision.
    """

    measures = (
        "fit_loss",
        "first_update_ratio",
        "first_step_slope",
        "learning_rate",
        "fitted_prediction_batch_std",
        "repeated_fit_difference",
        "held_growth",
        "fitted_loss",
    )
    order: ClassVar[int] = 200

    def measure(self, setup: Setup, into: Measurements) -> None:
        _add_rates(setup, into)
        own = Fit(setup, setup.replica())
        own.run(own.replica.optimizer, OWN)
        into.add_sequence("fit_loss", "own", own.losses)
        for name, ratio in own.first_ratios.items():
            into.single.add("first_update_ratio", name, ratio)
        if own.first_slope is not None:
            into.single.add("first_step_slope", setup.optimizer_name, own.first_slope)
        else:
            into.leave_out(["first_step_slope"], "the optimizer takes several steps in one")
        _add_growth(own, into)
        # First: what follows draws random numbers, and this must begin as the own fit did.
        _add_repetition(setup, own, into)
        _add_spread(setup, own.replica, into)
        _add_evaluation(own, into)
        if not own.is_fitted(_constant_loss(setup)):
            _add_others(setup, into)


def _add_others(setup: Setup, into: Measurements) -> None:
    for tried, (name, change) in enumerate(_ALTERNATIVES.items()):
        if setup.budget.left <= 0:
            return
        allowed = Allowed(OTHER_SECONDS, share=1 / (len(_ALTERNATIVES) - tried))
        other = Fit(setup, setup.replica())
        optimizer, limit = change(other.replica)
        other.run(optimizer, allowed, limit)
        into.add_sequence("fit_loss", name, other.losses)


def _constant_loss(setup: Setup) -> float | None:
    try:
        return float(loss_value(best_constant_loss(setup)))
    except CannotMeasure:
        return None


def _add_rates(setup: Setup, into: Measurements) -> None:
    name = setup.optimizer_name
    if not name:
        return
    groups = setup.optimizers[name].param_groups
    rates = [float(group["lr"]) for group in groups if "lr" in group]
    later = [float(group.get(key, 0)) for group in groups for key in ("initial_lr", "max_lr")]
    if rates:
        into.single.add("learning_rate", name, max(rates))
        into.single.add("later_learning_rate", name, max(*rates, *later))


def _add_growth(fit: Fit, into: Measurements) -> None:
    steps = len(fit.losses) - SETTLED
    if len(fit.held) == 2 and steps > 0:
        into.single.add("held_growth", "", (fit.held[1] - fit.held[0]) / steps)
    else:
        into.leave_out(["held_growth"], "too few steps could be made")


def _add_spread(setup: Setup, replica: Replica, into: Measurements) -> None:
    if setup.own_losses:
        with torch.no_grad():
            _, values = replica.results()
            predictions = values.get(id(setup.own_losses[-1].predictions))
            if predictions is not None and predictions.ndim:
                spread = batch_spread(predictions.float())
                into.single.add("fitted_prediction_batch_std", "", spread)


def _add_evaluation(own: Fit, into: Measurements) -> None:
    into.single.add("fitted_loss", "training", own.loss())
    modes = {module: module.training for module in own.replica.modules}
    for module in modes:
        module.training = False
    try:
        into.single.add("fitted_loss", "evaluation", own.loss())
    finally:
        for module, mode in modes.items():
            module.training = mode


def _add_repetition(setup: Setup, own: Fit, into: Measurements) -> None:
    again = Fit(setup, setup.replica())
    again.run(again.replica.optimizer, REPEATED)
    pairs = list(zip(own.losses, again.losses, strict=False))
    differences = [abs(one - other) / max(abs(one), 1e-12) for one, other in pairs if one == one]
    into.single.add("repeated_fit_difference", "", max(differences, default=0.0))


Change = Callable[[Replica], tuple[Any, float | None]]


def _with_rate(factor: float, replica: Replica) -> tuple[Any, float | None]:
    for group in replica.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    return replica.optimizer, None


def _clipped(replica: Replica) -> tuple[Any, float | None]:
    return replica.optimizer, 1.0


def _reset(replica: Replica) -> tuple[Any, float | None]:
    for module in replica.modules:
        # By torch's convention: what a module calls in its own constructor.
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
    return replica.optimizer, None


def _adam(replica: Replica) -> tuple[Any, float | None]:
    return torch.optim.Adam(list(replica.parameters.values()), lr=ADAM_RATE), None


_ALTERNATIVES: dict[str, Change] = {
    "slower": partial(_with_rate, 1 / RATE_FACTOR),
    "adam": _adam,
    "faster": partial(_with_rate, RATE_FACTOR),
    "clipped": _clipped,
    "reset": _reset,
}
