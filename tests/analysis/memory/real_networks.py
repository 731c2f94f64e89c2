"""Small networks that keep memory for backward in different ways, and inputs that they take."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from defib.networks.attention import Attention
from defib.networks.decoder import Decoder, DecoderSize
from defib.networks.unet import UNet


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, 3, padding=1)
        self.normalization = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.normalization(self.convolution(x)) + x)


class Functional(nn.Module):
    """Calls no module, keeps a parameter of its own, uses constants made on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(5, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        features = F.gelu(F.conv2d(x, self.kernel))
        pooled = F.max_pool2d(features, 2)
        ramp = torch.arange(pooled.shape[-1], dtype=torch.float32)
        return F.log_softmax((pooled * ramp).flatten(1), dim=1).exp()


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 6), nn.Tanh())
        self.last = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(checkpoint(self.first, x, use_reentrant=False))


class Twice(nn.Module):
    """Calls one layer twice, and throws one result away."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.unused = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        self.unused(x).exp()
        return self.layer(torch.sigmoid(self.layer(x)))


class OnlyInTraining(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Linear(6, 4)
        self.side = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.side(x) if self.training else self.main(x)


class SelfAttention(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, **self.options)[0]


class Masked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(5, 5, dtype=torch.bool).tril()
        heads = x.requires_grad_().unflatten(2, (2, 4)).transpose(1, 2)
        return F.scaled_dot_product_attention(heads, heads, heads, attn_mask=mask)


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, groups=2, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.InstanceNorm2d(4, affine=True),
        nn.GroupNorm(2, 4),
        nn.PReLU(),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(16, 5),
        nn.Softmax(1),
    )


def frozen_below() -> nn.Module:
    network = nn.Sequential(
        nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)
    )
    network[0].requires_grad_(False)
    network[1].requires_grad_(False)
    return network


def double() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Hardtanh()).double()


def half() -> nn.Module:
    layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.GroupNorm(2, 4))
    return nn.Sequential(*layers).bfloat16()


def weight_normalized() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)), nn.ELU())


def image(*, channels: int = 3, side: int = 12) -> Tensor:
    return torch.randn(2, channels, side, side)


def sequence() -> Tensor:
    return torch.randn(2, 5, 8)


def encoder(**options: Any) -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)


NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "convolutional": (convolutional, image),
    "residual": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), Residual(), Residual()),
        image,
    ),
    "functional": (Functional, image),
    "U-Net": (lambda: UNet(width=2, depth=1), lambda: torch.randn(1, 1, 20, 20)),
    "twice": (Twice, lambda: torch.randn(3, 8)),
    "checkpoint": (Checkpointed, lambda: torch.randn(3, 6).requires_grad_()),
    "only in training": (OnlyInTraining, lambda: torch.randn(3, 6)),
    "frozen below": (frozen_below, lambda: torch.randn(3, 6)),
    "double": (double, lambda: torch.randn(3, 6, dtype=torch.float64)),
    "half": (half, lambda: image().bfloat16()),
    "weight norm": (weight_normalized, lambda: torch.randn(3, 6)),
    "embedding": (
        lambda: nn.Sequential(nn.Embedding(10, 8), nn.LayerNorm(8), nn.Linear(8, 3)),
        lambda: torch.randint(0, 10, (2, 5)),
    ),
    "GRU": (lambda: nn.GRU(8, 6, 2, dropout=0.2, bidirectional=True), sequence),
    "RNN": (lambda: nn.RNN(8, 6), sequence),
    "attention with weights": (SelfAttention, sequence),
    "attention without weights": (lambda: SelfAttention(need_weights=False), sequence),
    "attention with mask": (Masked, sequence),
    "grouped attention": (
        lambda: Attention(8, 4, key_value_heads=2, is_causal=True),
        sequence,
    ),
    "encoder": (encoder, sequence),
    "encoder without dropout": (lambda: encoder(dropout=0.0, norm_first=True), sequence),
    "decoder": (
        lambda: Decoder(DecoderSize(20, 8, 2, 2, 16, is_tied=True)),
        lambda: torch.randint(0, 20, (2, 7)),
    ),
}


@contextmanager
def usual_path() -> Iterator[None]:
    """Keeps torch's transformer layers from the fast path that they have without gradients."""
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
