"""The probability of a dead network, by drawing networks, and by the code of `defib inspect`."""

from __future__ import annotations

from collections.abc import Iterator

from defib.analysis.signal_propagation.born_dead import (
    born_dead_lower_bound,
    born_dead_upper_bound,
    born_dead_upper_bound_scalar_input,
)
from defib.analysis.signal_propagation.born_dead_simulation import both_signs, simulate_born_dead
from defib.derivations.born_dead import BornDead
from defib.derivations.comparison import compare
from defib.records.derivation import Check, Derivation

NETWORKS = 20_000
MOST_UNITS = 200
"""Width times layers of a network that is drawn."""
STANDARD_ERRORS = 4.0


def checks(problem: BornDead, derivation: Derivation) -> Iterator[Check]:
    """The bounds in double precision, and the share of dead networks between them."""
    width, layers = problem.sizes
    hidden = [width] * (layers - 1)
    bounds = {
        "one point": born_dead_upper_bound(hidden),
        "upper bound": born_dead_upper_bound_scalar_input(hidden),
        "lower bound": born_dead_lower_bound(width, layers),
    }
    pairs = [(float(derivation.results[name]), value) for name, value in bounds.items()]
    yield compare("defib inspect", "the bounds in double precision", pairs, tolerance=1e-12)
    if width * layers > MOST_UNITS:
        return
    estimate = simulate_born_dead(hidden, both_signs(), networks=NETWORKS, seed=0)
    share = estimate.probability
    nearest = min(max(share, bounds["lower bound"]), bounds["upper bound"])
    yield compare(
        "simulation",
        f"{share:.4f} of {NETWORKS:,} drawn networks are dead: how far that is outside the bounds",
        [(nearest, share)],
        tolerance=STANDARD_ERRORS * estimate.standard_error,
    )
