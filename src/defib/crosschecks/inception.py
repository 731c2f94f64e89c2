"""Both Inception modules, by what `defib inspect` counts in torch's layers."""

from __future__ import annotations

from collections.abc import Iterator

from defib.analysis.inspection import inspect
from defib.derivations.comparison import compare
from defib.derivations.inception import NAIVE, REDUCED, Inception, channels, operations
from defib.derivations.reading import sizes
from defib.networks.inception import InceptionChannels, inception, naive_inception
from defib.records.derivation import Check, Derivation


def checks(problem: Inception, derivation: Derivation) -> Iterator[Check]:
    """Operations and output size of both modules."""
    del derivation
    height, width, depth = sizes(problem.input, "--input", (3,))
    naive = naive_inception(
        depth,
        pointwise=problem.pointwise,
        convolution_3x3=problem.three,
        convolution_5x5=problem.five,
    )
    reduced = inception(
        depth,
        InceptionChannels(
            problem.pointwise,
            problem.reduce_three,
            problem.three,
            problem.reduce_five,
            problem.five,
            problem.project,
        ),
    )
    pairs = []
    for name, network in ((NAIVE, naive), (REDUCED, reduced)):
        architecture = inspect(network.to("meta"), (1, depth, height, width))
        macs = sum(layer.macs.value for layer in architecture.layers)
        pairs.append((operations(problem.modules[name]), macs))
        pairs += zip(
            (1, channels(problem.modules[name]), height, width),
            architecture.outputs[0].dimensions,
            strict=True,
        )
    yield compare("defib inspect", "operations and output size of both modules", pairs)
