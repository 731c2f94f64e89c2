import copy

import torch
from torch import nn
from torch.nn import functional

from defib.networks.lenet import lenet_5
from defib.records.encoding import encode
from defib.records.study import StudyResult
from defib.studies.handwriting import adam, fewer_images, placed
from defib.studies.small_convnet import FULL, QUICK, Config
from defib.training.in_memory import ShuffledBatches, train_epoch
from tests.studies.digit_images import TINY


def reason(config: Config) -> str:
    return fewer_images(StudyResult("study", (), encode(config), 0, {}, {}))


def test_only_fewer_images_than_published_excuse_a_study():
    assert "10,000" in reason(QUICK)
    assert not reason(FULL)


def test_a_network_is_placed_with_its_channels_last_and_says_the_same():
    network = nn.Conv2d(3, 4, 3)
    images = torch.randn(2, 3, 6, 6)
    before = network(images)
    network = placed(network, TINY)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(images), before)


def test_the_quick_loop_trains_as_a_plain_one():
    torch.manual_seed(0)
    network = lenet_5(activation=nn.ReLU, pooling=nn.MaxPool2d)
    batches = ShuffledBatches(torch.randn(320, 1, 28, 28), torch.randint(10, (320,)), 16)
    plain = copy.deepcopy(network)
    optimizer, expected = torch.optim.Adam(plain.parameters(), lr=1e-3), []
    torch.manual_seed(1)
    for inputs, targets in batches:
        optimizer.zero_grad()
        loss = functional.cross_entropy(plain(inputs), targets)
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    torch.manual_seed(1)
    network = placed(network, TINY)
    losses = train_epoch(network, adam(network, 1e-3), batches)
    assert len(losses) == 20
    torch.testing.assert_close(losses, tuple(expected), rtol=0.0, atol=1e-5)
