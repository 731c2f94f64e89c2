"""What `regularisation-overview` claims of its tables."""

from __future__ import annotations

import math

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.intervals import (
    Interval,
    above,
    always,
    difference_interval,
    mean_interval,
    numbers_of,
    together,
    within,
)
from defib.studies.regularisation_overview.arms import ARMS, BASE, MORE_DATA
from defib.studies.silence import silence_claim

OVERFITTING = "overfitting"
FITTED = 0.95
"""Accuracy from which on the training questions are fitted."""
CHANCE = (0.4, 0.6)
REMEDIES = tuple(name for name in ARMS if name != BASE)


def ranked(effects: Table, column: str) -> tuple[str, ...]:
    """The remedies, that of the largest mean effect first."""
    means = {name: math.fsum(effects.numbers(column, remedy=name)) for name in REMEDIES}
    return tuple(sorted(means, key=lambda name: -means[name]))


def claims(result: StudyResult) -> tuple[Claim, ...]:
    effects, sums = result.by_seed("effects"), result.by_seed("sums")
    return (
        _by_heart(sums),
        _overfits(effects),
        *(_saves_loss(effects, name) for name in REMEDIES),
        _more_data_first(effects),
        _named(effects, sums),
        silence_claim(result),
    )


def _by_heart(sums: Table) -> Claim:
    own = mean_interval(sums.numbers("train_accuracy"))
    new = mean_interval(sums.numbers("test_accuracy"))
    return Claim(
        "sums-by-heart",
        f"Of 200 sums the network answers more than {FITTED:.0%} rightly, and new sums as a coin "
        f"would: between {CHANCE[0]:.0%} and {CHANCE[1]:.0%}.",
        together(above(own, FITTED), within(new, *CHANCE)),
        own.as_numbers("own_sums") | new.as_numbers("new_sums"),
        Published(
            "fits the training questions, at chance on new ones: overfitting",
            "problem set on screenshots",
            Sureness.READ,
        ),
    )


def _overfits(effects: Table) -> Claim:
    base = effects.where(remedy=BASE)
    rise = difference_interval(base.numbers("test_loss"), base.numbers("lowest_test_loss"))
    fitted = mean_interval(base.numbers("train_accuracy"))
    return Claim(
        "nothing-done-overfits",
        f"With nothing done more than {FITTED:.0%} of the own questions are answered rightly, "
        "while the loss on new ones rises by more than 0.1 from its lowest value.",
        together(above(fitted, FITTED), above(rise, 0.1)),
        fitted.as_numbers("train_accuracy") | rise.as_numbers("loss_risen"),
    )


def _saves_loss(effects: Table, name: str) -> Claim:
    loss = mean_interval(effects.numbers("loss_saved", remedy=name))
    accuracy = mean_interval(effects.numbers("accuracy_gained", remedy=name))
    return Claim(
        f"{name.replace(' ', '-')}-helps",
        f"{name.capitalize()} lowers the loss on new questions.",
        above(loss, 0.0),
        loss.as_numbers("loss_saved") | accuracy.as_numbers("accuracy_gained"),
    )


def _more_data_first(effects: Table) -> Claim:
    first = effects.numbers("accuracy_gained", remedy=MORE_DATA)
    leads: dict[str, Interval] = {
        name: difference_interval(first, effects.numbers("accuracy_gained", remedy=name))
        for name in REMEDIES
        if name != MORE_DATA
    }
    return Claim(
        "more-data-helps-most",
        "Four times as many questions gain more accuracy on new ones than any other remedy.",
        together(*(above(lead, 0.0) for lead in leads.values())),
        numbers_of(leads, "ahead of {}"),
        Published(
            "more data: same bias, less variance",
            "tutorial, question on bias and variance",
            Sureness.READ,
        ),
    )


def _named(effects: Table, sums: Table) -> Claim:
    found = (
        *effects.numbers("is_called_overfitting", remedy=BASE),
        *sums.numbers("is_called_overfitting"),
    )
    return Claim(
        "defib-names-overfitting",
        f"defib names `{OVERFITTING}` in every training in which nothing is done, of both kinds "
        "of questions.",
        always(each == 1 for each in found),
        {"named": sum(found), "of": len(found)},
    )
