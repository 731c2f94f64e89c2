"""Attention on the meta device by the kernel that a real device would take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, final

import torch
from torch import Tensor

ATTENTION = torch.ops.aten.scaled_dot_product_attention.default
_FLASH = 1  # torch._C._SDPBackend.FLASH_ATTENTION, as `_fused_sdp_choice` answers


@final
class AttentionKernel(Enum):
    """How `scaled_dot_product_attention` is taken to run."""

    PROCESSOR = "as torch chooses on the processor"
    """Fused where the processor's kernel can; step by step with dropout."""
    FUSED = "fused"
    """Keeps queries, keys, values, result and logarithms of sums: no scores, no dropout mask."""
    STEP_BY_STEP = "step by step"
    """Keeps the scores of all pairs of positions."""


@final
class AttentionCalls:
    """Runs attention without numbers by a given kernel, and counts the calls by kernel."""

    def __init__(self, kernel: AttentionKernel) -> None:
        self.fused = 0
        self.other = 0
        self._kernel = kernel

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """What `scaled_dot_product_attention` gives, named as its arguments are."""
        tensors = (query, key, value)
        options: dict[str, Any] = {"scale": scale, "enable_gqa": enable_gqa}
        if not self._is_fused(tensors, attn_mask, dropout_p, is_causal, **options):
            self.other += 1
            result, _ = torch.ops.aten._scaled_dot_product_attention_math(
                *tensors, attn_mask, dropout_p, is_causal, **options
            )
            return result
        self.fused += 1
        result, _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *tensors, dropout_p, is_causal, attn_mask=_added(attn_mask, query), scale=scale
        )
        return result

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Take attention on the meta device over."""
        # In the dispatcher: whoever calls it, by whatever name, from Python or C++.
        library = torch.library.Library("aten", "IMPL")
        try:
            library.impl("scaled_dot_product_attention", self.attend, "AutogradMeta")
            yield
        finally:
            library._destroy()

    def _is_fused(
        self,
        tensors: tuple[Tensor, Tensor, Tensor],
        mask: Tensor | None,
        *arguments: float | bool,
        **options: Any,  # `scale` and `enable_gqa`
    ) -> bool:
        if self._kernel is not AttentionKernel.PROCESSOR:
            return self._kernel is AttentionKernel.FUSED
        query, key, value = (_tiny(each) for each in tensors)
        tiny_mask = None if mask is None else _tiny(mask)
        # The function is private: torch's public ones only allow or forbid kernels.
        choose = vars(torch)["_fused_sdp_choice"]
        return choose(query, key, value, tiny_mask, *arguments, **options) == _FLASH


def _tiny(tensor: Tensor) -> Tensor:
    """A tensor on the processor of the same size, all of its elements at one place in memory."""
    strides = [0] * tensor.dim()
    if strides and tensor.stride(-1) == 1:
        strides[-1] = 1
    with torch.no_grad():
        tiny = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device="cpu")
    return tiny.requires_grad_(tensor.requires_grad)


def _added(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """The mask as numbers to be added to the scores."""
    if mask is None or mask.dtype is not torch.bool:
        return mask
    zeros = torch.zeros_like(mask, dtype=query.dtype)
    return zeros.masked_fill_(mask.logical_not(), float("-inf"))
