"""Why an evaluation is better than the training it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from defib.records.run import MODE_EVENT, RunRecord
from defib.records.series import Series
from defib.rules.data.evaluation_on_training_examples import EvaluationOnTrainingExamples
from defib.rules.data.shared_examples import SharedExamples, shared_examples
from defib.rules.generalization.evaluation import Generalization, level

KNOWN, CLASSES, LAYERS, EASIER = (
    "known examples",
    "other classes",
    "layers of the training",
    "easier examples",
)
"""The reasons, as the finding's evidence names them."""

OTHER_CLASSES = 0.1
"""Share of the examples that would have to change their class for the mix of the training: the
random halves of the corpus differ by less than 0.08 (200 examples of 10 classes)."""
LARGEST_PART = 0.5
"""Share of the gain in accuracy that the mix of classes has to make, to be the reason."""

LATEST = 20
"""Batches of which it is known how often each class was recognised: one alone has few of each."""


@final
@dataclass(frozen=True)
class Reason:
    """`name` is one of the reasons above; `message` is what was measured, in a sentence."""

    name: str
    message: str
    remedy: str
    evidence: Mapping[str, float] = field(default_factory=dict)


def reason_of(run: RunRecord, seen: Generalization) -> Reason:
    """The reason of what was seen at a place, the surest first."""
    shared = {each.place: each for each in shared_examples(run)}.get(seen.place)
    kinds = _kinds_by_mode(run)
    known = _known(shared)
    mix = _mix(run, seen.place)
    classes = _classes(mix, seen)
    if known is not None:
        return known
    if classes is not None:
        return classes
    if kinds:
        return Reason(
            LAYERS,
            f"With {kinds} the network is another one in training.{_none_shared(shared)}",
            "Compare both losses in evaluation mode. Where the gap stays, the evaluation data are "
            "easier.",
        )
    return Reason(
        EASIER,
        "No module for dropout or batch normalisation was seen. Suspected: the evaluation data "
        f"are easier{'' if _is_new(shared) else ', or known from the training'}."
        f"{_none_shared(shared)} {_moved(mix)}".rstrip(),
        "Look at how the data were split"
        + ("." if _is_new(shared) else "; `defib check` looks for examples that both sets have."),
    )


def _known(shared: SharedExamples | None) -> Reason | None:
    """Examples of the training among those of the evaluation."""
    if shared is None or not EvaluationOnTrainingExamples().is_shared(shared):
        return None
    return Reason(
        KNOWN,
        f"{shared.found:,.0f} of {shared.compared:,.0f} examples of the evaluation are known from "
        "the training.",
        "Remove them from one of the two sets.",
        {"shared_examples": shared.share},
    )


def _is_new(shared: SharedExamples | None) -> bool:
    """Whether the examples of the evaluation are known to be none of the training's."""
    # Without a coverage nothing of the training came twice: it may be augmented each time.
    if shared is None or shared.coverage != shared.coverage:
        return False
    return shared.found <= shared.by_chance


def _none_shared(shared: SharedExamples | None) -> str:
    if shared is None or not _is_new(shared):
        return ""
    found = f"{shared.found:,.0f}" if shared.found else "None"
    return (
        f" {found} of {shared.compared:,.0f} examples of the evaluation "
        f"{'is' if shared.found <= 1 else 'are'} among the {shared.training:,.0f} known of the "
        "training."
    )


@final
@dataclass(frozen=True)
class _Mix:
    """The classes of an evaluation beside the training's; all in [0, 1]."""

    moved: float
    """Share of the evaluation's examples that would need another class for the training's mix."""
    accuracy: float
    """Of the training."""
    of_its_mix: float
    """Of the training, had it the mix of the evaluation."""


def _mix(run: RunRecord, place: str) -> _Mix | None:
    """`None` where the classes were not counted on both sides."""
    mix = _mix_of_evaluation(run, place)
    counted, recognized = _counts(run, "label_count"), _counts(run, "label_recognized")
    if not mix.sum() or not len(mix) == len(counted) == len(recognized):
        return None
    if not counted.sum() or (counted[mix > 0] == 0).any():
        return None
    share, own = mix / mix.sum(), counted / counted.sum()
    rates = recognized / np.maximum(counted, 1)
    return _Mix(float(np.abs(share - own).sum() / 2), float(own @ rates), float(share @ rates))


def _classes(mix: _Mix | None, seen: Generalization) -> Reason | None:
    """Classes that the training recognises more often, and that the evaluation has more of."""
    if mix is None or not seen.accuracies or mix.moved <= OTHER_CLASSES:
        return None
    gap = level(seen.accuracies) - mix.accuracy
    if gap <= 0 or mix.of_its_mix - mix.accuracy < LARGEST_PART * gap:
        return None
    return Reason(
        CLASSES,
        f"{_moved(mix)} With its own mix the training would recognise {mix.of_its_mix:.0%}, and "
        f"not {mix.accuracy:.0%}: its classes are easier.",
        "Split at random, or with the same share of each class in both parts.",
        {
            "examples_of_other_classes": mix.moved,
            "training_accuracy": mix.accuracy,
            "training_accuracy_with_its_mix": mix.of_its_mix,
        },
    )


def _moved(mix: _Mix | None) -> str:
    if mix is None or mix.moved <= OTHER_CLASSES:
        return ""
    return f"{mix.moved:.0%} of its examples would need another class for the training's mix."


def _mix_of_evaluation(run: RunRecord, place: str) -> np.ndarray:
    """How often each class occurs there, by its number."""
    known = run.of("evaluation_label_count")
    found = {
        int(label): series.last
        for label, _, where in (subject.partition(" at ") for subject in known)
        if where == place and (series := known[f"{label} at {where}"])
    }
    return np.array([found.get(label, 0.0) for label in range(len(found))])


def _counts(run: RunRecord, metric: str) -> np.ndarray:
    """Sums over the latest batches for each class, by its number."""
    series = run.of(metric)
    return np.array(
        [
            _latest(run, series[str(label)]) if str(label) in series else 0.0
            for label in range(len(series))
        ]
    )


def _latest(run: RunRecord, series: Series) -> float:
    """The sum over the second half of the run, and over `LATEST` batches at least."""
    late = series.between(run.steps // 2, run.steps).values
    return float((late if len(late) >= LATEST else series.values[-LATEST:]).sum())


def _kinds_by_mode(run: RunRecord) -> str:
    """Kinds of the modules that act otherwise in evaluation: `Dropout, BatchNorm1d`."""
    found = [event for event in run.events if event.kind == MODE_EVENT]
    return str(found[0].detail["kinds"]) if found else ""
