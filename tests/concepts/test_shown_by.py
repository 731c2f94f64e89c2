from defib.concepts.shown_by import named_studies, studies_for
from defib.studies.base import all_studies


def test_what_is_read_from_the_files_is_what_the_studies_say():
    expected = {(each.name, each.question, tuple(each.exercises)) for each in all_studies()}
    assert {(each.name, each.question, each.exercises) for each in named_studies()} == expected


def test_a_study_is_found_by_its_exercise():
    assert "dying-relu" in [study.name for study in studies_for(("C3",))]
    assert studies_for(("Z1",)) == ()
