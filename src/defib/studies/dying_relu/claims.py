"""What the study claims, and what decides it."""

from __future__ import annotations

import math

from defib.records.study import Claim, Published, StudyResult, Sureness, Value
from defib.studies.dying_relu.networks import DEEPER, FUNCTIONS, LEAKY, PAPER, RAI, RELU
from defib.studies.intervals import Interval, above, always, below, share_interval, together


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _over_ninety(result),
        _in_two_phases(result),
        _bounds(result),
        *_leaky(result),
        _asymmetric(result),
    )


def network_share(result: StudyResult, column: str, **where: Value) -> Interval:
    """The share of networks that `column` counts, of all that `where` names."""
    counts = result.by_seed("collapse")
    total = sum(counts.numbers("networks", **where))
    return share_interval(int(sum(counts.numbers(column, **where))), int(total))


def _over_ninety(result: StudyResult) -> Claim:
    dead = network_share(result, "dead", network=RELU.name)
    each = {
        f"dead, {name}": network_share(result, "dead", network=RELU.name, function=name).estimate
        for name in FUNCTIONS
    }
    deeper = network_share(result, "dead", network=DEEPER.name)
    return Claim(
        "over-ninety-percent",
        "More than 90 % of the 10-layer ReLU networks of width 2 are dead after training, over "
        "the three functions together.",
        above(dead, 0.9),
        dead.as_numbers("dead") | each | {"ten_hidden_layers": deeper.estimate},
        Published(
            "of 1,000 networks over 90 % collapsed; 91.9 % and 93.8 % for two of the functions",
            PAPER,
            Sureness.READ_SECOND_HAND,
            {"one_function": 0.919, "another_function": 0.938},
        ),
    )


def _in_two_phases(result: StudyResult) -> Claim:
    born = network_share(result, "born_dead", network=RELU.name)
    died = network_share(result, "died", network=RELU.name)
    revived = sum(result.by_seed("collapse").numbers("revived"))
    return Claim(
        "born-dead-or-died",
        "Most dead networks are born dead, some die in training, and none is ever revived.",
        together(above(born, 0.8), above(died, 0.0), always([revived == 0])),
        born.as_numbers("born_dead") | died.as_numbers("died") | {"revived": revived},
        Published(
            "a network that is born dead is optimised to a constant, whatever loss and gradient "
            "method (theorem 3.4); born dead 0.8797 of 10 layers of width 2",
            f"{PAPER}; 200,000 draws",
            Sureness.COMPUTED,
            {"born_dead": 0.8797},
        ),
    )


def _bounds(result: StudyResult) -> Claim:
    rows = result.by_seed("born-dead").rows
    # Of so many intervals of 95 % some miss: four standard errors are allowed for.
    misses = [
        max(float(str(row[5])) - share, share - float(str(row[6]))) / error
        for row in rows
        for share, error in [_with_error(int(str(row[3])), int(str(row[4])))]
    ]
    return Claim(
        "between-the-bounds",
        "At every depth and width the drawn share of born-dead networks lies between the lower "
        "and the upper bound, within four standard errors.",
        always(miss < 4 for miss in misses),
        {"largest_miss_in_standard_errors": max(misses), "cells": len(rows)},
        Published(
            "1 − a₁^(L−2) above, exact at 3 layers below, with a₁ = 1 − 2^−N",
            PAPER,
            Sureness.DERIVED,
            {"lower_10_layers_width_2": 0.8703, "upper_10_layers_width_2": 0.8999},
        ),
    )


def _with_error(dead: int, networks: int) -> tuple[float, float]:
    """A share with its standard error, of one dead and one living network more."""
    smoothed = (dead + 1) / (networks + 2)
    return dead / networks, math.sqrt(smoothed * (1 - smoothed) / networks)


def _leaky(result: StudyResult) -> tuple[Claim, Claim]:
    dead = sum(result.by_seed("collapse").numbers("dead", network=LEAKY.name))
    unlearned = network_share(result, "unlearned", network=LEAKY.name, function="|x|")
    relu = network_share(result, "unlearned", network=RELU.name, function="|x|")
    constant = network_share(result, "constant_at_start", network=LEAKY.name)
    return (
        Claim(
            "leaky-never-dies",
            "With leaky ReLU (0.01) no network dies, and far fewer fail to learn |x|: their share "
            "is below half of that with ReLU.",
            together(always([dead == 0]), below(unlearned, relu.low / 2)),
            {"dead": dead}
            | unlearned.as_numbers("unlearned_leaky")
            | relu.as_numbers("unlearned_relu"),
            Published(
                "collapsed 0.91 with ReLU, 0.00 with leaky ReLU, x sin 5x, 100 runs",
                "a student's notebook on the same exercise (ta2642/neuralnet-regularization)",
                Sureness.READ,
                {"relu": 0.91, "leaky": 0.0},
            ),
        ),
        Claim(
            "range-misleads",
            "The range of the outputs misleads: it calls more than 5 % of the untrained leaky "
            "networks constant, although none has a dead unit.",
            above(constant, 0.05),
            constant.as_numbers("constant_at_start"),
            Published(
                "20 % of untrained leaky networks vary by less than 1e-6",
                "1000 networks",
                Sureness.COMPUTED,
                {"share": 0.2},
            ),
        ),
    )


def _asymmetric(result: StudyResult) -> Claim:
    he = network_share(result, "dead", network=RELU.name)
    rai = network_share(result, "dead", network=RAI.name)
    return Claim(
        "asymmetric-start-helps",
        "With the randomised asymmetric start at most half as many networks are dead.",
        below(rai, he.low / 2),
        rai.as_numbers("rai") | he.as_numbers("he"),
        Published(
            "29.2 % and 32.6 % for two of the functions",
            PAPER,
            Sureness.READ_SECOND_HAND,
            {"one_function": 0.292, "another_function": 0.326},
        ),
    )
