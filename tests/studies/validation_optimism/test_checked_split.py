from defib.studies.image_sets import ImageScale
from defib.studies.validation_optimism.checked_split import named_by_check
from defib.studies.validation_optimism.gaps import EASIER, LEAK, parts_of
from tests.studies.digit_pictures import random_digits

RULE = "evaluation-on-training-examples"


def test_defib_check_names_the_leak_and_not_the_easier_set():
    data = random_digits("mnist", ImageScale(200, 400, 20), 0)
    leak, easier = (named_by_check(parts_of(arm, data, 100)) for arm in (LEAK, EASIER))
    # `None` where the machine was too busy for `defib check` to compare the sets.
    assert leak is None or RULE in leak
    assert easier is None or RULE not in easier
