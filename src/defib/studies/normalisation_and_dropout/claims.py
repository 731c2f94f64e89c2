"""What the study `normalisation-and-dropout` decides."""

from __future__ import annotations

from itertools import pairwise

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.intervals import (
    Interval,
    above,
    below,
    difference_interval,
    numbers_of,
    together,
    within,
)
from defib.studies.normalisation_and_dropout.arms import BOTH, DROPPED, INPUT_TOO, NORMALIZED, PLAIN
from defib.studies.normalisation_and_dropout.shift_claims import (
    covariate_shift_claims,
    variance_claims,
)
from defib.studies.silence import silence_claim

NEGLIGIBLE = 0.005
"""Of accuracy: half a percent, as much as 5 of the 1000 test images of the quick version."""
HALF = 0.5
STUDENT = "github ta2642/neuralnet-regularization: LeNet-5, dropout after convolutions too, 1 epoch"


def claims(result: StudyResult) -> tuple[Claim, ...]:
    """On accuracy, on co-adaptation, on both kinds of shift, on defib's silence."""
    return (
        *_batch_norm_claims(result),
        *_dropout_claims(result),
        *_claims_on_both(result),
        *_co_adaptation_claims(result),
        *covariate_shift_claims(result),
        *variance_claims(result),
        silence_claim(result),
    )


def _batch_norm_claims(result: StudyResult) -> tuple[Claim, ...]:
    normalized = _gain(result, NORMALIZED, PLAIN)
    input_too = _gain(result, INPUT_TOO, NORMALIZED)
    return (
        Claim(
            "batch-norm-helps",
            "With batch normalisation in the hidden layers more test images are classified rightly "
            "than without.",
            above(normalized, 0.0),
            normalized.as_numbers("accuracy_gained"),
            Published(
                "plain 94.7 %, batch norm 93.8 % (97.6 % in another run)",
                STUDENT,
                Sureness.READ,
                {"accuracy_gained": -0.009},
            ),
        ),
        Claim(
            "input-too-changes-nothing",
            "Normalising the standardised images as well changes the test accuracy by less than "
            f"{NEGLIGIBLE:.1%}.",
            within(input_too, -NEGLIGIBLE, NEGLIGIBLE),
            input_too.as_numbers("accuracy_gained"),
            Published(
                "hidden only 93.8 %, input too 96.4 % (97.6 % both in another run)",
                STUDENT,
                Sureness.READ,
                {"accuracy_gained": 0.026},
            ),
        ),
    )


def _dropout_claims(result: StudyResult) -> tuple[Claim, ...]:
    dropped = _gain(result, DROPPED, PLAIN)
    narrowed = difference_interval(_gaps(result, PLAIN), _gaps(result, DROPPED))
    return (
        Claim(
            "dropout-helps",
            "With dropout more test images are classified rightly than without.",
            above(dropped, 0.0),
            dropped.as_numbers("accuracy_gained"),
            Published(
                "dense networks on all of MNIST, trained long: error 1.60 % without, 1.35 % with "
                "dropout",
                "Srivastava and others (2014), JMLR 15, Table 2",
                Sureness.READ_SECOND_HAND,
                {"accuracy_gained": 0.0025},
            ),
            reason="Dropout slows learning. As long as the network with it classifies fewer of "
            "its own training images rightly than the plain one (see the curves), overfitting is "
            "not what limits it.",
        ),
        Claim(
            "dropout-narrows-the-gap",
            "With dropout the accuracy on the training images exceeds that on the test images by "
            "less than without.",
            above(narrowed, 0.0),
            narrowed.as_numbers("gap_narrowed"),
        ),
    )


def _claims_on_both(result: StudyResult) -> tuple[Claim, ...]:
    order = (NORMALIZED, PLAIN, DROPPED, BOTH)
    steps = [_gain(result, better, worse) for better, worse in pairwise(order)]
    both = _gain(result, BOTH, NORMALIZED)
    return (
        Claim(
            "both-fall-behind-batch-norm",
            "Dropout beside batch normalisation classifies fewer test images rightly than batch "
            "normalisation alone.",
            below(both, 0.0),
            both.as_numbers("accuracy_gained"),
            Published(
                "CIFAR-10: 84.5 % with batch normalisation, 80.0 to 80.9 % with both",
                "Garbin, Zhu, Marques (2020), Multimedia Tools and Applications 79, and its logs",
                Sureness.READ,
                {"accuracy_gained": -0.04},
            ),
        ),
        Claim(
            "published-order",
            "Test accuracy falls from batch normalisation over plain and dropout to both, each "
            "difference surviving the seeds.",
            together(*(above(each, 0.0) for each in steps)),
            steps[0].as_numbers("batch_norm_over_plain")
            | steps[1].as_numbers("plain_over_dropout")
            | steps[2].as_numbers("dropout_over_both"),
            Published("96.4 %, 94.7 %, 89.3 %, 81.9 % after one epoch", STUDENT, Sureness.READ),
            reason="Here dropout alone and both together end nearly alike.",
        ),
    )


def _gain(result: StudyResult, arm: str, other: str) -> Interval:
    """Of test accuracy at the end, paired by seed."""
    final = _final(result)
    return difference_interval(
        final.numbers("test_accuracy", arm=arm), final.numbers("test_accuracy", arm=other)
    )


def _gaps(result: StudyResult, arm: str) -> list[float]:
    """Training accuracy less test accuracy at the end, of each seed."""
    final = _final(result)
    train, test = (final.numbers(f"{part}_accuracy", arm=arm) for part in ("train", "test"))
    return [left - right for left, right in zip(train, test, strict=True)]


def _final(result: StudyResult) -> Table:
    """The curves after the last epoch."""
    curves = result.by_seed("curves")
    return curves.where(epoch=curves.distinct("epoch")[-1])


def _co_adaptation_claims(result: StudyResult) -> tuple[Claim, ...]:
    removal, correlation = result.by_seed("removal"), result.by_seed("correlation")

    def lost(arm: str) -> list[float]:
        intact, half = (
            removal.numbers("accuracy", arm=arm, removed=share) for share in (0.0, HALF)
        )
        return [before - after for before, after in zip(intact, half, strict=True)]

    loss = difference_interval(lost(PLAIN), lost(DROPPED))
    layers = tuple(str(each) for each in correlation.distinct("layer"))
    less = {
        layer: difference_interval(
            correlation.numbers("correlation", arm=PLAIN, layer=layer),
            correlation.numbers("correlation", arm=DROPPED, layer=layer),
        )
        for layer in layers
    }
    source = "Srivastava and others (2014), JMLR 15; Hinton and others (2012), arXiv:1207.0580"
    return (
        Claim(
            "dropout-bears-removal",
            "When half of the units of the dense hidden layers put out zero, the network trained "
            "with dropout loses less accuracy than the plain one.",
            above(loss, 0.0),
            loss.as_numbers("accuracy_lost_less"),
            Published("dropout prevents units from co-adapting", source, Sureness.REMEMBERED),
        ),
        Claim(
            "dropout-lowers-correlation",
            "With dropout the units of each dense hidden layer are less correlated than without.",
            together(*(above(each, 0.0) for each in less.values())),
            numbers_of(less, "correlation_lower in {}"),
            Published("dropout prevents units from co-adapting", source, Sureness.REMEMBERED),
            reason="Correlation may be the wrong measure of co-adaptation: units that can stand "
            "in for one that is missing say the same as it, and are correlated with it.",
        ),
    )
