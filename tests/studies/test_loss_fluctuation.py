import math

import torch

from defib.studies.loss_fluctuation import _dead_outputs, _fluctuation, _losses


def test_a_dead_network_says_its_bias_for_every_example():
    outputs = _dead_outputs(torch.randn(20, 30, dtype=torch.float64), 0.7)
    assert torch.equal(outputs, torch.full((20, 1), 0.7, dtype=torch.float64))


def test_the_loss_of_an_output_of_one_half_is_the_same_for_every_batch():
    targets = (torch.arange(40) % 3 == 0).double()[:, None]
    chosen = torch.randint(40, (50, 8), generator=torch.Generator().manual_seed(0))
    losses = _losses(torch.zeros(40, 1, dtype=torch.float64), targets, chosen)
    assert torch.equal(losses, torch.full((50,), math.log(2), dtype=torch.float64))


def test_labels_explain_everything_for_a_constant_and_not_for_other_outputs():
    generator = torch.Generator().manual_seed(0)
    targets = (torch.rand(200, 1, generator=generator) < 0.6).double()
    chosen = torch.randint(200, (100, 16), generator=generator)
    constant = _fluctuation(torch.full_like(targets, 0.5), targets, chosen)
    noisy = _fluctuation(3 * torch.randn(200, 1, generator=generator).double(), targets, chosen)
    assert abs(constant[1] - 1) < 1e-12
    assert constant[2] < 1e-12
    assert noisy[1] < 0.9
    assert noisy[2] > 0.1
