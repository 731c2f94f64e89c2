"""A proof as the page shows it: each fix with its effect, its curves and its trials."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from defib.records.trial import PairedComparison, Proof, TrialResult, Verdict
from defib.report.figures.kind import Picture
from defib.report.figures.paired_curves import paired_curves
from defib.report.proof_text import (
    answer_in_words,
    diff_lines,
    effect_in_words,
    effort_in_words,
    ranked,
)
from defib.report.quantities import number, percent

MOST_PICTURES = 4


@final
@dataclass(frozen=True)
class ComparisonView:
    """One fix. `inside` are quantities of the network with their values before and after."""

    fix: str
    rule: str
    verdict: str
    style: str
    effect: str
    reason: str
    change: str
    diff: tuple[str, ...]
    picture: Picture | None
    inside: tuple[tuple[str, str, str], ...]
    command: str


@final
@dataclass(frozen=True)
class ProofView:
    """`answer` says what the confirmed fixes do, and is empty where there is none."""

    answer: str
    comparisons: tuple[ComparisonView, ...]
    effort: str
    seconds: float
    notes: tuple[str, ...]


_STYLES = {Verdict.CONFIRMED: "healthy", Verdict.HARMFUL: "error"}


def view_of(proof: Proof) -> ProofView:
    """What the page shows of `proof`."""
    comparisons = ranked(proof)
    return ProofView(
        answer_in_words(proof) if proof.answer else "",
        tuple(_comparison_view(each, proof, place) for place, each in enumerate(comparisons)),
        effort_in_words(proof),
        proof.seconds,
        proof.notes,
    )


def _comparison_view(comparison: PairedComparison, proof: Proof, place: int) -> ComparisonView:
    after = _results(proof, (*comparison.base, comparison.fix), comparison)
    # The shorter side of a longer training was read off it.
    is_longer = any(each.trial.steps > proof.steps for each in after)
    every = _results(proof, comparison.base, comparison)
    before = [each for each in every if each.is_part is is_longer]
    is_shown = place < MOST_PICTURES and comparison.pairs > 1 and before and after
    return ComparisonView(
        fix=comparison.fix,
        rule=comparison.rule,
        verdict=comparison.verdict.value,
        style=_STYLES.get(comparison.verdict, "warning"),
        # A line may end at a hyphen.
        effect=effect_in_words(comparison).replace("->", "→"),
        reason=comparison.reason,
        change=comparison.change,
        diff=tuple(diff_lines(comparison.edit)) if comparison.edit else (),
        picture=paired_curves(before, after, comparison) if is_shown else None,
        inside=_inside(before, after),
        command=shlex.join(["defib", *after[0].trial.command]) if after else "",
    )


def _results(
    proof: Proof, fixes: tuple[str, ...], comparison: PairedComparison
) -> list[TrialResult]:
    seeds = range(comparison.first_seed, comparison.first_seed + comparison.pairs)
    return [e for e in proof.results if e.trial.fixes == fixes and e.trial.seed in seeds]


def _inside(
    before: Sequence[TrialResult], after: Sequence[TrialResult]
) -> tuple[tuple[str, str, str], ...]:
    """Dead units and the fall of the gradient over depth, where both were measured."""
    rows = []
    for name, field, words in (
        ("dead units, largest share of a layer", "dead_units", percent),
        ("gradient norm, first layer over last", "gradient_ratio", number),
        ("accuracy in training", "accuracy", percent),
        ("evaluation loss", "evaluation_loss", number),
        ("evaluation accuracy", "evaluation_accuracy", percent),
        ("balanced evaluation accuracy", "evaluation_balanced_accuracy", percent),
    ):
        values = [_mean([getattr(each, field) for each in group]) for group in (before, after)]
        if all(math.isfinite(each) for each in values):
            rows.append((name, words(values[0]), words(values[1])))
    return tuple(rows)


def _mean(values: Sequence[float]) -> float:
    known = [each for each in values if math.isfinite(each)]
    return sum(known) / len(known) if known else float("nan")
