import pytest

from defib import errors
from defib.errors import DefibError, UnknownNameError

ERRORS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and each.__module__ == errors.__name__
]


def test_offers_the_only_near_name():
    assert str(UnknownNameError("rule", "dead-rely", ["dead-relu", "loss-plateau"])) == (
        "There is no rule `dead-rely`. Did you mean `dead-relu`?"
    )


def test_offers_several_near_names():
    error = UnknownNameError("command", "rnu", ["run", "runs", "explain"])
    assert str(error).endswith("Did you mean `run` or `runs`?")


def test_gives_advice_where_no_name_is_near():
    error = UnknownNameError("rule", "xyz", ["dead-relu"], advice="`defib rules` lists them.")
    assert str(error) == "There is no rule `xyz`. `defib rules` lists them."


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_a_defib_error_and_drawn_in_the_tree(kind: type):
    assert issubclass(kind, DefibError)
    assert f"{kind.__name__} " in f"{errors.__doc__}".replace("\n", " ")
