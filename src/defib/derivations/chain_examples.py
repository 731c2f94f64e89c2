"""Chains that have a name: networks of the exercises and of the literature."""

from __future__ import annotations

from collections.abc import Mapping

from defib.errors import UnknownNameError, UsageError

CHAINS: Mapping[str, tuple[str, str]] = {
    "screenshots": (
        "45x45x3",
        "conv 5 out 100 stride 2, relu, conv 5 out 100 stride 2, relu, conv 5 out 100 stride 2, "
        "relu, flatten, linear 1",
    ),
    "small-classifier": (
        "9x9x1",
        "conv 3 out 10 pad 1, relu, maxpool 3 stride 3, conv 3 out 30 pad 1, relu, "
        "maxpool 3 stride 1, flatten, linear 20, relu, linear 10, softmax",
    ),
    "single-convolution": ("32x32x3", "conv 5 out 8"),
    "alexnet": (
        "227x227x3",
        "conv 11 out 96 stride 4, relu, lrn, maxpool 3 stride 2, "
        "conv 5 out 256 pad 2 groups 2, relu, lrn, maxpool 3 stride 2, "
        "conv 3 out 384 pad 1, relu, conv 3 out 384 pad 1 groups 2, relu, "
        "conv 3 out 256 pad 1 groups 2, relu, maxpool 3 stride 2, flatten, "
        "linear 4096, relu, dropout, linear 4096, relu, dropout, linear 1000",
    ),
    "vgg19": (
        "224x224x3",
        ", maxpool 2, ".join(
            ", ".join(f"conv 3 out {channels} pad 1, relu" for _ in range(count))
            for channels, count in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
        )
        + ", maxpool 2, flatten, linear 4096, relu, dropout, linear 4096, relu, dropout, "
        "linear 1000",
    ),
    "lenet5": (
        "32x32x1",
        "conv 5 out 6, tanh, avgpool 2, conv 5 out 16, tanh, avgpool 2, conv 5 out 120, tanh, "
        "flatten, linear 84, tanh, linear 10",
    ),
}
"""Name -> input and layers."""


def chain_of(example: str, given_input: str, layers: str) -> tuple[str, str]:
    """Input and layers: those of an example, or those that were given. Raises `UsageError`."""
    if example and layers:
        raise UsageError("Expected either --example or --layers, got both.")
    if example:
        if example not in CHAINS:
            advice = f"Known are {', '.join(CHAINS)}."
            raise UnknownNameError("example", example, CHAINS, advice=advice)
        size, chain = CHAINS[example]
        return given_input or size, chain
    if not layers or not given_input:
        raise UsageError(
            "Expected --input and --layers, for instance `--input 9x9x1 --layers "
            f"'conv 3 out 10 pad 1, relu, maxpool 3'`, or --example {'|'.join(CHAINS)}."
        )
    return given_input, layers
