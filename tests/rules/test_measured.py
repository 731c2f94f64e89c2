from defib.rules.base import every_rule
from defib.rules.measured import measurements


def test_every_measured_rule_exists():
    assert set(measurements().rules) <= {rule.name() for rule in every_rule()}


def test_no_more_is_found_than_there_is():
    for row in measurements().rules.values():
        for counts in (row.every, row.apart):
            assert counts.broken >= counts.found >= counts.top_three >= counts.first
            assert counts.healthy >= counts.alarms
        assert row.every.healthy > 100


def test_a_quarter_is_kept_apart():
    rows = list(measurements().rules.values())
    assert 0.15 < rows[0].apart.healthy / rows[0].every.healthy < 0.35
