"""AlexNet of 2014: one tower, no response normalisation."""

from __future__ import annotations

from torch import Tensor, nn


class AlexNetV2(nn.Module):
    """Scores of `classes` classes for 3 x 224 x 224 images; larger images are averaged over.

    Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014),
    arXiv:1404.5997, in the variant of TF-Slim (`alexnet_v2`): no padding in the first
    convolution, the dense layers as convolutions. Araujo, Norris, Sim (2019) give for the
    output of `features` a receptive field of 195, a stride of 32 and a padding of 64 pixels.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Conv2d(256, 4096, 5),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Conv2d(4096, 4096, 1),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Conv2d(4096, classes, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images)).mean(dim=(2, 3))
