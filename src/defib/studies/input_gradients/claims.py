"""What `input-gradients` claims of its tables."""

from __future__ import annotations

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.input_gradients.attacked_digits import DENSE, LENET, LINEAR
from defib.studies.intervals import (
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    ratio_interval,
    together,
)
from defib.studies.silence import silence_claim

PROBABILITY, SCORE, SIGN = "along the probability", "along the score", "one sign step"
SIGN_AWAY, SIGN_WITHIN = "sign step", "sign step within [0, 1]"
SIGNS_AT_RANDOM = "random signs"
PAPER = "Goodfellow, Shlens, Szegedy (2015), arXiv:1412.6572"
PAPER_EPSILON = 0.25
PUBLISHED_ERRORS = {LINEAR: 0.999, DENSE: 0.894}
"""Of the paper's softmax regression, and of its maxout network with two layers of 240."""
COMPARED_AT = 2.0
"""Distance at which the methods are compared."""
SMALL_CHANGE = 0.5
"""Of the distance to the nearest real image of the class: what counts as a short way."""
ROUNDING = 1e-9
"""Relative, of a loss in double precision."""


def claims(result: StudyResult) -> tuple[Claim, ...]:
    return (
        _rises(result),
        _moves_little(result),
        _score_against_probability(result),
        _many_steps(result),
        *_published_errors(result),
        _direction(result),
        _exact(result),
        silence_claim(result),
    )


def _rises(result: StudyResult) -> Claim:
    reached = result.by_seed("reached")
    before, after = (
        mean_interval(reached.numbers(f"probability_{when}", method=PROBABILITY))
        for when in ("before", "after")
    )
    return Claim(
        "probability-rises",
        "Climbing the derivative of a class's probability takes that probability from below 0.05 "
        "to above 0.95, as a mean over test images of another class.",
        together(below(before, 0.05), above(after, 0.95)),
        before.as_numbers("before") | after.as_numbers("after"),
        Published("any image can be given any label", PAPER, Sureness.REMEMBERED),
    )


def _moves_little(result: StudyResult) -> Claim:
    reached = result.by_seed("reached").where(method=PROBABILITY)
    share = ratio_interval(reached.numbers("distance"), reached.numbers("nearest_image"))
    moved = mean_interval(reached.numbers("distance"))
    return Claim(
        "moves-little",
        "Where the probability passes one half, the image has moved less than half as far as "
        "the nearest real image of that class is away.",
        below(share, SMALL_CHANGE),
        share.as_numbers("share_of_the_way") | moved.as_numbers("distance"),
    )


def _score_against_probability(result: StudyResult) -> Claim:
    gains = {
        quantity: difference_interval(
            _towards(result, quantity, first), _towards(result, quantity, second)
        )
        for quantity, first, second in (
            ("probability", PROBABILITY, SCORE),
            ("score", SCORE, PROBABILITY),
        )
    }
    return Claim(
        "each-climbs-its-own",
        f"At a distance of {COMPARED_AT:g} the way along the probability has the higher "
        "probability, and the way along the score the higher score.",
        together(*(above(gain, 0.0) for gain in gains.values())),
        gains["probability"].as_numbers("probability_gained_by_its_own")
        | gains["score"].as_numbers("score_gained_by_its_own"),
        Published(
            "the probability can be raised by lowering the scores of other classes; images of a "
            "class are made along the score",
            "Simonyan, Vedaldi, Zisserman (2013), arXiv:1312.6034",
            Sureness.REMEMBERED,
        ),
    )


def _many_steps(result: StudyResult) -> Claim:
    gain = difference_interval(
        _towards(result, "probability", PROBABILITY), _towards(result, "probability", SIGN)
    )
    sign = mean_interval(_towards(result, "probability", SIGN))
    return Claim(
        "many-steps-beat-one",
        f"At a distance of {COMPARED_AT:g} many small steps along the derivative reach a higher "
        "probability of the chosen class than one step along its sign.",
        above(gain, 0.0),
        gain.as_numbers("probability_gained") | sign.as_numbers("one_sign_step"),
    )


def _towards(result: StudyResult, quantity: str, method: str) -> tuple[float, ...]:
    return result.by_seed("towards").numbers(quantity, method=method, distance=COMPARED_AT)


def _published_errors(result: StudyResult) -> tuple[Claim, ...]:
    away = result.by_seed("away")
    found = {name: _error(away, name, SIGN_AWAY) for name in PUBLISHED_ERRORS}
    names = {LINEAR: ("softmax", "softmax regression"), DENSE: ("dense", "maxout 240-240")}
    limits = {LINEAR: 0.98, DENSE: 0.8}
    return tuple(
        Claim(
            f"{names[name][0]}-astray",
            f"One sign step of {PAPER_EPSILON} away from its class leaves the network "
            f"({name}) with an error above {limits[name]:g} on test images.",
            above(mean_interval(errors), limits[name]),
            mean_interval(errors).as_numbers("error"),
            Published(
                f"{names[name][1]} on MNIST, epsilon 0.25",
                PAPER,
                Sureness.READ_SECOND_HAND,
                {"error": PUBLISHED_ERRORS[name]},
            ),
        )
        for name, errors in found.items()
    )


def _direction(result: StudyResult) -> Claim:
    away = result.by_seed("away")
    epsilon = 0.1
    clean = _error(away, LENET, SIGNS_AT_RANDOM, 0.0)
    lost = difference_interval(_error(away, LENET, SIGNS_AT_RANDOM, epsilon), clean)
    signed = difference_interval(_error(away, LENET, SIGN_AWAY, epsilon), clean)
    return Claim(
        "direction-not-size",
        f"Random signs of {epsilon} in each pixel cost {LENET} less than 0.05 of its accuracy, the "
        "signs of the derivative more than 0.3.",
        together(below(lost, 0.05), above(signed, 0.3)),
        lost.as_numbers("lost_to_random_signs") | signed.as_numbers("lost_to_the_derivative"),
    )


def _error(
    away: Table, network: str, attack: str, epsilon: float = PAPER_EPSILON
) -> tuple[float, ...]:
    found = away.numbers("accuracy", network=network, attack=attack, epsilon=epsilon)
    return tuple(1 - each for each in found)


def _exact(result: StudyResult) -> Claim:
    linear = result.by_seed("linear")
    gaps, worse = linear.numbers("gap"), linear.numbers("worse")
    error = mean_interval(linear.numbers("error"))
    return Claim(
        "worst-case-of-a-linear-model",
        "For a logistic regression of 3 against 7 the loss after the sign step is exactly "
        "softplus(ε‖w‖₁ − y(w·x + b)), and no random corner of the box is worse.",
        always([*(gap <= ROUNDING for gap in gaps), *(count == 0 for count in worse)]),
        {"largest_gap": max(gaps), "worse_corners": sum(worse)} | error.as_numbers("error"),
        Published(
            "3 against 7, epsilon 0.25",
            PAPER,
            Sureness.READ_SECOND_HAND,
            {"clean_error": 0.016, "error": 0.99},
        ),
    )
