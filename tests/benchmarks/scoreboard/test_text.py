from dataclasses import replace
from io import StringIO

from rich.console import Console

from benchmarks.scoreboard.tables import (
    Alarm,
    Alarmed,
    Detection,
    FaultRow,
    Harm,
    Scoreboard,
)
from benchmarks.scoreboard.text import harm_text, show

FOUND = Detection(runs=5, found=4, first=3, top_three=4, found_by_check=0)
ROW = FaultRow(
    "dead-relu",
    "tumours",
    "dead-relu",
    FOUND,
    Detection(),
    Harm(5, 0.5, 0.1, worse=5),
    (("loss-plateau", 1), ("nothing", 1)),
)
BOARD = Scoreboard(
    seeds=5,
    faults=(ROW,),
    rules=(),
    detection=FOUND,
    detection_apart=Detection(),
    healthy=Alarmed(runs=50, by_run=1, by_check=0),
    healthy_apart=Alarmed(0, 0, 0),
    alarms=(Alarm("run", "loss-spike", "sgd", (0, 3), "The loss [jumps]."),),
    not_learnt=("healthy--sgd--1",),
    not_checked=(("it trains nothing", 2),),
    slowest_diagnosis=0.5,
    slowest_check=3.0,
)


def shown(board: Scoreboard) -> str:
    output = StringIO()
    show(board, Console(file=output, width=160))
    return output.getvalue()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃ \n").replace("┃", "│").split("│")]


def test_a_fault_has_its_counts_and_what_was_named_instead():
    [line] = [each for each in shown(BOARD).splitlines() if "tumours" in each]
    assert cells(line) == [
        *("dead-relu", "tumours", "0.500 / 0.100", "5", "4", "3", "4", "."),
        "loss-plateau 1, nothing 1",
    ]


def test_a_warning_is_shown_with_its_seeds_and_its_words():
    [line] = [each for each in shown(BOARD).splitlines() if "loss-spike" in each]
    assert cells(line) == ["run", "loss-spike", "sgd", "0, 3", "The loss [jumps]."]


def test_sums_are_shares():
    [line] = [each for each in shown(BOARD).splitlines() if cells(each)[0] == "all"]
    assert cells(line)[1:6] == ["5", "80.0 %", "60.0 %", "80.0 %", "0.0 %"]
    assert cells(line)[6:] == ["50", "1 (2.0 %)", "0 (0.0 %)"]


def test_nothing_kept_apart_has_no_share():
    [line] = [each for each in shown(BOARD).splitlines() if cells(each)[0] == "kept apart"]
    assert cells(line)[2] == "-"


def test_what_did_not_learn_is_named():
    assert "Did not learn: healthy--sgd--1" in shown(BOARD)


def test_harm_is_told_from_two_seeds_on():
    assert "1 of 1 pairs of fault and task measurably harm" in shown(BOARD)
    assert "from two seeds on" in shown(replace(BOARD, seeds=1))


def test_a_fault_without_harm_is_marked():
    assert "no harm" in harm_text(Harm(5, 0.1, 0.1, worse=3))
    assert "no harm" not in harm_text(Harm(1, 0.1, 0.2, worse=0))
    assert "not comparable" in harm_text(None)
