"""Random networks, and the truth about what they depend on: the support of gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

Step = Callable[[list[Tensor]], Tensor]

SHORTEST = 4
"""Below, windows do not fit any more."""


class RecordedNetwork(nn.Module):
    """Runs recorded steps; every step appends a value, the last is the output."""

    def __init__(self, steps: list[tuple[str, dict[str, int]]], rank: int) -> None:
        super().__init__()
        self.steps = steps
        self.rank = rank
        self.averages_only = False

    def __repr__(self) -> str:
        return f"{self.steps}"

    def forward(self, images: Tensor) -> Tensor:
        values = [images]
        for name, options in self.steps:
            values.append(self._apply(name, values, options))
        return values[-1]

    def _apply(self, name: str, values: list[Tensor], given: dict[str, int]) -> Tensor:
        x = values[-1]
        other = values[given["other"] % len(values)]
        k, s, p, d = given["kernel"], given["stride"], given["padding"], given["dilation"]
        axis = -1 if self.rank == 1 or given["axis"] else -2
        size = x.shape[axis]
        convolve = F.conv1d if self.rank == 1 else F.conv2d
        transpose = F.conv_transpose1d if self.rank == 1 else F.conv_transpose2d
        channels = x.shape[1]
        along = [k if each == axis else 1 for each in range(-self.rank, 0)]

        def on_axis(value: int, rest: int) -> list[int]:
            return [value if each == axis else rest for each in range(-self.rank, 0)]

        reach = (k - 1) * d + 1
        if name == "convolution" and size + 2 * p >= reach + 2 * s:
            weight = torch.ones(given["channels"], channels, *along, dtype=x.dtype, device=x.device)
            return convolve(
                x, weight, stride=on_axis(s, 1), padding=on_axis(p, 0), dilation=on_axis(d, 1)
            )
        if name == "depthwise" and size + 2 * p >= reach + 2 * s:
            weight = torch.ones(channels, 1, *along, dtype=x.dtype, device=x.device)
            return convolve(
                x, weight, stride=on_axis(s, 1), padding=on_axis(p, 0), groups=channels,
                dilation=on_axis(d, 1),
            )  # fmt: skip
        if name == "pooling" and size + 2 * min(p, k // 2) >= k + 2 * s:
            padding = on_axis(min(p, k // 2), 0)
            if self.averages_only or given["other"] % 2:
                pool = F.avg_pool1d if self.rank == 1 else F.avg_pool2d
            else:
                pool = F.max_pool1d if self.rank == 1 else F.max_pool2d
            return pool(x, along, on_axis(s, 1), padding)
        if name == "transposed" and size < 60:
            weight = torch.ones(channels, 1, *along, dtype=x.dtype, device=x.device)
            return transpose(
                x, weight, stride=on_axis(s, 1), padding=on_axis(min(p, k - 1, 1), 0),
                dilation=on_axis(d, 1),
            )  # fmt: skip
        if name == "sum" and (cut := _common(x, other)):
            return cut[0] + cut[1]
        if name == "concatenation" and channels < 6 and (cut := _common(x, other, channels=False)):
            return torch.cat(cut, dim=1)
        if name == "channel" and channels > 1:
            start = given["other"] % channels
            return x[:, start : start + 1 + given["padding"]]
        if name == "crop" and size > 8:
            return x.narrow(axis, p, size - p - d)
        if name == "steps" and size > 10:
            return x[..., ::s] if axis == -1 else x[..., ::s, :]
        if name == "flip":
            return x.flip(axis)
        if name == "roll":
            return x.roll(d, axis)
        if name == "select" and size > 6:
            places = [1, 4, 2, 5, 0]
            return x[..., places] if axis == -1 else x[..., places, :]
        if name == "zeros":
            pads = [p, d, 0, 0] if axis == -1 else [0, 0, p, d]
            return F.pad(x, pads[: 2 * self.rank])
        if name in ("reflect", "replicate", "circular") and size > 4:
            pads = [p, d, 0, 0] if axis == -1 else [0, 0, p, d]
            return F.pad(x, pads[: 2 * self.rank], mode=name)
        if name in ("nearest", "nearest-exact", "linear") and size < 40:
            made = on_axis(size * s + given["padding"], 0)
            made = [a or b for a, b in zip(made, x.shape[2:], strict=True)]
            mode = "bilinear" if name == "linear" and self.rank == 2 else name
            corners = bool(given["other"] % 2) if name == "linear" else None
            return F.interpolate(x, size=made, mode=mode, align_corners=corners)
        if name == "adaptive":
            pool = F.adaptive_avg_pool1d if self.rank == 1 else F.adaptive_avg_pool2d
            made = [a or b for a, b in zip(on_axis(3 + d, 0), x.shape[2:], strict=True)]
            return pool(x, made)
        if name == "write" and size > 6:
            y = x.clone()
            y.narrow(axis, 0, 2).copy_(x.narrow(axis, size - 2, 2))
            y.narrow(axis, 3, 2).add_(x.narrow(axis, 0, 2))
            return y
        if name == "relu":
            return F.relu(x.clone(), inplace=True)
        if name == "fold" and size % 2 == 0 and self.rank == 1:
            return x.view(x.shape[0], channels, size // 2, 2).transpose(2, 3).flatten(1, 2)
        if name == "unfold" and size > 5:
            return x.unfold(axis, 3, 2).sum(-1)
        return x * 2


def _common(a: Tensor, b: Tensor, *, channels: bool = True) -> list[Tensor] | None:
    """Both cropped to their common size, as U-Nets do; not if they are too different."""
    sizes = [min(m, n) for m, n in zip(a.shape[2:], b.shape[2:], strict=True)]
    fits = a.shape[1] == b.shape[1] or 1 in (a.shape[1], b.shape[1])
    if min(sizes) < SHORTEST or (channels and not fits):
        return None
    cropped = []
    for each in (a, b):
        for dim, size in enumerate(sizes, 2):
            each = each.narrow(dim, (each.shape[dim] - size) // 2, size)
        cropped.append(each)
    return cropped


NAMES = [
    "convolution",
    "convolution",
    "convolution",
    "depthwise",
    "pooling",
    "transposed",
    "sum",
    "sum",
    "concatenation",
    "concatenation",
    "channel",
    "crop",
    "steps",
    "flip",
    "roll",
    "select",
    "zeros",
    "reflect",
    "replicate",
    "circular",
    "nearest",
    "nearest-exact",
    "linear",
    "adaptive",
    "write",
    "relu",
    "fold",
    "unfold",
]


@st.composite
def networks(draw: st.DrawFn, *, rank: int) -> tuple[RecordedNetwork, tuple[int, ...]]:
    options = st.fixed_dictionaries(
        {
            "kernel": st.integers(1, 4),
            "stride": st.integers(1, 3),
            "padding": st.integers(0, 2),
            "dilation": st.integers(1, 3),
            "channels": st.integers(1, 2),
            "other": st.integers(0, 7),
            "axis": st.integers(0, 1),
        }
    )
    step = st.tuples(st.sampled_from(NAMES), options)
    steps = draw(st.lists(step, min_size=2, max_size=8))
    sizes = (draw(st.integers(20, 40)),) if rank == 1 else (draw(st.integers(9, 14)),) * 2
    return RecordedNetwork(steps, rank), (1, draw(st.integers(1, 2)), *sizes)


def support(network: nn.Module, shape: tuple[int, ...]) -> dict[tuple[int, ...], set]:
    """Per output position, the input positions on which any channel of it depends."""
    images = torch.rand(shape, dtype=torch.float64).requires_grad_()
    output = network(images)
    summed = output.sum(dim=(0, 1))
    result = {}
    for position in torch.cartesian_prod(*map(torch.arange, summed.shape)).tolist():
        index = tuple(position) if isinstance(position, list) else (position,)
        if not summed.requires_grad:
            result[index] = set()
            continue
        (gradient,) = torch.autograd.grad(
            summed[index], images, retain_graph=True, allow_unused=True
        )
        touched = gradient.abs().sum(dim=(0, 1)).nonzero().tolist()
        result[index] = {tuple(each) for each in touched}
    return result
