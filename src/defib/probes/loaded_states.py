"""What `load_state_dict` found on the way to the first batch."""

from __future__ import annotations

from typing import ClassVar, final

from defib.probes.base import Probe
from defib.probes.measurements import CannotMeasure, Measurements
from defib.probes.setup import Setup


@final
class LoadedStates(Probe):
    """`missing_share` and `unexpected_keys` of each call with `strict=False`, by class name.

    Calls for networks that this training does not update are left out.
    """

    measures = ("missing_share",)
    order: ClassVar[int] = 3

    def measure(self, setup: Setup, into: Measurements) -> None:
        trained = {id(each.tensor) for each in setup.parameters}
        for load in setup.loads:
            network = load.network()
            if network is None or not any(id(each) in trained for each in network.parameters()):
                continue
            name = type(network).__name__
            into.single.add("missing_share", name, load.missing / max(load.keys, 1))
            into.single.add("unexpected_keys", name, float(load.unexpected))
            return
        raise CannotMeasure("no state was loaded with `strict=False`")
