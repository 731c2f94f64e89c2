"""Exponential and its relatives, for all lanes at once, within a few units in the last place.

Argument reduction x = n ln 2 + r with |r| <= ln(2)/2, then the Taylor series in r, long enough for
the rounding of the precision at hand; only correctly rounded operations (fma, division), so
that every processor computes the same bits. NaN stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from defib.ensemble.kernel.code import Code, Value

_EXPONENTIAL_DEGREE = {32: 8, 64: 14}
"""|r|^(d+1) / (d+1)! is below half a unit in the last place: 2e-10 and 1e-19."""
_LOGARITHM_TERMS = {32: 9, 64: 18}
"""(1/9)^t / (2t+1) is below half a unit in the last place: 1e-10 and 2e-19."""
_MANTISSA_BITS = {32: 23, 64: 52}
_EXPONENT_BIAS = {32: 127, 64: 1023}
_EXPONENTIAL_RANGE = {32: (-104.0, 89.0), 64: (-746.0, 710.0)}
"""Beyond these the result is 0 or infinity."""
_SATURATED_TANH = {32: 10.0, 64: 22.0}
"""From here on tanh rounds to 1."""
_SATURATED_EXPM1 = {32: -25.0, 64: -50.0}
"""Up to here exp(x) - 1 rounds to -1."""


def exponential(code: Code, x: Value) -> Value:
    """exp(x)."""
    builder = code.builder
    low, high = _EXPONENTIAL_RANGE[code.lanes.bits]
    inside = at_least(code, at_most(code, x, high), low)
    n, excess = _reduced(code, inside)
    # In two factors: 2^n alone leaves the range of the exponent where exp(x) does not.
    half = builder.ashr(n, code.integer(1, n.type))
    result = builder.fadd(code.constant(1.0), excess)
    result = builder.fmul(result, _power_of_two(code, half))
    result = builder.fmul(result, _power_of_two(code, builder.sub(n, half)))
    return _keep_nan(code, x, result)


def expm1(code: Code, x: Value) -> Value:
    """exp(x) - 1 without cancellation, for x below 80."""
    inside = at_least(code, x, _SATURATED_EXPM1[code.lanes.bits])
    n, excess = _reduced(code, inside)
    scale = _power_of_two(code, n)
    rest = code.builder.fsub(scale, code.constant(1.0))
    return _keep_nan(code, x, code.fma(scale, excess, rest))


def tanh(code: Code, x: Value) -> Value:
    """tanh(x) = t / (t + 2) with t = exp(2|x|) - 1, and the sign of x."""
    size = at_most(code, code.intrinsic("fabs", x), _SATURATED_TANH[code.lanes.bits])
    t = expm1(code, code.builder.fadd(size, size))
    ratio = code.builder.fdiv(t, code.builder.fadd(t, code.constant(2.0)))
    return _keep_nan(code, x, code.intrinsic("copysign", ratio, x))


def sigmoid(code: Code, x: Value) -> Value:
    """1 / (1 + exp(-x))."""
    one = code.constant(1.0)
    grown = exponential(code, code.builder.fneg(x))
    return code.builder.fdiv(one, code.builder.fadd(one, grown))


def softplus(code: Code, x: Value) -> Value:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    builder = code.builder
    u = exponential(code, builder.fneg(code.intrinsic("fabs", x)))
    s = builder.fdiv(u, builder.fadd(u, code.constant(2.0)))
    return builder.fadd(at_least(code, x, 0.0), _twice_artanh(code, s))


def logarithm(code: Code, x: Value) -> Value:
    """log(x) of a normal positive number; infinity and NaN as they came."""
    builder, bits, kind = code.builder, code.lanes.bits, code.lanes.integers
    mantissa = _MANTISSA_BITS[bits]
    pattern = builder.bitcast(x, kind)
    exponent = builder.lshr(pattern, code.integer(mantissa, kind))
    exponent = builder.sub(exponent, code.integer(_EXPONENT_BIAS[bits], kind))
    fraction = builder.and_(pattern, code.integer((1 << mantissa) - 1, kind))
    fraction = builder.or_(fraction, code.integer(_EXPONENT_BIAS[bits] << mantissa, kind))
    f, one = builder.bitcast(fraction, code.lanes.vector), code.constant(1.0)
    s = builder.fdiv(builder.fsub(f, one), builder.fadd(f, one))
    n = builder.sitofp(exponent, code.lanes.vector)
    result = code.fma(n, code.constant(math.log(2)), _twice_artanh(code, s))
    finite = builder.fcmp_ordered("<", x, code.constant(math.inf))
    return builder.select(finite, result, x)


def at_least(code: Code, x: Value, limit: float) -> Value:
    """max(x, limit); NaN stays NaN."""
    low = code.builder.fcmp_ordered("<", x, code.constant(limit))
    return code.builder.select(low, code.constant(limit), x)


def at_most(code: Code, x: Value, limit: float) -> Value:
    """min(x, limit); NaN stays NaN."""
    high = code.builder.fcmp_ordered(">", x, code.constant(limit))
    return code.builder.select(high, code.constant(limit), x)


def _reduced(code: Code, x: Value) -> tuple[Value, Value]:
    """The whole number n and exp(r) - 1, where x = n ln 2 + r. For NaN any numbers."""
    builder, scalar = code.builder, np.float32 if code.lanes.bits == 32 else np.float64
    known = builder.select(builder.fcmp_ordered("ord", x, x), x, code.constant(0.0))
    n = code.intrinsic("rint", builder.fmul(known, code.constant(1 / math.log(2))))
    high = float(scalar(math.log(2)))
    low = _LOG_TWO_REST if code.lanes.bits == 64 else math.log(2) - high
    minus = builder.fneg(n)
    r = code.fma(minus, code.constant(high), known)
    r = code.fma(minus, code.constant(low), r)
    degree = _EXPONENTIAL_DEGREE[code.lanes.bits]
    series = polynomial(code, r, [1 / math.factorial(k) for k in range(2, degree + 1)])
    excess = code.fma(builder.fmul(r, r), series, r)
    return builder.fptosi(n, code.lanes.integers), excess


_LOG_TWO_REST = 2.3190468138462996e-17
"""ln 2 minus its nearest float64."""


def polynomial(code: Code, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the constant term first."""
    result = code.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = code.fma(result, x, code.constant(coefficient))
    return result


def _twice_artanh(code: Code, s: Value) -> Value:
    """2 artanh(s) = 2 (s + s^3/3 + ...) for |s| up to 1/3; the logarithm of (1+s)/(1-s)."""
    terms = _LOGARITHM_TERMS[code.lanes.bits]
    square = code.builder.fmul(s, s)
    series = polynomial(code, square, [2 / (2 * k + 1) for k in range(terms)])
    return code.builder.fmul(s, series)


def _power_of_two(code: Code, n: Value) -> Value:
    bits, kind = code.lanes.bits, code.lanes.integers
    exponent = code.builder.add(n, code.integer(_EXPONENT_BIAS[bits], kind))
    pattern = code.builder.shl(exponent, code.integer(_MANTISSA_BITS[bits], kind))
    return code.builder.bitcast(pattern, code.lanes.vector)


def _keep_nan(code: Code, x: Value, result: Value) -> Value:
    return code.builder.select(code.builder.fcmp_ordered("ord", x, x), result, x)
