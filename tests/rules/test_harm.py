import numpy as np

from defib.records.finding import Severity
from defib.rules.harm import learns_little, severity_by_harm
from defib.testing import make_run

FLAT = list(0.7 + np.random.default_rng(0).normal(0, 0.01, 100))
SLOW = list(np.linspace(0.7, 0.55, 100))
DECAY = list(0.7 * np.exp(-np.arange(100) / 20))


def test_a_flat_loss_is_the_worst():
    run = make_run(loss=FLAT)
    assert learns_little(run, "SGD")
    assert severity_by_harm(run, "SGD") is Severity.ERROR
    assert severity_by_harm(run, "SGD", worst=Severity.WARNING) is Severity.WARNING


def test_a_loss_that_fell_by_a_fifth_is_a_warning():
    run = make_run(loss=SLOW)
    assert learns_little(run, "SGD")
    assert severity_by_harm(run, "SGD") is Severity.WARNING


def test_a_loss_that_fell_well_is_information():
    run = make_run(loss=DECAY)
    assert not learns_little(run, "SGD")
    assert severity_by_harm(run, "SGD") is Severity.INFO


def test_of_several_losses_none_need_fall():
    assert not learns_little(make_run(loss={"A": SLOW, "B": SLOW}), "A")


def test_nothing_is_said_of_few_losses():
    assert not learns_little(make_run(loss=[0.7] * 5), "SGD")


def test_a_loss_that_is_good_from_the_start_is_no_failure():
    run = make_run(
        loss=list(0.01 + np.random.default_rng(0).normal(0, 1e-3, 100)),
        loss_kind="cross-entropy",
        label_count={"0": [8] * 5, "1": [8] * 5},
    )
    assert not learns_little(run, "SGD")
