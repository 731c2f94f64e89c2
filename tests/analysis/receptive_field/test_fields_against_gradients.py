"""Exact sets and closed forms of random networks, against the support of gradients."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings

from defib.analysis.receptive_field.dependence import Progression
from defib.analysis.receptive_field.fields import FieldSets, ReceptiveFields
from defib.analysis.receptive_field.input_axes import input_axes
from defib.analysis.receptive_field.interpretation import followed
from defib.analysis.receptive_field.merging import UNITED
from defib.analysis.receptive_field.state import Seen
from defib.analysis.trace import Trace, trace
from defib.records.architecture import Exactness
from tests.analysis.receptive_field.graphs import RecordedNetwork, networks, support

GRAPHS = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PLANE_GRAPHS = settings(GRAPHS, max_examples=60)


def traced(network: RecordedNetwork, shape: tuple[int, ...]) -> Trace:
    result = trace(network, [torch.zeros(shape, device="meta")])
    assert result.failure is None, result.failure
    return result


def check_sets(network: RecordedNetwork, shape: tuple[int, ...]) -> None:
    run = traced(network, shape)
    network.averages_only = True
    truth = support(network, shape)
    sets = FieldSets(run)
    for position, expected in truth.items():
        found = sets.at(run.outputs[0], position)
        assert found is not None, run.outputs[0]
        if found.is_bound:
            assert expected <= found.positions
        else:
            assert found.positions == expected, (position, network.steps)


@GRAPHS
@given(networks(rank=1))
def test_exact_set_of_every_position_equals_the_support_of_its_gradient(drawn):
    check_sets(*drawn)


@PLANE_GRAPHS
@given(networks(rank=2))
def test_exact_set_in_the_plane_equals_the_support_of_its_gradient(drawn):
    check_sets(*drawn)


@GRAPHS
@given(networks(rank=1))
def test_closed_form_equals_the_exact_set_of_every_interior_position(drawn):
    run = traced(*drawn)
    axes = input_axes(run)
    assert axes is not None
    for state in followed(run, axes, UNITED).values():
        assert isinstance(state, Seen)
        dependence = state.paths[0][0].dependence
        closed = dependence.form.closed
        if not isinstance(closed, Progression) or dependence.along < 0:
            continue
        length, border = dependence.length, dependence.border
        rows = dependence.sets.swapaxes(0, dependence.along)
        for position, row in enumerate(rows):
            union = 0
            for each in row.flat if hasattr(row, "flat") else [row]:
                union |= each
            if not union & border:
                assert union == closed.at(position).within(length)


@GRAPHS
@given(networks(rank=1))
def test_no_random_network_is_unknown_or_contradicts_itself(drawn):
    run = traced(*drawn)
    fields = ReceptiveFields(run)
    for value in run.values:
        record = fields.of(value)
        assert record is None or record.exactness is not Exactness.UNKNOWN, record
