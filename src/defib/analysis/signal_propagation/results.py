"""What an analysis of signal propagation found out. Plain numbers, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final


@final
@dataclass(frozen=True)
class Moments:
    """Over all entries; in the unit of the entries, squared except for the mean.

    Infinite or `nan` if an entry is.
    """

    mean: float
    variance: float
    second_moment: float


class Prediction(Enum):
    """What a prediction of the theory started from."""

    CHAINED = "chained"
    """The prediction for the layer before (forward) or after (backward), or the model's end."""
    FROM_MEASURED_INPUT = "from measured input"
    """What this layer really got (a sum, a normalisation, attention... is in between)."""
    NONE = "none"
    """The theory has no formula for this layer, or nothing was measured."""


@final
@dataclass(frozen=True)
class Pass:
    """Second moments at the layer and after its activation, measured and predicted.

    Forward: of the values. Backward: of the gradients with respect to them. `activation` is
    `None` where none follows, a prediction is where the theory makes none.
    """

    layer: Moments | None
    activation: Moments | None
    predicted_layer: float | None
    predicted_activation: float | None
    prediction: Prediction


@final
@dataclass(frozen=True)
class Initialization:
    """The layer's weights beside those that would keep second moments at 1 (dimensionless gain).

    `recommended_deviation` = gain/√fan-in; `ratio` = actual/recommended. `torch_gain` is
    `torch.nn.init.calculate_gain`'s, for comparison.
    """

    fan_in: float
    deviation: float
    mean: float
    gain: float
    torch_gain: float | None
    recommended_deviation: float
    ratio: float


@final
@dataclass(frozen=True)
class LayerTheory:
    """Mean-field theory of endless layers like this one (same σ_w², σ_b² and activation).

    σ_w² and σ_b² are those of this layer's entries. `chi` is at the second moment that the layer
    has now, `chi_1` at the fixed point. Depths in layers, e-fold.
    """

    weight_variance: float
    bias_variance: float
    chi: float
    fixed_point: float
    chi_1: float
    correlation_depth: float
    variance_depth: float


@final
@dataclass(frozen=True)
class LayerSignal:
    """One call of one layer; the calls are numbered from 0.

    `activation` is the name of the non-linearity applied directly to the layer's output.
    """

    layer: str
    call: int
    kind: str
    activation: str | None
    received: Moments | None
    forward: Pass
    backward: Pass
    initialization: Initialization | None
    theory: LayerTheory | None

    @property
    def forward_factor(self) -> float | None:
        """Second moment after the layer and its activation, relative to what it received."""
        returned = self.forward.activation or self.forward.layer
        if self.received is None or returned is None or self.received.second_moment == 0:
            return None
        return returned.second_moment / self.received.second_moment


@final
@dataclass(frozen=True)
class BornDead:
    """Probability that a ReLU network of these hidden widths is constant from the start.

    `lower` and `upper` bound it; `estimate` is the share of `networks` random ones.
    """

    widths: tuple[int, ...]
    lower: float
    upper: float
    estimate: float
    standard_error: float
    networks: int


@final
@dataclass(frozen=True)
class SignalPropagation:
    """Every layer in the order of the calls. `never_called`: layers the forward pass left out."""

    layers: tuple[LayerSignal, ...]
    never_called: tuple[str, ...]
