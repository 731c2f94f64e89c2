"""Receptive fields of everything a traced network computes.

Two machineries run side by side: `position_sets` keeps, per axis, the exact set of input
positions that each position sees; `progression` keeps the closed form of the interior
(size, stride, offset), independent of the input's size, with the arithmetic written out.
`fields` reads the records off both and compares them.
"""
