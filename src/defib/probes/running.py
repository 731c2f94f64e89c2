"""Runs all probes, each guarded, within the time that there is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from defib.discovery.random_state import randomness_restored
from defib.probes.base import Probe, all_probes
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup

OUT_OF_TIME = "no time was left"


def run_probes(setup: Setup, probes: Iterable[Probe] | None = None) -> Measurements:
    """What the probes measure; a probe that fails says why, and costs nothing else."""
    into = Measurements()
    for probe in all_probes() if probes is None else probes:
        if setup.budget.left <= 0:
            into.leave_out(probe.measures, OUT_OF_TIME)
            continue
        try:
            # The user has seen the warnings of the own batch already.
            with randomness_restored(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                probe.measure(setup, into)
        except CannotMeasure as reason:
            into.leave_out(probe.measures, str(reason))
        except Exception as error:
            # Whatever the user's code raises when it runs once more is no reason to stop.
            into.leave_out(
                probe.measures, f"the probe failed ({type(error).__name__}: {str(error)[:200]})"
            )
    return into
