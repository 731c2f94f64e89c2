"""How much the best of many promises on the set that it was chosen by."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom


def optimism(
    is_right: np.ndarray, size: int, count: int, draws: int, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Means over `draws`: accuracy of the best of `count` on `size` examples, on all others, and
    of any of the `count` on all others.

    `is_right` [networks, examples] says which network answers which example. Each draw takes
    other examples and other networks; of several best the first drawn is chosen.
    """
    networks, examples = is_right.shape
    total = is_right.sum(axis=1)
    found = np.zeros((draws, 3))
    for draw in range(draws):
        chosen = generator.permutation(examples)[:size]
        candidates = generator.permutation(networks)[:count]
        right = is_right[np.ix_(candidates, chosen)].sum(axis=1)
        elsewhere = (total[candidates] - right) / (examples - size)
        best = int(right.argmax())
        found[draw] = right[best] / size, elsewhere[best], elsewhere.mean()
    promised, fresh, typical = found.mean(axis=0)
    return float(promised), float(fresh), float(typical)


def independent_optimism(accuracy: float, size: int, count: int) -> float:
    """By how much the best of `count` exceeds its accuracy if all are equally good.

    E max of `count` independent numbers of right answers among `size`, over `size`, minus
    `accuracy`: Σₓ (1 − F(x)^count) / size − accuracy for x from 0 to size − 1, with F the binomial
    distribution.
    """
    below = binom.cdf(np.arange(size), size, accuracy)
    return float((1 - below**count).sum() / size - accuracy)
