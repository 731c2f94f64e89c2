from collections.abc import Sequence

from defib.records.finding import NotEvaluated
from defib.rules.wiring.cannot_fit_one_batch import CannotFitOneBatch
from defib.testing import make_preflight

rule = CannotFitOneBatch(max_share=0.95)


def outcome_of(*, steps: int = 200, **ends: float):
    fits: dict[str, Sequence[float]] = {
        name: [1.0, *[end] * (steps - 1)] for name, end in ends.items()
    }
    return rule.evaluate_preflight(make_preflight(sequences={"fit_loss": fits}))


def test_reports_a_loss_that_nothing_makes_fall():
    [finding] = outcome_of(own=1.0, adam=0.97, slower=1.0, faster=1.2)  # type: ignore[misc]
    assert finding.evidence["best_fit"] == 0.97


def test_silent_at_exactly_the_limit():
    assert outcome_of(own=1.0, adam=0.95, slower=1.0) == ()


def test_silent_where_the_own_optimiser_fits():
    assert outcome_of(own=0.2) == ()


def test_not_judged_after_too_few_steps_or_attempts():
    assert isinstance(outcome_of(own=1.0, steps=20), NotEvaluated)
    assert isinstance(outcome_of(own=1.0, adam=1.0), NotEvaluated)


def test_not_evaluated_without_its_metric():
    outcome = rule.evaluate_preflight(make_preflight())
    assert outcome == NotEvaluated("cannot-fit-one-batch", "not measured: fit_loss")
