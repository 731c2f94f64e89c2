"""Operations that put positions together: matrix products, reductions, norms, softmax."""

from __future__ import annotations

from collections.abc import Mapping

from defib.analysis.receptive_field.applied import Applied, Handler, State, dimension
from defib.analysis.receptive_field.state import Seen, Unknown, renumbered
from defib.analysis.receptive_field.windows import channels_mixed
from defib.analysis.trace import Value


def product(applied: Applied) -> State:
    """Matrix product of the last two arguments that are tensors; a bias before them is added."""
    values = [each for each in applied.operation.arguments if isinstance(each, Value)]
    left, right = values[-2:]
    shape = applied.result_shape
    operands = [
        *_operand(applied, left, len(left.shape.dimensions) - 1, len(shape) - 1, True),
        *_operand(applied, right, len(right.shape.dimensions) - 2, len(shape) - 1, False),
    ]
    for bias in values[:-2]:
        operands += _broadcast(applied, bias, len(shape))
    return applied.added(operands, shape) if operands else None


def _operand(
    applied: Applied, value: Value, contracted: int, column: int, is_left: bool
) -> list[Seen]:
    """The operand without the dimension summed over, its others where the result has them."""
    seen = applied.state(value)
    if seen is None:
        return []
    rank = len(value.shape.dimensions)
    contracted = max(contracted, 0)
    seen = applied.without(seen, (contracted,))
    if is_left:  # (..., rows, summed): dimensions stay
        return [seen]
    last = rank - 1
    return [seen.mapped(lambda placed: renumbered(placed, lambda d: column if d == last else d))]


def vector_product(applied: Applied) -> State:
    """Matrix times vector, or two vectors."""
    operands = []
    for value in applied.operation.inputs:
        seen = applied.state(value)
        if seen is not None:
            rank = len(value.shape.dimensions)
            operands.append(applied.without(seen, (rank - 1,)))
    return applied.added(operands, applied.result_shape)


def _broadcast(applied: Applied, value: Value, rank: int) -> list[Seen]:
    seen = applied.state(value)
    if seen is None:
        return []
    shift = rank - len(value.shape.dimensions)
    return [seen.mapped(lambda placed: renumbered(placed, lambda dim: dim + shift))]


def pointwise(applied: Applied) -> State:
    """Union of all operands, position by position."""
    shape = applied.result_shape
    operands = [
        seen
        for value in applied.operation.inputs
        for seen in _broadcast(applied, value, len(shape))
    ]
    return applied.added(operands, shape) if operands else None


def overwritten(applied: Applied) -> State:
    """A copy into a tensor: what was there does not count."""
    operands = _broadcast(applied, applied.operation.arguments[1], len(applied.result_shape))
    return applied.added(operands, applied.result_shape) if operands else None


def reduction(applied: Applied) -> State:
    """Sum, mean, largest, ... over dimensions, or over everything."""
    rank = len(applied.shape)
    dims = applied.argument(1, "dim")
    if not isinstance(dims, int | list | tuple) or isinstance(dims, bool) or dims == []:
        dims = range(rank)
    dims = [dims] if isinstance(dims, int) else list(dims)
    dims = [dimension(dim, rank) for dim in dims]
    return _without(applied, dims)


def norm_reduction(applied: Applied) -> State:
    """`linalg_vector_norm`, `norm`: the order stands before the dimensions."""
    rank = len(applied.shape)
    dims = applied.argument(2, "dim") or range(rank)
    dims = [dims] if isinstance(dims, int) else dims
    return _without(applied, [dimension(dim, rank) for dim in dims])


def _without(applied: Applied, dims: list[int]) -> Seen:
    seen = applied.without(applied.first, dims)
    if len(applied.result_shape) == len(applied.shape):
        return seen
    return seen.mapped(lambda p: renumbered(p, lambda dim: dim - sum(d < dim for d in dims)))


def normalization_over_dimension(applied: Applied) -> State:
    """Softmax and the like: every result depends on all positions of the dimension."""
    dim = dimension(applied.argument(1, "dim", -1), len(applied.shape))
    return applied.without(applied.first, (dim,))


def layer_norm(applied: Applied) -> tuple[State, ...]:
    """Over the last dimensions, as many as the normalised shape has."""
    rank = len(applied.shape)
    dims = range(rank - len(applied.argument(1, "normalized_shape")), rank)
    return _repeated(applied, applied.without(applied.first, tuple(dims)))


def group_norm(applied: Applied) -> tuple[State, ...]:
    """Over all positions and the channels of a group."""
    rank = len(applied.shape)
    mixed = channels_mixed(applied, applied.first, applied.argument(6, "group"))
    return _repeated(applied, applied.without(mixed, tuple(range(2, rank))))


def batch_norm(applied: Applied) -> tuple[State, ...]:
    """Position by position; without running statistics (instance norm) over all positions."""
    seen = applied.first
    if applied.argument(3, "running_mean") is None:
        seen = applied.without(seen, (0, *range(2, len(applied.shape))))
    return _repeated(applied, seen)


def _repeated(applied: Applied, seen: Seen) -> tuple[State, ...]:
    # The further results, mean and inverse deviation, are kept for backward only.
    statistics = Unknown("statistics of a normalisation")
    return (seen,) + (statistics,) * (len(applied.operation.outputs) - 1)


PRODUCTS = (
    "mm",
    "bmm",
    "addmm",
    "baddbmm",
    "matmul",
)
REDUCTIONS = [
    "sum",
    "mean",
    "amax",
    "amin",
    "max",
    "min",
    "prod",
    "var",
    "std",
    "var_mean",
    "std_mean",
    "logsumexp",
    "any",
    "all",
    "argmax",
    "argmin",
    "nansum",
    "median",
    "aminmax",
]
OVER_DIMENSION = [
    "softmax",
    "_softmax",
    "_log_softmax",
    "log_softmax",
    "_safe_softmax",
    "cumsum",
    "cumprod",
    "logcumsumexp",
]
POINTWISE = [
    "_prelu_kernel",
    "detach",
    "clone",
    "alias",
    "_to_copy",
    "native_dropout",
    "dropout",
    "rsub",
    "hardswish",
    "lift_fresh",
    "contiguous",
    "to",
    "masked_fill",
    "where",
    "addcmul",
    "addcdiv",
    "_conj",
    "view_as_real",
    "rrelu_with_noise",
    "rrelu",
    "tril",
    "triu",
    "fmod",
    "remainder",
    "logit",
    "hardsigmoid",
]

HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(PRODUCTS, product),
    **dict.fromkeys(("mv", "dot"), vector_product),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(OVER_DIMENSION, normalization_over_dimension),
    **dict.fromkeys(POINTWISE, pointwise),
    **dict.fromkeys(("linalg_vector_norm", "norm"), norm_reduction),
    "copy_": overwritten,
    "native_layer_norm": layer_norm,
    "_fused_rms_norm": layer_norm,
    "native_group_norm": group_norm,
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "_batch_norm_no_update": batch_norm,
    "cudnn_batch_norm": batch_norm,
}
