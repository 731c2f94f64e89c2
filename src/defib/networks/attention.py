"""Multi-head self-attention, with fewer key and value heads where wanted."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


def unchanged(heads: Tensor) -> Tensor:
    """The heads as they are: attention that knows no positions."""
    return heads


class Attention(nn.Module):
    """Each position's mixture of the values at all positions, or at the earlier ones if causal.

    Vaswani et al., "Attention Is All You Need" (2017), arXiv:1706.03762. With fewer
    `key_value_heads` than `heads` each serves a group of queries: Ainslie et al., "GQA" (2023),
    arXiv:2305.13245. Both must divide: `width` by `heads`, `heads` by `key_value_heads`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        key_value_heads: int | None = None,
        has_bias: bool = True,
        is_causal: bool = False,
    ) -> None:
        super().__init__()
        self.head_width = width // heads
        self.is_causal = is_causal
        key_value_width = self.head_width * (key_value_heads or heads)
        self.query = nn.Linear(width, width, bias=has_bias)
        self.key = nn.Linear(width, key_value_width, bias=has_bias)
        self.value = nn.Linear(width, key_value_width, bias=has_bias)
        self.output = nn.Linear(width, width, bias=has_bias)

    def forward(
        self, features: Tensor, positioned: Callable[[Tensor], Tensor] = unchanged
    ) -> Tensor:
        """The mixture for (batch, position, width); `positioned` acts on queries and keys."""
        query = positioned(self._heads(self.query(features)))
        key = positioned(self._heads(self.key(features)))
        value = self._heads(self.value(features))
        mixed = F.scaled_dot_product_attention(
            query, key, value, is_causal=self.is_causal, enable_gqa=key.shape != query.shape
        )
        return self.output(mixed.transpose(1, 2).flatten(2))

    def _heads(self, projected: Tensor) -> Tensor:
        """(batch, position, heads · width) as (batch, heads, position, width)."""
        return projected.unflatten(2, (-1, self.head_width)).transpose(1, 2)
