import numpy as np

from defib.records.finding import NotEvaluated
from defib.records.series import Series
from defib.rules.loss.loss_spike import LossSpike
from defib.testing import make_run

rule = LossSpike()
DECAY = np.exp(-np.arange(200) / 60) + np.random.default_rng(0).uniform(0, 0.02, 200)


def with_spike(step=120, height=20.0, length=1):
    losses = DECAY.copy()
    losses[step : step + length] = height
    return losses


def findings(losses, **metrics):
    return rule.evaluate(make_run(loss=list(losses), **metrics))


def test_reports_a_single_huge_loss():
    [finding] = findings(with_spike())
    assert finding.steps == (120, 120)
    assert "step 120 is 20" in finding.message


def test_silent_without_a_spike():
    assert findings(DECAY) == ()


def test_silent_where_it_is_not_far_above_the_first_loss():
    first = float(np.median(DECAY[:3]))
    assert findings(with_spike(height=1.99 * first)) == ()
    assert len(findings(with_spike(height=2.5 * first))) == 1


def test_silent_where_no_loss_is_ten_times_its_neighbours():
    high = 1.0 + np.random.default_rng(0).uniform(0, 0.02, 200)
    for height, count in ((9.5, 0), (11.0, 1)):
        losses = high.copy()
        losses[120] = height
        assert len(findings(losses)) == count


def test_a_rise_that_lasts_is_another_finding():
    assert len(findings(with_spike(length=3))) == 1
    assert findings(with_spike(length=4)) == ()


def test_silent_where_steps_were_large_before():
    def with_steps(size):
        return findings(
            with_spike(),
            update_ratio={"1.weight": [size, size]},
            parameter_norm={"1.weight": [8.0, 8.0]},
        )

    assert with_steps(0.2) == ()
    assert len(with_steps(0.1)) == 1


def test_losses_that_scatter_widely_have_no_spikes():
    losses = np.exp(np.random.default_rng(0).normal(0, 1.5, 400))
    assert findings([1.0, *losses]) == ()


def test_not_evaluated_under_sixty_losses():
    assert findings(DECAY[:59]) == NotEvaluated("loss-spike", "fewer than 60 losses")


def test_not_evaluated_for_batches_of_a_few_examples():
    def with_examples(count):
        return findings(with_spike(), label_count={"0": [count - 1.0] * 5, "1": [1.0] * 5})

    assert isinstance(with_examples(3), NotEvaluated)
    assert len(with_examples(4)) == 1


def test_silent_where_the_learning_rate_has_just_risen():
    def with_rates(*rates):
        steps = np.array([0, 100, 121, 150])
        return findings(with_spike(), learning_rate={"SGD": Series(steps, np.array(rates))})

    # What led to the loss of step 120 was step 119, which was not sampled.
    assert with_rates(0.003, 0.003, 0.18, 0.18) == ()
    assert len(with_rates(0.003, 0.003, 0.006, 0.006)) == 1
    assert len(with_rates(0.003, 0.18, 0.18, 0.003)) == 1
