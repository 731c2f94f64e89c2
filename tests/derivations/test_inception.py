import pytest

from defib.derivations.inception import Inception
from defib.errors import UsageError


def test_the_module_of_the_exercise():
    results = Inception().derive().results
    positions = 32 * 32
    naive = positions * 256 * (128 + 9 * 192 + 25 * 96)
    reduced = positions * (256 * 128 + 3 * 256 * 64 + 64 * (9 * 192 + 25 * 96))
    assert results == {
        "naive channels": 672,
        "reduced channels": 480,
        "naive operations": naive,
        "reduced operations": reduced,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduce_five": 0}, "Expected at least 1 for --reduce-five, got 0"),
        ({"input": "8x8x20000"}, "at most 10,000 channels"),
        ({"input": "32x32"}, "Expected a size such as `8x8x8` for --input"),
    ],
)
def test_what_is_no_module_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        Inception(**options).derive()
