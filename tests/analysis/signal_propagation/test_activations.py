from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from defib.analysis.signal_propagation import activations
from defib.analysis.signal_propagation.activations import Activation

PAIRS = [
    (activations.identity(), lambda x: x.clone()),
    (activations.relu(), F.relu),
    (activations.leaky_relu(0.2), lambda x: F.leaky_relu(x, 0.2)),
    (activations.tanh(), torch.tanh),
    (activations.erf(), torch.erf),
    (activations.sigmoid(), torch.sigmoid),
    (activations.elu(0.7), lambda x: F.elu(x, 0.7)),
    (activations.selu(), F.selu),
    (activations.celu(2.0), lambda x: F.celu(x, 2.0)),
    (activations.gelu(), F.gelu),
    (activations.gelu_tanh(), lambda x: F.gelu(x, approximate="tanh")),
    (activations.silu(), F.silu),
    (activations.mish(), F.mish),
    (activations.softplus(2.0), lambda x: F.softplus(x, 2.0)),
    (activations.softsign(), F.softsign),
    (activations.hardtanh(-0.5, 2.0), lambda x: F.hardtanh(x, -0.5, 2.0)),
    (activations.relu6(), F.relu6),
    (activations.hardsigmoid(), F.hardsigmoid),
    (activations.hardswish(), F.hardswish),
]


@pytest.mark.parametrize(
    ("activation", "reference"), PAIRS, ids=lambda each: getattr(each, "name", "")
)
def test_value_and_derivative_are_torchs(
    activation: Activation, reference: Callable[[torch.Tensor], torch.Tensor]
):
    points = np.linspace(-12.03, 12.01, 400)
    x = torch.tensor(points, requires_grad=True)
    y = reference(x)
    [slope] = torch.autograd.grad(y.sum(), x)
    assert activation.function(points) == pytest.approx(y.detach().numpy(), abs=1e-8)
    assert activation.derivative(points) == pytest.approx(slope.numpy(), abs=1e-8)


@pytest.mark.parametrize("activation", [pair[0] for pair in PAIRS], ids=lambda each: each.name)
def test_nothing_overflows(activation: Activation):
    far = np.array([-1e151, 1e151])
    assert np.isfinite(activation.function(far)).all()
    assert np.isfinite(activation.derivative(far)).all()
