from benchmarks.scoreboard.cases import Case, Kind, every_case, twins
from defib.faults.base import all_faults
from defib.faults.tasks import ALL_TASKS
from defib.healthy.base import all_healthy_trainings


def test_every_fault_and_every_healthy_training_is_there_with_every_seed():
    cases = every_case(range(2))
    broken = {(each.name, each.seed) for each in cases if each.kind is Kind.BROKEN}
    assert broken == {(fault.name(), seed) for fault in all_faults() for seed in (0, 1)}
    healthy = {(each.name, each.seed) for each in cases if each.kind is Kind.HEALTHY}
    assert healthy == {(name, seed) for name in all_healthy_trainings() for seed in (0, 1)}


def test_no_two_cases_have_the_same_folder():
    cases = every_case(range(2))
    assert len({each.folder for each in cases}) == len(cases)


def test_a_quick_scoreboard_is_a_part_of_the_whole():
    quick, whole = set(every_case([0], is_quick=True)), set(every_case([0]))
    assert quick < whole
    assert {each.name for each in quick if each.kind is Kind.BROKEN} == {
        fault.name() for fault in all_faults()
    }


def test_each_twin_is_one_case():
    kept = [each.name for each in every_case([0]) if each.kind is Kind.TWIN]
    assert sorted(kept) == sorted(twins())


def test_about_a_quarter_is_kept_apart():
    cases = [
        Case(Kind.HEALTHY, name, "", seed) for name in all_healthy_trainings() for seed in range(5)
    ]
    share = sum(each.is_kept_apart for each in cases) / len(cases)
    assert 0.2 < share < 0.3


def test_some_task_of_the_faults_is_kept_apart_and_some_is_not():
    cases = [Case(Kind.BROKEN, "any", task.name, seed) for task in ALL_TASKS for seed in range(5)]
    kept = {each.task for each in cases if each.is_kept_apart}
    assert len(kept) >= len(ALL_TASKS) // 2
    assert sum(each.is_kept_apart for each in cases) < len(cases) / 2


def test_a_fault_is_on_the_side_of_its_twin():
    for seed in range(5):
        sides = {
            Case(kind, name, "tumours", seed).is_kept_apart
            for kind in (Kind.BROKEN, Kind.TWIN)
            for name in ("dead-relu", "overfitting", "tumours")
        }
        assert len(sides) == 1
