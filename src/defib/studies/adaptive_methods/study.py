"""Which adaptive method trains a dense network on CIFAR-10 best, with L2 and with dropout?

Two hidden layers of ReLUs, batches of 128, L2 of strength 5e-4 added to the gradient; then the same
with dropout of 0.2 of the pixels and 0.5 of the hidden units as well. Methods: AdaGrad (learning
rate 1e-2), RMSProp (1e-3, ρ 0.9), RMSProp with Nesterov momentum (1e-4, ρ 0.9, μ 0.9), AdaDelta
(factor 1, ρ 0.95, ε 1e-6: the paper's), Adam (1e-3). Three methods go by the name RMSProp +
Nesterov; this is Algorithm 8.6 of Goodfellow, Bengio, Courville, whose gradient is taken at the
point that momentum leads to, and neither NAdam nor torch's `RMSprop(momentum=...)`. Training loss
means two things: over the steps of an epoch, in training mode, and on all training images in
evaluation mode. `defib derive optimizer NAME` shows the updates term by term.

Inference: torch's dropout scales what is kept while it trains. That a network with unscaled dropout
whose weights are scaled for inference is the same network is tried on every trained network, in
float64. Defaults: those of torch and of Keras side by side, and what Keras's do to AdaGrad and
AdaDelta, in torch's implementation. Times are of epochs that nobody watches.

Quick: 4,000 images of 16 x 16 (means of four pixels), hidden layers of 200 in place of 1000, 8
epochs. Full: all images of 32 x 32, 1000 units, 200 epochs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from defib.derivations.update_rules import UPDATE_RULES
from defib.records.study import Table, Value
from defib.studies.adaptive_methods.claims import claims
from defib.studies.adaptive_methods.figures import figures
from defib.studies.adaptive_methods.inference_scaling import (
    scaled_for_inference,
    with_published_dropout,
)
from defib.studies.adaptive_methods.trainings import (
    L2_ONLY,
    METHODS,
    OF_KERAS,
    REGULARISATIONS,
    WITH_DROPOUT,
    Config,
    Trained,
    seconds_per_epoch,
    trained,
)
from defib.studies.base import Study
from defib.studies.image_sets import Images, ImageScale, images_of
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table
from defib.training.in_memory import Quality, quality, scores_of
from defib.training.seeding import seed_everything

DATASET = "cifar10"
COMPARED = 1000
"""Test images on which two forms of dropout are compared."""
FORMS = ("torch", "keras", "book")

QUICK = Config(seeds=5, scale=ImageScale(4000, 1000, 16), hidden=200, epochs=8)
FULL = Config(seeds=3, scale=ImageScale(50_000, 10_000, 32, "auto"), hidden=1000, epochs=200)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = images_of(DATASET, config.scale, seed)
    found = {
        (method, regularisation): trained(
            factory, config, data, seed, has_dropout=regularisation == WITH_DROPOUT
        )
        for regularisation in REGULARISATIONS
        for method, factory in METHODS.items()
    }
    of_keras = {
        (method, L2_ONLY): trained(factory, config, data, seed, has_dropout=False)
        for method, factory in OF_KERAS.items()
    }
    with_dropout = {name: each for (name, kind), each in found.items() if kind == WITH_DROPOUT}
    return {
        "curves": _curves(found),
        "of-keras": _curves(of_keras),
        "inference": _inference(with_dropout, data, seed),
        "defaults": defaults(),
        "time": _time(config, data, seed),
        TABLE: watched_table((", ".join(name), each.rules) for name, each in found.items()),
        "watched-of-keras": watched_table(
            (name, each.rules) for (name, _), each in of_keras.items()
        ),
    }


def _curves(found: Mapping[tuple[str, str], Trained]) -> Table:
    rows = [
        (*name, number, epoch.step_loss, *_of(epoch.train), *_of(epoch.test))
        for name, each in found.items()
        for number, epoch in enumerate(each.epochs, start=1)
    ]
    values = "step_loss train_loss train_accuracy test_loss test_accuracy"
    return table("method regularisation epoch", values, rows)


def _of(found: Quality) -> tuple[float, float]:
    return found.loss, found.accuracy


def _inference(found: Mapping[str, Trained], data: Images, seed: int) -> Table:
    rows = [(method, *_compared(each.network, data, seed)) for method, each in found.items()]
    values = (
        "accuracy accuracy_scaled accuracy_unscaled difference_scaled difference_unscaled "
        "difference_in_training"
    )
    return table("method", values, rows)


def _compared(network: nn.Sequential, data: Images, seed: int) -> tuple[float, ...]:
    """Accuracies, and the largest differences from the outputs of inverted dropout, in float64."""
    images = data.validation_images[:COMPARED].double()
    labels = data.validation_labels[:COMPARED]
    inverted = copy.deepcopy(network).double()
    published = with_published_dropout(inverted)
    others = (inverted, scaled_for_inference(published), published)
    accuracies = tuple(quality(each, images, labels).accuracy for each in others)
    expected, *found = (scores_of(each, images) for each in others)
    differences = tuple(float((each - expected).abs().max()) for each in found)
    with torch.no_grad():
        noisy = []
        for each in (inverted, published):
            # The same state: the same masks.
            seed_everything(seed)
            noisy.append(each.train()(images))
    return (*accuracies, *differences, float((noisy[0] - noisy[1]).abs().max()))


def defaults() -> Table:
    """What torch, Keras and the book set if nothing is said, where the methods have a setting.

    A state that does not start at 0 is the setting `start of a`.
    """
    rows: list[tuple[Value, ...]] = []
    for method in METHODS:
        forms = UPDATE_RULES[method.lower().replace(" + ", "-")].forms
        settings = {name: form.defaults for name, form in forms.items()}
        states = {name: form.start for name, form in forms.items()}
        for setting in _names(settings):
            values = _in_each_form(settings, setting)
            rows.append((method, setting, *values, values[0] != values[1]))
        for state in _names(states):
            at = {name: {state: "0"} | dict(start) for name, start in states.items()}
            values = _in_each_form(at, state)
            rows.append((method, f"start of {state}", *values, values[0] != values[1]))
    return table("method setting", f"{' '.join(FORMS)} differ", rows)


def _names(by_form: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for of_form in by_form.values() for each in of_form))


def _in_each_form(by_form: Mapping[str, Mapping[str, str]], name: str) -> list[float | None]:
    known = [by_form.get(form, {}).get(name) for form in FORMS]
    return [None if each is None else float(each) for each in known]


def _time(config: Config, data: Images, seed: int) -> Table:
    rows = [
        (
            method,
            kind,
            seconds_per_epoch(factory, config, data, seed, has_dropout=kind == WITH_DROPOUT),
        )
        for method, factory in METHODS.items()
        for kind in REGULARISATIONS
    ]
    return table("method regularisation", "seconds_per_epoch", rows)


STUDY = Study(("C12", "C13", "C14", "C15"), QUICK, FULL, measure, claims, figures, dataset=DATASET)
