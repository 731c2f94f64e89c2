import math

import numpy as np
import pytest

from defib.analysis.signal_propagation.gaussian import gaussian_mean


@pytest.mark.parametrize("deviation", [1e-6, 0.3, 1.0, 40.0])
def test_moments_of_a_gaussian(deviation: float):
    assert gaussian_mean(lambda x: x**2, deviation=deviation) == pytest.approx(deviation**2)
    assert gaussian_mean(lambda x: x**4, deviation=deviation) == pytest.approx(3 * deviation**4)


def test_each_mean_has_its_own_kink():
    means = np.array([-2.0, 0.0, 0.7, 50.0])
    density = np.exp(-means * means / 2) / math.sqrt(2 * math.pi)
    below = np.array([(1 + math.erf(mean / math.sqrt(2))) / 2 for mean in means])
    rectified = gaussian_mean(lambda x: np.maximum(x, 0), mean=means)
    assert rectified == pytest.approx(means * below + density, rel=1e-13, abs=1e-13)


def test_exact_where_unsplit_quadrature_is_off():
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    unsplit = ((nodes > 0) @ weights) / math.sqrt(2 * math.pi)
    assert abs(unsplit - 0.5) > 0.01
    assert gaussian_mean(lambda x: (x > 0) * 1.0) == pytest.approx(0.5, abs=1e-13)
