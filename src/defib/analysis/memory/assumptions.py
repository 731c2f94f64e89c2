"""What the memory figures take for granted, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.parameter import is_lazy

from defib.analysis.memory.attention import AttentionKernel
from defib.analysis.memory.forward_pass import ForwardPass

_NOT_MODELLED = (
    "Kernels are those of the processor. Not modelled: workspace inside of operators, rounding "
    "and fragmentation by the allocator, what optimisers and the backward pass need in passing."
)
_DROPOUT = (
    "Dropout keeps its mask in the element type of its input, as on the processor; "
    "CUDA's kernel keeps one byte for each element."
)
_FUSED_ATTENTION = "_scaled_dot_product_flash_attention_for_cpu"
_FAST_PATH = (
    "Forward peak: transformer layers of torch run their usual code, not the fast path that "
    "they can take without gradients."
)


def assumptions_of(
    network: nn.Module,
    training: ForwardPass | None,
    kernel: AttentionKernel,
    other: ForwardPass | None = None,
) -> Iterator[str]:
    """What figures from a forward pass of `network` assume; `None`: it did not run.

    `other` is the same pass with the other kernel of attention.
    """
    modules = tuple(network.modules())
    if training is not None:
        yield from _of_attention(training, kernel)
        if other is not None and other_kernel(training, kernel) is not None:
            name = "a fused kernel" if training.other_attention_calls else "attention step by step"
            yield (
                f"With {name} {other.saved_bytes:,} bytes would be kept for backward "
                f"instead of {training.saved_bytes:,}."
            )
        if "bernoulli_" in training.operators:
            yield _DROPOUT
    if any(isinstance(each, nn.MultiheadAttention) for each in modules):
        yield _FAST_PATH
    size = sum(
        each.numel() * each.element_size() for each in network.buffers() if not is_lazy(each)
    )
    if size:
        yield f"Buffers take {size:,} bytes besides the weights."
    yield _NOT_MODELLED


def other_kernel(training: ForwardPass, kernel: AttentionKernel) -> AttentionKernel | None:
    """The kernel to compare with where torch's choice was assumed; `None` without attention."""
    if kernel is not AttentionKernel.PROCESSOR:
        return None
    if training.other_attention_calls:
        return AttentionKernel.FUSED
    return AttentionKernel.STEP_BY_STEP if training.fused_attention_calls else None


def _of_attention(training: ForwardPass, kernel: AttentionKernel) -> Iterator[str]:
    why = f" ({kernel.value})" if kernel is AttentionKernel.PROCESSOR else ""
    if training.fused_attention_calls:
        yield (
            f"Attention kernel of {training.fused_attention_calls} calls: fused{why}. It keeps "
            "queries, keys, values, result and the logarithms of sums, not the scores."
        )
    if training.other_attention_calls:
        yield (
            f"Attention kernel of {training.other_attention_calls} calls: step by step{why}. It "
            "keeps the scores of all pairs of positions."
        )
    is_counted = training.fused_attention_calls or training.other_attention_calls
    if not is_counted and _FUSED_ATTENTION in training.operators:
        yield f"Attention kernel: fused{why}."
