"""What the operators of a network are for a rule: products, reshapes, non-linearities.

Names are those of ATen without library, leading underscore (a private variant) and trailing one
(in place). What is in no set is taken to be non-linear, so that it raises no alarm.
"""

from __future__ import annotations

from defib.records.architecture import OperationRecord


def operator_of(operation: OperationRecord) -> str:
    """`relu` of `aten.relu_`, `softmax` of `aten._softmax`."""
    return operation.kind.rpartition(".")[2].strip("_")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONVOLUTIONS = _names("convolution convolution_overrideable")

DENSE_PRODUCTS = _names("addmm mm addmv mv bmm baddbmm linear mkldnn_linear matmul")

PRODUCTS = CONVOLUTIONS | DENSE_PRODUCTS
"""Sums of products: affine in the input where the other operand is a parameter."""

RESHAPES = _names(
    """view unsafe_view view_copy reshape reshape_alias t transpose permute squeeze unsqueeze
    flatten unflatten clone contiguous detach alias to_copy lift_fresh pixel_shuffle
    pixel_unshuffle channel_shuffle"""
)
"""Same numbers in another order or shape."""

DROPOUTS = _names("native_dropout")

PASSED_THROUGH = RESHAPES | DROPOUTS
"""What stands between two layers without doing anything."""

WITHOUT_CONTENT = _names(
    """empty_like zeros_like ones_like full_like rand_like randn_like randint_like new_empty
    new_zeros new_ones new_full new_empty_strided"""
)
"""Results that have the size of their argument and nothing else of it."""

RECTIFIERS = _names("relu")

ACTIVATIONS = RECTIFIERS | _names(
    """sigmoid tanh gelu silu mish leaky_relu elu celu selu hardtanh hardswish hardsigmoid
    softplus prelu_kernel rrelu_with_noise log_sigmoid_forward softmax safe_softmax
    log_softmax"""
)

NEVER_NEGATIVE = _names("relu sigmoid hardsigmoid softplus softmax safe_softmax")

SOFTMAXES = _names("softmax safe_softmax")

LOG_SOFTMAXES = _names("log_softmax")

SQUASHING = SOFTMAXES | LOG_SOFTMAXES | _names("sigmoid tanh log_sigmoid_forward")
"""Increasing in each score, or keeping their order: they move no decision boundary."""

BATCH_NORMALIZATIONS = _names(
    """native_batch_norm native_batch_norm_legit native_batch_norm_legit_no_training
    native_batch_norm_legit_functional batch_norm_no_update batch_norm_with_update
    cudnn_batch_norm miopen_batch_norm"""
)
"""Instance normalisation too: for torch it is a batch normalisation of each example."""

OTHER_NORMALIZATIONS = _names("native_layer_norm native_group_norm fused_rms_norm")

NORMALIZATIONS = BATCH_NORMALIZATIONS | OTHER_NORMALIZATIONS

AFFINE = (
    RESHAPES
    | BATCH_NORMALIZATIONS
    | _names("""add sub rsub neg cat stack mean sum select slice split split_with_sizes unsafe_split
        unsafe_split_with_sizes chunk unbind narrow index_select expand repeat flip roll
        constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d
        avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
        adaptive_avg_pool3d upsample_nearest1d upsample_nearest2d upsample_bilinear2d
        upsample_linear1d upsample_bicubic2d im2col col2im""")
)
"""Affine in all their inputs together; a batch normalisation is in evaluation mode."""

SCALINGS = _names("mul div")
"""Affine where only one of the operands depends on the network's input."""
