"""What `validation-optimism` claims of its tables."""

from __future__ import annotations

from itertools import pairwise

from defib.records.study import Claim, Published, StudyResult, Sureness, Table
from defib.studies.intervals import (
    above,
    always,
    below,
    difference_interval,
    mean_interval,
    numbers_of,
    together,
    within,
)
from defib.studies.silence import silence_claim
from defib.studies.validation_optimism.gaps import ARMS, EASIER, LEAK

FAIR = 0.005
"""Optimism that counts as none."""


def claims(result: StudyResult) -> tuple[Claim, ...]:
    best, gaps = result.by_seed("best"), result.by_seed("gaps")
    counts = [int(str(each)) for each in best.distinct("k")]
    sizes = [int(str(each)) for each in best.distinct("validation_images")]
    return (
        _grows(best, counts, sizes[0]),
        _shrinks(best, counts[-1], sizes),
        _one_is_fair(best, sizes),
        _less_than_independent(best, counts, sizes),
        _choosing_helps(best, counts, sizes),
        _is_above(gaps),
        _is_told(gaps),
        _is_told_by_run(gaps),
        _keeps_its_promise(gaps),
        _leak_is_named(result.by_seed("checked")),
        silence_claim(result),
    )


def _grows(best: Table, counts: list[int], size: int) -> Claim:
    found = [_optimism(best, count, size) for count in counts]
    steps = [difference_interval(b, a) for a, b in pairwise(found)]
    promised = dict(zip(counts, map(mean_interval, found), strict=True))
    return Claim(
        "grows-with-k",
        f"On {size} validation images the best of k promises the more too much, the larger k is, "
        "at every step of k.",
        together(*(above(step, 0.0) for step in steps)),
        numbers_of(promised, "best of {}"),
        Published(
            "choosing by the validation set fits that set as well",
            "problem set, part on hyper-parameters",
            Sureness.READ,
        ),
    )


def _shrinks(best: Table, count: int, sizes: list[int]) -> Claim:
    found = [_optimism(best, count, size) for size in sizes]
    steps = [difference_interval(a, b) for a, b in pairwise(found)]
    promised = dict(zip(sizes, map(mean_interval, found), strict=True))
    return Claim(
        "shrinks-with-size",
        f"The best of {count} promises the less too much, the larger the validation set is, at "
        "every step of its size.",
        together(*(above(step, 0.0) for step in steps)),
        numbers_of(promised, "{} images"),
    )


def _one_is_fair(best: Table, sizes: list[int]) -> Claim:
    found = {size: mean_interval(_optimism(best, 1, size)) for size in sizes[1:]}
    return Claim(
        "one-is-fair",
        "A single network, chosen by nothing, keeps what its validation accuracy promises, to "
        f"{FAIR}, with {sizes[1]} images and more.",
        together(*(within(each, -FAIR, FAIR) for each in found.values())),
        numbers_of(found, "{} images"),
    )


def _less_than_independent(best: Table, counts: list[int], sizes: list[int]) -> Claim:
    found = {
        size: difference_interval(
            _optimism(best, counts[-1], size),
            best.numbers("independent", k=counts[-1], validation_images=size),
        )
        for size in sizes
    }
    return Claim(
        "less-than-independent",
        f"The best of {counts[-1]} promises less too much than if the networks were equally good "
        "and erred independently: they err on the same images, and some are better.",
        together(*(below(each, 0.0) for each in found.values())),
        numbers_of(found, "{} images"),
    )


def _choosing_helps(best: Table, counts: list[int], sizes: list[int]) -> Claim:
    where = {"k": counts[-1], "validation_images": sizes[-1]}
    gain = difference_interval(best.numbers("fresh", **where), best.numbers("typical", **where))
    return Claim(
        "choosing-helps-all-the-same",
        f"On fresh images the best of {counts[-1]} on {sizes[-1]} validation images is better "
        "than a typical one of them.",
        above(gain, 0.0),
        gain.as_numbers("accuracy_gained"),
    )


def _optimism(best: Table, count: int, size: int) -> tuple[float, ...]:
    return best.numbers("optimism", k=count, validation_images=size)


def _is_above(gaps: Table) -> Claim:
    found = {name: mean_interval(gaps.numbers("above", reason=name)) for name in ARMS}
    return Claim(
        "above-for-five-reasons",
        "The validation accuracy lies above the training accuracy in each of the five trainings "
        "that are meant to show it, and below it in the sixth.",
        together(
            *(
                above(found[n], 0.0) if arm.is_above else below(found[n], 0.0)
                for n, arm in ARMS.items()
            )
        ),
        numbers_of(found),
        Published(
            "validation accuracy above training accuracy: what is going on?",
            "exam, question on training; no answer published",
            Sureness.READ,
        ),
    )


def _is_told(gaps: Table) -> Claim:
    told = gaps.numbers("is_told")
    return Claim(
        "reasons-are-told-apart",
        "The largest of the three parts of the difference, with the share of copies, names the "
        "reason in every training.",
        always(each == 1 for each in told),
        {"told": sum(told), "of": len(told)},
    )


def _is_told_by_run(gaps: Table) -> Claim:
    told = {name: gaps.numbers("is_told_by_run", reason=name) for name in ARMS}
    every = [each for numbers in told.values() for each in numbers]
    return Claim(
        "defib-run-tells-the-reasons-apart",
        "`defib run` gives the reason in every training: layers that act in training only with "
        "dropout and with batch normalisation, easier examples, a leak; and it gives none where "
        "the validation accuracy is not above, or only beside a mean over the epoch.",
        always(each == 1 for each in every),
        {name: sum(numbers) for name, numbers in told.items()} | {"of": len(every)},
    )


def _keeps_its_promise(gaps: Table) -> Claim:
    excess = {
        name: difference_interval(
            gaps.numbers("validation", reason=name), gaps.numbers("fresh", reason=name)
        )
        for name in ARMS
    }
    return Claim(
        "two-reasons-deceive",
        "With easier validation images and with a leak the validation accuracy is more than 0.03 "
        "above that on fresh images; for the other reasons it is less than 0.03 above.",
        together(
            *(
                above(each, 0.03) if n in (EASIER, LEAK) else below(each, 0.03)
                for n, each in excess.items()
            )
        ),
        numbers_of(excess),
    )


def _leak_is_named(checked: Table) -> Claim:
    # Without an answer there where `defib check` had no time to compare the sets.
    leaks, others = (
        [bool(each) for each in checked.where(reason=name).column("is_named") if each is not None]
        for name in (LEAK, EASIER)
    )
    return Claim(
        "defib-names-the-leak",
        "`defib check` names the copies on both sides of the split before every training that "
        "has them, and before none with easier validation images.",
        together(always(leaks), always(not each for each in others)),
        {"named": sum(leaks), "of": len(leaks), "false_alarms": sum(others)},
    )
