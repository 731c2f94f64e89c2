"""Multiply-accumulates of the operators of ATen, one family of operators per file.

One multiply-accumulate is one multiplication and one addition of a matrix product or of a
convolution. Additions of biases, elementwise arithmetic, normalisations, poolings, reductions
and interpolations have none. FLOPs, where asked for, are twice the multiply-accumulates.
"""
