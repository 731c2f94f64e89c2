"""What the study `normalisation-and-dropout` decides on shifts of mean and variance."""

from __future__ import annotations

from collections.abc import Callable

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.intervals import (
    Interval,
    above,
    below,
    difference_interval,
    mean_interval,
    numbers_of,
    ratio_interval,
    together,
    within,
)
from defib.studies.normalisation_and_dropout.arms import BOTH, INPUT_TOO, NORMALIZED, PLAIN

LAW_TOLERANCE = 0.02
"""Relative; what the noise of one draw of dropout leaves open with 1000 images."""
LI = "Li and others (2018), arXiv:1801.05134"


def covariate_shift_claims(result: StudyResult) -> tuple[Claim, ...]:
    """Whether batch normalisation keeps the inputs of later layers in place."""
    drift = result.by_seed("drift")
    layers = tuple(str(each) for each in drift.distinct("layer"))

    def ratios(chosen: Callable[[int], bool]) -> dict[str, Interval]:
        return {
            layer: ratio_interval(
                *(_path(drift, arm, layer, chosen) for arm in (NORMALIZED, PLAIN))
            )
            for layer in layers
        }

    first, later = ratios(lambda epoch: epoch == 1), ratios(lambda epoch: epoch > 1)
    return (
        Claim(
            "less-shift-in-the-first-epoch",
            "In the first epoch the input of every later layer moves less with batch "
            "normalisation than without.",
            together(*(below(each, 1.0) for each in first.values())),
            numbers_of(first, "times_the_plain_shift in {}"),
            Published(
                "batch normalisation reduces internal covariate shift",
                "Ioffe, Szegedy (2015), arXiv:1502.03167",
                Sureness.REMEMBERED,
            ),
        ),
        Claim(
            "less-shift-afterwards",
            "In all later epochs together it moves less, too, in every later layer.",
            together(*(below(each, 1.0) for each in later.values())),
            numbers_of(later, "times_the_plain_shift in {}"),
            Published(
                "networks with batch normalisation need not have less internal covariate shift",
                "Santurkar and others (2018), arXiv:1805.11604, by another measure",
                Sureness.REMEMBERED,
            ),
            reason="Behind a dense layer they do. Batch normalisation of maps holds mean and "
            "deviation of a map over all its places, but the first dense layer takes each place "
            "as an input of its own, and those go on moving as the network learns on.",
        ),
    )


def _path(drift: Table, arm: str, layer: str, chosen: Callable[[int], bool]) -> list[float]:
    """Sum over the chosen epochs, of each seed."""
    epochs = [epoch for epoch in map(int, map(str, drift.distinct("epoch"))) if chosen(epoch)]
    by_epoch = [drift.numbers("drift", arm=arm, layer=layer, epoch=epoch) for epoch in epochs]
    return [sum(each) for each in zip(*by_epoch, strict=True)]


def variance_claims(result: StudyResult) -> tuple[Claim, ...]:
    """What dropout does to the batch normalisation behind it."""
    variance, anew = result.by_seed("variance"), result.by_seed("anew")
    layers = tuple(str(each) for each in variance.distinct("layer"))

    def ratio(layer: str, column: str, arm: str, other: str) -> Interval:
        return ratio_interval(
            variance.numbers(column, arm=BOTH, layer=layer),
            variance.numbers(other, arm=arm, layer=layer),
        )

    shifts = {each: ratio(each, "remembered", INPUT_TOO, "remembered") for each in layers}
    laws = {each: ratio(each, "own_noise", BOTH, "predicted") for each in layers}
    saved = {arm: _loss_saved(anew, arm) for arm in (BOTH, INPUT_TOO)}
    more = difference_interval(saved[BOTH], saved[INPUT_TOO])
    return (
        Claim(
            "noise-of-dropout",
            "Dropout right before a layer raises the variance of its outputs by "
            f"(1 − p)/p·Σ w²·E[x²], to {LAW_TOLERANCE:.0%} of the ratio.",
            together(
                *(within(each, 1 - LAW_TOLERANCE, 1 + LAW_TOLERANCE) for each in laws.values())
            ),
            numbers_of(laws, "measured_over_predicted in {}"),
            Published("exact for independent masks", LI, Sureness.DERIVED),
        ),
        Claim(
            "variance-shift",
            "With dropout before it, every batch normalisation gets less variance in evaluation, "
            "of that which it remembers, than without dropout.",
            together(*(below(each, 1.0) for each in shifts.values())),
            numbers_of(shifts, "times_that_without_dropout in {}"),
            Published("the variance shifts behind dropout", LI, Sureness.READ_SECOND_HAND),
            reason="In the first layers it does. Deeper, the noise of the earlier dropouts, "
            "through tanh, makes the signal itself smaller in training; in evaluation it grows "
            "back, and outweighs the variance of the nearest dropout's noise.",
        ),
        Claim(
            "statistics-anew-help",
            "Statistics estimated anew without dropout lower the test loss of the network with "
            "both by more than that of the network without dropout.",
            above(more, 0.0),
            more.as_numbers("loss_saved_more")
            | mean_interval(saved[BOTH]).as_numbers("loss_saved_with_both"),
            Published(
                "adjusting the statistics after the training helps networks with both",
                LI,
                Sureness.REMEMBERED,
            ),
        ),
    )


def _loss_saved(anew: Table, arm: str) -> list[float]:
    before, after = (anew.numbers(each, arm=arm) for each in ("loss", "loss_anew"))
    return [left - right for left, right in zip(before, after, strict=True)]
