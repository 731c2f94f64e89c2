import math

import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.softmax_cross_entropy import SoftmaxCrossEntropy
from defib.errors import UsageError


def test_the_gradient_is_probability_less_target():
    results = SoftmaxCrossEntropy(scores="0,0", target=2).derive().results
    assert results == {"dL/dz_1": 0.5, "dL/dz_2": -0.5}


def test_it_is_that_of_autograd():
    derivation = confirmed(SoftmaxCrossEntropy(scores="3,-1/2,0,7/3", target=4))
    assert derivation.is_confirmed
    assert math.fsum(float(each) for each in derivation.results.values()) == pytest.approx(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": "1"}, "at least two classes"),
        ({"target": 4}, "a class from 1 to 3 for --target, got 4"),
        ({"target": 0}, "a class from 1 to 3"),
    ],
)
def test_what_is_no_class_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        SoftmaxCrossEntropy(**options).derive()
