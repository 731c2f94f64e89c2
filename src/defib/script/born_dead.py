"""How likely a narrow, deep ReLU network of these widths is constant from the start."""

from __future__ import annotations

from defib.analysis.signal_propagation.born_dead import (
    born_dead_lower_bound,
    born_dead_upper_bound,
    born_dead_upper_bound_scalar_input,
)
from defib.analysis.signal_propagation.born_dead_simulation import (
    both_signs,
    simulate_born_dead,
    uniform_points,
)
from defib.analysis.signal_propagation.results import BornDead, SignalPropagation

NETWORKS = 20_000
"""Draws: a standard error of at most 0.0036."""
POINTS = 200
LIMIT = 3**0.5
"""Of uniform inputs: a variance of 1."""
NEGLIGIBLE = 1e-3
"""A bound below which nothing is worth drawing."""


def born_dead_of(propagation: SignalPropagation) -> BornDead | None:
    """Bounds and a Monte Carlo estimate; `None` where the network is no chain of ReLU layers.

    For weights as He et al. draw them (any symmetric ones do) and no biases.
    """
    layers = [each for each in propagation.layers if each.initialization is not None]
    hidden = layers[:-1]
    is_chain = all(each.kind == "Linear" for each in layers)
    if not hidden or not is_chain or any(each.activation != "relu" for each in hidden):
        return None
    fans = [round(each.initialization.fan_in) for each in layers if each.initialization]
    dimension, widths = fans[0], fans[1:]
    is_scalar = dimension == 1
    bound_of = born_dead_upper_bound_scalar_input if is_scalar else born_dead_upper_bound
    upper = bound_of(widths)
    if upper < NEGLIGIBLE:
        return None
    is_constant = is_scalar and len(set(widths)) == 1
    points = both_signs() if is_scalar else uniform_points(POINTS, dimension, LIMIT, seed=0)
    drawn = simulate_born_dead(widths, points, networks=NETWORKS, seed=0)
    return BornDead(
        widths=tuple(widths),
        lower=born_dead_lower_bound(widths[0], len(layers)) if is_constant else 0.0,
        upper=upper,
        estimate=drawn.probability,
        standard_error=drawn.standard_error,
        networks=drawn.networks,
    )
