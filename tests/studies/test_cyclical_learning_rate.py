import pytest

from defib.studies import cyclical_learning_rate
from defib.studies.cyclical_learning_rate import Config, measure, planned
from tests.studies.garments import TINY, random_garments

CONFIG = Config(seeds=1, scale=TINY, lr_min=1e-3, lr_max=1e-1, epochs_up=1, cycles=2)


def test_the_plan_rises_to_a_decayed_top_and_ends_at_the_foot():
    plan = planned(CONFIG, 10)
    assert plan.at(0) == plan.at(20) == plan.at(40) == pytest.approx(1e-3)
    # After a quarter of the training the height has fallen to 0.1^(1/4).
    assert plan.at(10) == pytest.approx(1e-3 + 0.099 * 0.1**0.25)


def test_every_epoch_has_a_row_with_the_rate_of_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cyclical_learning_rate, "garments", random_garments)
    curves = measure(CONFIG, 0)["curves"]
    assert curves.numbers("epoch") == (1, 2, 3, 4)
    plan = planned(CONFIG, 96 // 64)
    assert curves.numbers("learning_rate") == pytest.approx([plan.at(k) for k in (1, 2, 3, 4)])
