"""What a layer would weigh if it were fully connected."""

from __future__ import annotations

from math import prod

from defib.analysis.functions.arguments import has_tensor_options, sizes
from defib.analysis.functions.convolutions import SLIDING, TRANSPOSED, convolution_of
from defib.analysis.operators.cost import product
from defib.analysis.sizes.axes import axis_names
from defib.analysis.trace import FunctionCall
from defib.records.expression import Expression, Integer, Product


def dense_equivalent(call: FunctionCall) -> Expression | None:
    """Weights of a fully connected layer between the same activations of one example.

    (3·45·45)·(100·21·21) for a convolution from 3 x 45 x 45 to 100 x 21 x 21. `None` for
    functions that are no convolution and not `linear`.
    """
    if call.name == "linear":
        given, weight = sizes(call, 0, "input"), sizes(call, 1, "weight")
        outputs = weight[:1] if len(weight) > 1 else (1,)
        before = given[1:] if len(given) > 1 else given
        after = (*given[1:-1], *outputs)
    elif call.name in (*SLIDING, *TRANSPOSED) and not has_tensor_options(call, tensors=3):
        convolution = convolution_of(call)
        axes = len(convolution.output)
        before = sizes(call, 0, "input")[-axes - 1 :]
        after = (convolution.output_channels, *convolution.output)
    else:
        return None
    return Product((_elements(before, "input"), _elements(after, "output")))


def _elements(dimensions: tuple[int, ...], side: str) -> Expression:
    names = axis_names(len(dimensions) + 1)
    if prod(dimensions) == 1:
        return Integer(1, f"{side} {names[0]}")
    pairs = zip(dimensions, names, strict=True)
    return product(*(Integer(size, f"{side} {name}") for size, name in pairs if size != 1))
