import json
from pathlib import Path

from benchmarks.scoreboard.cases import Case, Kind
from benchmarks.scoreboard.files import write_measured
from benchmarks.scoreboard.judging import Judged
from benchmarks.scoreboard.running import Facts
from benchmarks.scoreboard.tables import Harm, scoreboard
from defib.records.finding import Cause, Diagnosis, Finding, Severity, Status
from defib.rules.base import every_rule
from defib.testing import make_run

RULE = "dead-relu"


def judged(
    kind: Kind,
    *rules: str,
    seed: int = 0,
    name: str = RULE,
    severity: Severity = Severity.WARNING,
    facts: Facts | None = None,
) -> Judged:
    """A case of the fault `dead-relu`, its twin or the corpus, with these rules as causes."""
    task = "" if kind is Kind.HEALTHY else "tumours"
    names = {Kind.BROKEN: RULE, Kind.TWIN: "tumours", Kind.HEALTHY: name}
    causes = tuple(Cause(Finding(rule, severity, "says so", (0, 1))) for rule in rules)
    verdict = Diagnosis(Status.FINDINGS, "", causes=causes)
    case = Case(kind, names[kind], task, seed)
    return Judged(case, facts or Facts(), make_run(), verdict)


def test_found_first_and_among_three_are_counted():
    board = scoreboard(
        [
            judged(Kind.BROKEN, RULE, seed=0),
            judged(Kind.BROKEN, "loss-plateau", RULE, seed=1),
            judged(Kind.BROKEN, "a", "b", "c", RULE, seed=2),
            judged(Kind.BROKEN, seed=3),
        ]
    )
    [row] = board.faults
    counted = row.detection
    assert (counted.runs, counted.found, counted.first, counted.top_three) == (4, 3, 1, 2)
    assert dict(row.others) == {"loss-plateau": 1, "a": 1, "nothing": 1}


def test_what_is_kept_apart_is_counted_again_by_itself():
    runs = [judged(Kind.BROKEN, RULE, seed=seed) for seed in range(40)]
    kept = [each for each in runs if each.case.is_kept_apart]
    board = scoreboard(runs)
    assert board.detection_apart.runs == len(kept)
    assert 0 < len(kept) < len(runs)


def test_information_is_no_alarm():
    quiet = judged(Kind.HEALTHY, RULE, name="sgd", severity=Severity.INFO)
    assert scoreboard([quiet]).alarms == ()
    board = scoreboard([judged(Kind.HEALTHY, RULE, name="sgd"), judged(Kind.TWIN)])
    assert (board.healthy.runs, board.healthy.by_run) == (2, 1)
    assert [(each.rule, each.training) for each in board.alarms] == [(RULE, "sgd")]


def test_an_alarm_before_the_first_step_is_one_of_check():
    facts = Facts(check_alarms=((RULE, "says so"),))
    board = scoreboard([judged(Kind.HEALTHY, name="sgd", facts=facts)])
    assert (board.healthy.by_run, board.healthy.by_check) == (0, 1)
    [row] = [each for each in board.rules if each.rule == RULE]
    assert (row.alarms, row.healthy_runs) == (1, 1)


def test_a_healthy_training_that_does_not_learn_is_named():
    learnt = judged(Kind.HEALTHY, name="sgd", facts=Facts(error_before=1.0, error=0.1))
    lazy = judged(Kind.HEALTHY, name="momentum", facts=Facts(error_before=1.0, error=0.9))
    raised = judged(Kind.HEALTHY, name="silu", facts=Facts("ValueError", 1.0, 0.1))
    assert scoreboard([learnt, lazy, raised]).not_learnt == (
        "healthy--momentum--0",
        "healthy--silu--0",
    )


def test_harm_pairs_a_fault_with_its_twin():
    board = scoreboard(
        [
            judged(Kind.BROKEN, seed=0, facts=Facts(error=0.5)),
            judged(Kind.TWIN, seed=0, facts=Facts(error=0.1)),
            judged(Kind.BROKEN, seed=1, facts=Facts("RuntimeError", error=0.1)),
            judged(Kind.TWIN, seed=1, facts=Facts(error=0.3)),
            judged(Kind.BROKEN, seed=2, facts=Facts(error=0.5)),
        ]
    )
    assert board.faults[0].harm == Harm(pairs=2, broken=0.75, healthy=0.2, worse=2)


def test_harm_must_show_with_every_seed_and_be_large_enough():
    assert Harm(5, 0.2, 0.1, worse=5).is_measured
    assert not Harm(5, 0.2, 0.1, worse=4).is_measured
    assert not Harm(5, 0.11, 0.1, worse=5).is_measured
    assert not Harm(1, 0.2, 0.1, worse=1).is_measured


def test_the_measured_file_holds_every_rule(tmp_path: Path):
    path = tmp_path / "measured.json"
    board = scoreboard([judged(Kind.BROKEN, RULE)])
    write_measured(board, "a command", runs=1, planned=2, path=path)
    content = json.loads(path.read_text())
    assert (content["command"], content["runs"], content["planned"]) == ("a command", 1, 2)
    assert set(content["rules"]) == {rule.name() for rule in every_rule()}
    assert content["rules"][RULE]["every"] == [1, 1, 1, 1, 0, 0]
    assert content["rules"][RULE]["faults"] == [RULE]
