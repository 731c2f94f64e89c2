"""The pages of the concepts name only what exists."""

import re

import pytest

from defib.cli.explain import concept_page
from defib.concepts.catalogue import Concept, concepts, exercises
from defib.derivations.base import every_problem
from defib.rules.base import every_rule

every_concept = pytest.mark.parametrize("concept", concepts().values(), ids=lambda each: each.name)

ASKED_FOR = {
    "dead-relu",
    "saturation",
    "co-adaptation",
    "internal-covariate-shift",
    "vanishing-gradient",
    "saddle-point",
    "weight-decay",
    "receptive-field",
    "mini-batch-size",
    "fcn-variants",
    "maxout",
    "leaky-relu",
    "batch-normalization",
    "dropout",
}


def test_the_words_of_the_exercises_are_explained():
    assert set(concepts()) >= ASKED_FOR


@every_concept
def test_it_is_about_half_a_page(concept: Concept):
    assert 90 <= len(concept.text.split()) <= 260


@every_concept
def test_its_rules_derivations_and_exercises_exist(concept: Concept):
    assert set(concept.rules) <= {rule.name() for rule in every_rule()}
    assert set(concept.derivations) <= {problem.name() for problem in every_problem()}
    assert set(concept.exercises) <= set(exercises())
    assert concept.exercises


@every_concept
def test_it_says_where_to_see_more(concept: Concept):
    page = concept_page(concept)
    assert page.startswith(f"# {concept.title}\n")
    assert re.search("^## (Worked out|Shown by experiment|The rules that find it)", page, re.M)


def test_what_stands_on_a_page_comes_from_the_docstrings():
    page = concept_page(concepts()["receptive-field"])
    assert "`receptive-field-larger-than-input`: " in page
    assert "`defib derive receptive-field`: What a stack of convolutions sees" in page
