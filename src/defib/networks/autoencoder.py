"""Autoencoders of 8 x 8 images."""

from __future__ import annotations

from torch import Tensor, nn

from defib.networks.dense import dense_network


class Autoencoder(nn.Module):
    """An image to `code` numbers and back, by dense layers; the result is flat."""

    def __init__(self, *, hidden: int = 48, code: int = 12) -> None:
        super().__init__()
        self.encoder = dense_network((64, hidden, code))
        self.decoder = dense_network((code, hidden, 64))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))
