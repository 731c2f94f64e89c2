import torch
from torch import nn

from defib.records.encoding import encode
from defib.records.study import StudyResult
from defib.studies.handwriting import fewer_images, placed
from defib.studies.small_convnet import FULL, QUICK, Config
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
