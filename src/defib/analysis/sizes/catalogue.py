"""Which torch functions have a formula for their output sizes."""

from __future__ import annotations

from collections.abc import Callable

from defib.analysis.functions.arguments import has_tensor_options
from defib.analysis.functions.convolutions import SLIDING, TRANSPOSED
from defib.analysis.sizes.reshaping import (
    concatenation_sizes,
    flatten_sizes,
    linear_sizes,
    padding_sizes,
    scaling_sizes,
)
from defib.analysis.sizes.windows import adaptive_pooling_sizes, convolution_sizes, pooling_sizes
from defib.analysis.trace import FunctionCall
from defib.records.architecture import OutputSize

Sizes = tuple[OutputSize, ...]

_POOLINGS = tuple(f"{kind}_pool{axes}d" for kind in ("max", "avg") for axes in (1, 2, 3))
_WITH_INDICES = tuple(f"max_pool{axes}d_with_indices" for axes in (1, 2, 3))
FORMULAS: dict[str, Callable[[FunctionCall], Sizes]] = {
    **dict.fromkeys((*SLIDING, *TRANSPOSED), convolution_sizes),
    **dict.fromkeys((*_POOLINGS, *_WITH_INDICES), pooling_sizes),
    **dict.fromkeys((f"adaptive_{each}" for each in _POOLINGS), adaptive_pooling_sizes),
    **dict.fromkeys((f"adaptive_{each}" for each in _WITH_INDICES), adaptive_pooling_sizes),
    **dict.fromkeys(("cat", "concat", "concatenate"), concatenation_sizes),
    "interpolate": scaling_sizes,
    "linear": linear_sizes,
    "pad": padding_sizes,
}
_FLATTENING = frozenset({"flatten", "view", "reshape"})


def written_sizes(call: FunctionCall, output: tuple[int, ...]) -> Sizes:
    """Sizes of the `output` of a function as arithmetic on its input; empty without formula.

    The batch is left out. What does not give the sizes of `output` is no formula for it.
    """
    if call.name in _FLATTENING:
        return flatten_sizes(call, output)
    formula = FORMULAS.get(call.name)
    has_weights = formula in (convolution_sizes, linear_sizes)
    if formula is not concatenation_sizes and has_tensor_options(call, 3 if has_weights else 1):
        return ()
    found = formula(call) if formula is not None else ()
    given = tuple(each.expression.value for each in found)
    return found if given and given == output[-len(given) :] else ()
