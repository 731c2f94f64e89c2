from collections.abc import Mapping

import pytest

from defib.records.chart import Lines
from defib.records.study import Table, Verdict
from defib.studies.depth_and_width import study as depth_and_width
from defib.studies.depth_and_width.study import ASKED, FULL, QUICK, STUDY, Config, measure
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table
from tests.studies.digit_images import TINY, random_digits

CONFIG = Config(
    seeds=1,
    scale=TINY,
    held_out=64,
    candidates=2,
    search_epochs=1,
    epochs=1,
    grid_epochs=1,
    budgets=(6, 1000),
    grid_units=(4, 8),
    depths=(1, 2),
)


@pytest.fixture(scope="module")
def tables() -> Mapping[str, Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depth_and_width, "digits", random_digits)
        return measure(CONFIG, 0)


def held(reached: float, used: int, grid: Mapping[tuple[int, int], float]) -> set[str]:
    """The claims that hold on three seeds which measured nearly this."""

    def of_seed(shift: float) -> dict[str, Table]:
        chosen = [(most, most + used, 1, 9, reached + shift) for most in ASKED]
        cells = [(depth, units, 9, each + shift) for (depth, units), each in grid.items()]
        return {
            "chosen": table("most_units", "units depth parameters test_accuracy", chosen),
            "grid": table("depth units", "parameters test_accuracy", cells),
            TABLE: watched_table([("net", ())]),
        }

    # Not in step, or a difference would be the same for all seeds.
    measured = {seed: of_seed(0.0001 * seed) for seed in range(3)}
    claims = STUDY.result(QUICK, 0, measured).claims
    return {claim.id for claim in claims if claim.verdict is Verdict.HOLDS}


def test_every_candidate_and_every_cell_of_the_grid_is_measured(tables: Mapping[str, Table]):
    assert tables["search"].column("most_units") == (6, 6, 1000, 1000)
    assert tables["grid"].column("depth") == (1, 1, 2, 2)
    assert len(tables[TABLE]) == 4 + 2 + 4


def test_the_most_accurate_candidate_is_chosen_and_trained_again(tables: Mapping[str, Table]):
    for units in (6, 1000):
        of_units = tables["search"].where(most_units=units)
        [best] = of_units.where(is_chosen=True).numbers("held_out_accuracy")
        assert best == max(of_units.numbers("held_out_accuracy"))
        assert tables["chosen"].where(most_units=units).column("units") == (units,)


def test_a_thousand_units_have_two_layers_at_least(tables: Mapping[str, Table]):
    assert tables["chosen"].where(most_units=1000).column("depth") == (2,)
    assert all(len(FULL.depths_for(units)) == 3 for units in (100, 200))


def test_what_is_published_makes_every_claim_hold():
    grid = {(1, 50): 0.96, (1, 1000): 0.98, (3, 50): 0.95, (3, 1000): 0.98}
    assert len(held(0.985, 0, grid)) == 7


def test_every_claim_but_the_monitors_can_fail():
    grid = {(1, 50): 0.96, (1, 1000): 0.96, (3, 50): 0.97, (3, 1000): 0.98}
    assert held(0.97, 1, grid) == {"defib-is-silent"}


def test_the_legend_counts_one_layer_and_more_layers(tables: Mapping[str, Table]):
    [chart] = STUDY.figures(STUDY.result(CONFIG, 0, {0: tables}))
    by_depth, *_ = chart.panels
    assert isinstance(by_depth, Lines)
    assert [line.label for line in by_depth.lines] == ["1 layer", "2 layers"]
