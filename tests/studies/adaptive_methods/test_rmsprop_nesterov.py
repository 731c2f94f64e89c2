import math

import pytest
import torch

from defib.studies.adaptive_methods.rmsprop_nesterov import RMSpropNesterov


def gradient(point: float) -> float:
    """Of p⁴/4 + p."""
    return point**3 + 1


def book(start: float, steps: int, *, lr: float, rho: float, mu: float, eps: float) -> list[float]:
    """Algorithm 8.6, line by line, with ε under the root: the look-ahead point after each step."""
    p, u, v, ahead = start, 0.0, 0.0, []
    for _ in range(steps):
        g = gradient(p + mu * u)
        v = rho * v + (1 - rho) * g**2
        u = mu * u - lr * g / math.sqrt(v + eps)
        p = p + u
        ahead.append(p + mu * u)
    return ahead


def test_it_is_the_algorithm_of_the_book_at_its_look_ahead_point():
    parameter = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)
    optimizer = RMSpropNesterov([parameter], lr=0.01, rho=0.8, momentum=0.7, eps=1e-6)
    found = []
    for _ in range(12):
        optimizer.zero_grad()
        (parameter**4 / 4 + parameter).sum().backward()
        optimizer.step()
        found.append(float(parameter.detach()))
    assert found == pytest.approx(book(1.5, 12, lr=0.01, rho=0.8, mu=0.7, eps=1e-6), rel=1e-12)


def test_without_momentum_it_is_rmsprop():
    torch.manual_seed(0)
    ours, theirs = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizers = (
        RMSpropNesterov([ours], lr=0.1, rho=0.9, momentum=0.0, eps=0.0, weight_decay=0.1),
        torch.optim.RMSprop([theirs], lr=0.1, alpha=0.9, eps=0.0, weight_decay=0.1),
    )
    for _ in range(5):
        pull = torch.randn(3, dtype=torch.float64)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            (pull * parameter).sum().backward()
            optimizer.step()
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-12)


def test_a_parameter_without_a_gradient_stays_and_the_closure_is_asked():
    still = torch.ones(2, requires_grad=True)
    optimizer = RMSpropNesterov([still])
    assert optimizer.step(lambda: 3.0) == 3.0
    assert still.tolist() == [1.0, 1.0]


def test_a_gradient_of_zero_moves_nothing():
    parameter = torch.ones(2, requires_grad=True)
    optimizer = RMSpropNesterov([parameter])
    (0 * parameter).sum().backward()
    optimizer.step()
    assert parameter.tolist() == [1.0, 1.0]
