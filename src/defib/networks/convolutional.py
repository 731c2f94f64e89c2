"""Small convolutional networks for 8 x 8 images."""

from __future__ import annotations

from torch import Tensor, nn


class ConvolutionalNetwork(nn.Module):
    """Two convolutions, the second with stride 2, then two dense layers."""

    def __init__(self, classes: int = 10, *, channels: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.hidden = nn.Linear(2 * channels * 16, 32)
        self.head = nn.Linear(32, classes)
        self.activation = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        features = self.activation(self.conv1(images))
        features = self.activation(self.conv2(features)).flatten(1)
        return self.head(self.activation(self.hidden(features)))
