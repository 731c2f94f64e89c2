"""What do batch normalisation and dropout each do to LeNet-5 on MNIST, and what do both together?

Five arms of LeNet-5 (tanh, average pooling; Adam, learning rate 1e-3) with the same first weights:
plain; batch normalisation in the four hidden layers, with standardised images; batch normalisation
of the images too; dropout of 0.2 of the pixels and of 0.5 of the outputs of every hidden layer;
both. Batch normalisation stands before tanh, dropout before the next layer with weights. Loss and
accuracy are measured in evaluation mode, on (a part of) the training and on the test images. Batch
normalisation of the images takes out their scale and offset itself, so that the third arm gets the
standardised ones as well.

Co-adaptation: mean absolute correlation between the units of a dense hidden layer, and the accuracy
when a share of these units puts out zero. Internal covariate shift: how far mean and deviation of a
layer's input move in an epoch, in standard deviations. Variance shift: the variance of batch
normalisation's input in evaluation over that which it remembers of the training; and the accuracy
after its statistics are estimated anew without dropout.

Quick: 2,000 images, 1,000 for the test, 5 epochs in batches of 32. Full: all images, 20 epochs in
batches of 128.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from defib.records.study import Table
from defib.studies.base import Study
from defib.studies.image_sets import Images, ImageScale, images_of
from defib.studies.normalisation_and_dropout.arms import (
    ARMS,
    BOTH,
    INPUT_TOO,
    WITH_NORM,
    Config,
    Trained,
    trained,
)
from defib.studies.normalisation_and_dropout.claims import claims
from defib.studies.normalisation_and_dropout.co_adaptation import accuracy_without, unit_correlation
from defib.studies.normalisation_and_dropout.covariate_shift import drift, input_spreads
from defib.studies.normalisation_and_dropout.figures import figures
from defib.studies.normalisation_and_dropout.layer_features import features_by_layer
from defib.studies.normalisation_and_dropout.variance_shift import reestimate, variance_shifts
from defib.studies.silence import TABLE, watched_table
from defib.studies.tables import table
from defib.training.seeding import seed_everything

DATASET = "mnist"
UNITS = {"tanh3": "dense1", "tanh4": "dense2"}
"""The outputs of the dense hidden layers."""
REMOVED = (0.0, 0.25, 0.5, 0.75)
"""Shares of their units."""
DRAWS = 10
"""Of the units to be removed."""

QUICK = Config(seeds=4, scale=ImageScale(2000, 1000, 28), epochs=5, batch_size=32)
FULL = Config(
    seeds=5,
    scale=ImageScale(60_000, 10_000, 28, "auto"),
    epochs=20,
    batch_size=128,
    probe_images=4000,
)


def measure(config: Config, seed: int) -> Mapping[str, Table]:
    data = images_of(DATASET, config.scale, seed)
    arms = {arm: trained(arm, config, data, seed) for arm in ARMS}
    probe = Images(
        *(each[: config.probe_images] for each in (data.images, data.labels)),
        *(each[: config.probe_images] for each in (data.validation_images, data.validation_labels)),
    )
    return {
        "curves": _curves(arms),
        "differences": _differences(arms),
        "parameters": _parameters(arms),
        "channels": _channels(arms),
        "correlation": _correlation(arms, probe),
        "removal": _removal(arms, probe, seed),
        "drift": _drift(arms, probe),
        "variance": _variance(arms, probe, seed),
        "anew": _anew(arms, data, probe),
        TABLE: watched_table((arm, each.rules) for arm, each in arms.items()),
    }


Arms = Mapping[str, Trained]


def _curves(arms: Arms) -> Table:
    rows = [
        (arm, epoch, train.loss, train.accuracy, test.loss, test.accuracy)
        for arm, each in arms.items()
        for epoch, (train, test) in enumerate(zip(each.train, each.test, strict=True), start=1)
    ]
    return table("arm epoch", "train_loss train_accuracy test_loss test_accuracy", rows)


def _differences(arms: Arms) -> Table:
    """Between any two arms at the end, the later less the earlier."""
    rows = [
        (
            f"{later} − {earlier}",
            arms[later].test[-1].accuracy - arms[earlier].test[-1].accuracy,
            arms[later].test[-1].loss - arms[earlier].test[-1].loss,
        )
        for earlier, later in combinations(arms, 2)
    ]
    return table("pair", "test_accuracy test_loss", rows)


def _norms(arms: Arms) -> Iterator[tuple[str, str, torch.Tensor, torch.Tensor]]:
    """Arm, layer, γ and β of each batch normalisation."""
    for arm in WITH_NORM:
        for name, layer in arms[arm].network.named_children():
            if isinstance(layer, _BatchNorm):
                number = name.removeprefix("norm")
                place = "images" if number == "0" else f"hidden {number}"
                yield arm, place, layer.weight.detach().cpu(), layer.bias.detach().cpu()


def _parameters(arms: Arms) -> Table:
    rows = [
        (arm, layer, len(gamma), *_summary(gamma), *_summary(beta))
        for arm, layer, gamma, beta in _norms(arms)
    ]
    parts = ("mean", "deviation", "least", "greatest")
    values = (f"{each}_{part}" for each in ("gamma", "beta") for part in parts)
    return table("arm layer", f"channels {' '.join(values)}", rows)


def _summary(values: torch.Tensor) -> tuple[float, ...]:
    spread = values.std(correction=0)
    return tuple(float(each) for each in (values.mean(), spread, values.min(), values.max()))


def _channels(arms: Arms) -> Table:
    rows = [
        (arm, layer, channel, *pair)
        for arm, layer, gamma, beta in _norms(arms)
        for channel, pair in enumerate(zip(gamma.tolist(), beta.tolist(), strict=True))
    ]
    return table("arm layer channel", "gamma beta", rows)


def _correlation(arms: Arms, probe: Images) -> Table:
    rows = []
    for arm, each in arms.items():
        features = features_by_layer(each.network.eval(), probe.validation_images)
        rows += [(arm, UNITS[name], unit_correlation(features[name])) for name in UNITS]
    return table("arm layer", "correlation", rows)


def _removal(arms: Arms, probe: Images, seed: int) -> Table:
    images, labels = probe.validation_images, probe.validation_labels
    rows = []
    for arm, each in arms.items():
        for share in REMOVED:
            generator = torch.Generator().manual_seed(seed)
            found = [
                accuracy_without(
                    each.network, images, labels, dict.fromkeys(UNITS, share), generator=generator
                )
                for _ in range(DRAWS if share else 1)
            ]
            rows.append((arm, share, sum(found) / len(found)))
    return table("arm removed", "accuracy", rows)


def _drift(arms: Arms, probe: Images) -> Table:
    rows = []
    for arm, each in arms.items():
        before = input_spreads(each.at(0), probe.images)
        for epoch in range(1, len(each.states)):
            after = input_spreads(each.at(epoch), probe.images)
            # The images themselves do not move: the first layer is left out.
            rows += [
                (arm, layer, epoch, drift(before[layer], after[layer])) for layer in list(after)[1:]
            ]
            before = after
    return table("arm layer epoch", "drift", rows)


def _variance(arms: Arms, probe: Images, seed: int) -> Table:
    seed_everything(seed)
    rows = []
    for arm in (INPUT_TOO, BOTH):
        for shift in variance_shifts(arms[arm].network, probe.images):
            place = f"hidden {shift.layer.removeprefix('norm')}"
            rows.append((arm, place, shift.remembered, shift.own_noise, shift.predicted))
    return table("arm layer", "remembered own_noise predicted", rows)


def _anew(arms: Arms, data: Images, probe: Images) -> Table:
    rows = []
    for arm in (INPUT_TOO, BOTH):
        network = arms[arm].at(-1)
        reestimate(network, probe.images)
        anew, before = data.quality(network), arms[arm].test[-1]
        rows.append((arm, before.accuracy, anew.accuracy, before.loss, anew.loss))
    return table("arm", "accuracy accuracy_anew loss loss_anew", rows)


STUDY = Study(
    ("C4", "C5", "C6", "C7", "C8"), QUICK, FULL, measure, claims, figures, dataset=DATASET
)
