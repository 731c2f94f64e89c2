"""LeNet-5 with batch normalisation, with dropout, with both."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

_MAPS = (1, 6, 16)
_UNITS = (16 * 5 * 5, 120, 84)


def regularized_lenet_5(
    classes: int = 10,
    *,
    normalizes_hidden: bool = False,
    normalizes_input: bool = False,
    input_dropout: float = 0.0,
    hidden_dropout: float = 0.0,
) -> nn.Sequential:
    """LeNet-5 for 1 x 28 x 28 images, whose layers have names: `conv1`, `norm1`, `tanh1`, ...

    Batch normalisation stands before tanh (Ioffe, Szegedy, 2015, arXiv:1502.03167), dropout before
    the next layer with weights: after the pooling of a convolution, after tanh of a dense layer.
    Without both it is `lenet_5`, weight for weight.
    """
    layers: list[tuple[str, nn.Module]] = []
    if normalizes_input:
        layers.append(("norm0", nn.BatchNorm2d(_MAPS[0])))
    if input_dropout:
        layers.append(("dropout0", nn.Dropout(input_dropout)))
    for number in range(1, 5):
        layers += _hidden(number, normalizes=normalizes_hidden, dropout=hidden_dropout)
    network = nn.Sequential()
    for name, layer in (*layers, ("dense3", nn.Linear(_UNITS[-1], classes))):
        network.add_module(name, layer)
    return network


def _hidden(number: int, *, normalizes: bool, dropout: float) -> Iterator[tuple[str, nn.Module]]:
    """Hidden layer 1 or 2, a convolution, or 3 or 4, dense."""
    is_convolution = number < len(_MAPS)
    if is_convolution:
        before, after = _MAPS[number - 1], _MAPS[number]
        yield f"conv{number}", nn.Conv2d(before, after, 5, padding=2 if number == 1 else 0)
    else:
        before, after = _UNITS[number - 3], _UNITS[number - 2]
        yield f"dense{number - 2}", nn.Linear(before, after)
    if normalizes:
        yield f"norm{number}", (nn.BatchNorm2d if is_convolution else nn.BatchNorm1d)(after)
    yield f"tanh{number}", nn.Tanh()
    if is_convolution:
        yield f"pool{number}", nn.AvgPool2d(2)
    if number == len(_MAPS) - 1:
        yield "flat", nn.Flatten()
    if dropout:
        yield f"dropout{number}", nn.Dropout(dropout)
