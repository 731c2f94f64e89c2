import math

from defib.studies.summary import tables_of_seeds
from defib.studies.tables import table


def of_seeds(*values: object):
    return {seed: {"a": table("x", "y", [(1, value)])} for seed, value in enumerate(values)}


def test_the_mean_over_the_seeds_stands_beside_what_each_measured():
    tables = tables_of_seeds(of_seeds(1.0, 2.0, 3.0))
    assert tables["a"].columns == ("x", "seeds", "y", "y_low", "y_high")
    assert tables["a"].rows[0][:3] == (1, 3, 2.0)
    assert tables["a-by-seed"].rows == ((0, 1, 1.0), (1, 1, 2.0), (2, 1, 3.0))


def test_a_single_seed_has_no_interval():
    assert tables_of_seeds(of_seeds(4.0))["a"].rows == ((1, 1, 4.0, None, None),)


def test_missing_values_are_left_out_and_infinite_ones_are_not():
    assert tables_of_seeds(of_seeds(math.nan, 2.0, 2.0))["a"].numbers("y") == (2.0,)
    assert tables_of_seeds(of_seeds(math.inf, 2.0))["a"].numbers("y") == (math.inf,)


def test_texts_have_no_mean():
    tables = tables_of_seeds(of_seeds("one", "two"))
    assert "a" not in tables
    assert tables["a-by-seed"].column("y") == ("one", "two")


def test_a_table_that_only_some_seeds_have_is_kept():
    measured = {0: {"a": table("x", "y", [(1, 2.0)])}, 1: {}}
    assert tables_of_seeds(measured)["a-by-seed"].rows == ((0, 1, 2.0),)
