import numpy as np

from defib.records.finding import NotEvaluated
from defib.records.run import LoaderFact, ParameterFact
from defib.records.series import Series
from defib.rules.optimization.weights_reinitialized import WeightsReinitialized
from defib.testing import make_run

rule = WeightsReinitialized(min_return=0.8, min_fall=0.6, max_distance=0.5)
FALL = np.linspace(1.0, 0.2, 40)
STEPS = [0, 20, 39, 40, 60]


def findings(losses=(*FALL, *FALL), norms=(8.0, 9.0, 10.0, 8.1, 9.0), examples=32):
    norm = Series.of(norms, steps=STEPS)
    loaders = (LoaderFact("DataLoader", batch_size=examples),)
    return rule.evaluate(
        make_run(loss=list(losses), parameter_norm={"1.weight": norm}, facts={"loaders": loaders})
    )


def test_reports_a_network_that_begins_anew():
    [finding] = findings()
    assert finding.steps == (40, 79)
    assert finding.evidence["jumps"] == 1


def test_counts_how_often():
    [finding] = findings(losses=(*FALL, *FALL, *FALL))
    assert "1 more times" in finding.message


def test_silent_when_the_norms_do_not_return():
    assert findings(norms=(8.0, 9.0, 10.0, 9.9, 10.0)) == ()


def test_silent_at_exactly_half_of_the_distance():
    assert findings(norms=(8.0, 9.0, 10.0, 9.0, 10.0)) == ()


def test_silent_when_the_loss_does_not_return():
    assert findings(losses=(*FALL, *(0.7 * FALL))) == ()


def test_silent_when_it_had_not_fallen():
    assert findings(losses=(*np.linspace(1.0, 0.7, 40), *FALL)) == ()


def test_silent_when_a_loss_falls_slowly():
    assert findings(losses=np.linspace(1.0, 0.2, 80)) == ()


def test_not_evaluated_with_several_losses():
    run = make_run(loss={"A": FALL, "B": FALL}, parameter_norm={"1.weight": [1.0]})
    assert rule.evaluate(run) == NotEvaluated(
        "weights-reinitialized", "several losses: they need not fall"
    )


MOVED = (8.0, 9.0, 10.0, 9.9, 10.0)


def test_of_several_jumps_no_norms_are_asked():
    [finding] = findings(losses=(*FALL, *FALL, *FALL), norms=MOVED)
    assert "norms" not in finding.message


def test_several_jumps_to_other_losses_are_another_finding():
    assert findings(losses=(*FALL, *(1.5 * FALL), *(3 * FALL)), norms=MOVED) == ()


def test_losses_of_a_few_examples_jump_by_nature():
    thrice = (*FALL, *FALL, *FALL)
    assert findings(losses=thrice, norms=MOVED, examples=3) == ()
    assert len(findings(losses=thrice, norms=MOVED, examples=4)) == 1


def test_silent_when_single_losses_were_as_high_before():
    noisy = FALL.copy()
    noisy[30] = 1.0
    assert findings(losses=(*noisy, *FALL)) == ()


def test_several_jumps_are_another_finding_where_the_loss_rises_above_its_start():
    rising = (*FALL, *FALL, *FALL, *np.linspace(1.0, 1.5, 40))
    assert findings(losses=rising, norms=MOVED) == ()


def refuted(*norms: float, head: tuple[float, ...] = (2.0, 2.5, 3.0, 3.0, 3.0)) -> bool:
    """Of weights of 10,000 numbers: drawn again, their norms differ by 0.7 %."""
    weights = {"1.weight": norms, "2.weight": head}
    parameters = tuple(
        ParameterFact(name, name[0], (100, 100), optimizer="SGD") for name in weights
    )
    loaders = (LoaderFact("DataLoader", batch_size=32),)
    run = make_run(
        loss=[*FALL, *FALL, *FALL],
        parameter_norm={name: Series.of(each, steps=STEPS) for name, each in weights.items()},
        facts={"loaders": loaders, "parameters": parameters},
    )
    return rule.evaluate(run) == ()


def test_several_jumps_are_another_finding_where_a_norm_goes_on():
    assert refuted(8.0, 8.5, 9.0, 9.1, 10.3)


def test_a_norm_that_goes_less_than_twice_as_far_may_be_a_new_one():
    assert not refuted(8.0, 8.5, 9.0, 9.1, 10.1)


def test_a_norm_that_goes_on_tells_nothing_where_another_one_returns():
    assert not refuted(8.0, 8.5, 9.0, 9.1, 10.3, head=(2.0, 2.5, 3.0, 2.1, 2.5))
