import math

import pytest
import torch

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.gain import recommended_gain, torch_gain


@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        (activations.identity(), 1.0),
        (activations.relu(), math.sqrt(2)),
        (activations.leaky_relu(0.2), math.sqrt(1.92308)),
        (activations.selu(), 1.0),
    ],
)
def test_exact_gains(activation: activations.Activation, gain: float):
    assert recommended_gain(activation) == pytest.approx(gain, abs=2e-6)


@pytest.mark.parametrize("build", [activations.tanh, activations.gelu, activations.sigmoid])
def test_gain_keeps_the_second_moment(build):
    activation = build()
    z = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = activation.function(z.numpy())
    assert recommended_gain(activation) ** 2 * (values**2).mean() == pytest.approx(1, rel=0.03)


def test_torchs_table_for_comparison():
    assert torch_gain(activations.tanh()) == pytest.approx(5 / 3)
    assert torch_gain(activations.relu()) == pytest.approx(math.sqrt(2))
    assert torch_gain(activations.leaky_relu(0.2)) == pytest.approx(math.sqrt(2 / 1.04))
    assert torch_gain(activations.selu()) == pytest.approx(0.75)
    assert torch_gain(activations.gelu()) is None
