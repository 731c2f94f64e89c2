import pytest

from defib.crosschecks.base import confirmed
from defib.derivations.receptive_field import ReceptiveField
from defib.errors import UsageError


def test_three_5x5_convolutions_see_13_by_13():
    results = ReceptiveField().derive().results
    assert (results["receptive field"], results["positions"]) == (13, 169)


@pytest.mark.parametrize(("count", "kernel"), [(1, 3), (2, 3), (4, 7), (9, 2), (3, 1)])
def test_the_formula_is_what_autograd_sees(count: int, kernel: int):
    derivation = confirmed(ReceptiveField(count=count, kernel=kernel))
    assert derivation.results["receptive field"] == count * kernel - count + 1
    assert derivation.is_confirmed


def test_strides_and_dilations_are_followed():
    layers = "conv 7 out 1 stride 2, relu, maxpool 3 stride 2, conv 3 out 1 dilation 2"
    derivation = confirmed(ReceptiveField(layers=layers))
    assert derivation.results["receptive field"] == 27
    assert derivation.results["stride"] == 4
    assert derivation.is_confirmed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "conv 3 out 1, flatten"}, "`flatten` has no window that slides"),
        ({"count": 0}, "at least 1 for --count"),
        ({"kernel": 0}, "at least 1 for --kernel"),
        ({"count": 100_000}, "400,001 positions along an axis; at most 2,000"),
        ({"count": 100_000, "kernel": 1}, "at most 2,000 for --count"),
        ({"layers": ", ".join(["conv 3 out 1 stride 2"] * 30)}, "at most 2,000 are followed"),
    ],
)
def test_what_has_no_field_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        ReceptiveField(**options).derive()
