"""Dropout that leaves less than half of the units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from defib.records.architecture import Architecture
from defib.records.finding import Finding, Severity
from defib.records.site import Site
from defib.rules.base import ArchitectureRule


@final
@dataclass(frozen=True)
class DropoutTooHigh(ArchitectureRule):
    """Dropout that leaves less than half of the units.

    ## What it detects
    A dropout with a probability above `max_probability`; also the `dropout` of recurrent and
    attention layers. An error at 1, where nothing is left.

    ## Why it matters
    In training every unit is 0 with this probability, and the others are scaled up by
    1 / (1 - p): at 0.8 by 5. The network learns slowly or underfits. Often the share to keep
    was meant, as in TensorFlow 1.

    ## How it is measured
    The probability of a zero that was given, dimensionless, in [0, 1].

    ## Known false positives
    Very wide layers on little data, for which a high dropout was tuned.

    ## What to change
    0.5 at most for hidden units, 0.1 to 0.3 after convolutions. If the share to keep was
    meant, give 1 minus it.

    ## References
    - Srivastava et al., *Dropout* (2014), section 7.3: best between 0.4 and 0.8 *kept*.
    - Schoop et al., *UMLAUT* (2021): warns above 0.5.
    """

    severity = Severity.ERROR

    max_probability: float = 0.5
    """Probability of a zero, in [0, 1]. Source: UMLAUT (2021)."""

    def check_architecture(self, architecture: Architecture) -> Iterator[Finding]:
        for layer, probability, site in _dropouts(architecture):
            if probability > self.max_probability:
                yield self._finding(architecture, layer, probability, site)

    def _finding(
        self, architecture: Architecture, layer: str, probability: float, site: Site | None
    ) -> Finding:
        where = f"`{layer}`" if layer else f"`{architecture.name}` itself"
        is_all = probability >= 1
        kept = 1 - probability
        return self.found(
            f"The dropout in {where} sets {probability:.0%} of its units to 0 "
            f"(limit {self.max_probability:.0%})"
            + (": nothing is left." if is_all else f" and scales the others by {1 / kept:.3g}."),
            f"Lower it to {self.max_probability:g} or less"
            + ("." if is_all else f"; if {probability:g} was to be kept, give {kept:.3g}."),
            layer=layer,
            site=site,
            severity=Severity.ERROR if is_all else Severity.WARNING,
            evidence={"probability": probability},
        )


def _dropouts(architecture: Architecture) -> Iterator[tuple[str, float, Site | None]]:
    seen: set[tuple[str, float, Site | None]] = set()
    for each in architecture.dropouts:
        found = (each.layer, each.probability, each.site)
        if found not in seen:
            seen.add(found)
            yield found
    for layer in architecture.layers:
        inner = dict(layer.options).get("dropout", "")
        if layer.call == 0 and _is_number(inner):
            yield layer.name, float(inner), layer.site


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
