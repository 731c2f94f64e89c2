"""Operators that do no multiply-accumulates: known one by one, by torch's own tags, or as views."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

_FACTORIES = """
    arange bartlett_window blackman_window empty empty_like empty_permuted empty_quantized
    empty_strided _efficientzerotensor eye fft_fftfreq fft_rfftfreq fill fill_ from_file full
    full_like hamming_window hann_window kaiser_window linspace logspace new_empty
    new_empty_strided new_full new_ones new_zeros ones ones_like range scalar_tensor
    tril_indices triu_indices zero zero_ zeros zeros_like
"""
_RANDOM = """
    bernoulli bernoulli_ binomial cauchy cauchy_ exponential exponential_ geometric geometric_
    log_normal log_normal_ multinomial normal normal_ normal_functional poisson rand rand_like
    randint randint_like randn randn_like random random_ randperm _sample_dirichlet
    _standard_gamma uniform uniform_ native_dropout _fused_dropout
"""
_COPIES = """
    alias_write block_diag cat _chunk_cat channel_shuffle clone col2im complex _conj_physical
    constant_pad_nd copy copy_ contiguous detach_ diag_embed diagonal_scatter as_strided_
    as_strided_scatter embedding embedding_renorm embedding_renorm_ flip gather im2col index
    index_copy index_copy_ index_fill index_fill_ index_put index_put_ _index_put_impl
    _index_put_impl_ index_select lift lift_fresh lift_fresh_copy masked_fill masked_fill_
    masked_scatter masked_scatter_ masked_select max_unpool2d max_unpool3d nonzero
    nonzero_static pixel_shuffle pixel_unshuffle polar put put_ reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d resize resize_ resize_as_ _resize_output
    _resize_output_ roll rot90 scatter scatter_ select_scatter set_ slice_scatter split
    squeeze_ stack _stack t_ take _to_copy _to_dense to_padded_tensor transpose_ tril tril_
    triu triu_ unsafe_split unsafe_split_with_sizes _unsafe_index _unsafe_index_put
    _unsafe_masked_index _unsafe_masked_index_put_accumulate _unsafe_view unsqueeze_ view_copy
    where _copy_from _copy_from_and_resize _jagged_to_padded_dense_forward
    _padded_dense_to_jagged_forward _pack_padded_sequence _pin_memory _reshape_alias
"""
_REDUCTIONS = """
    all allclose amax amin aminmax _aminmax any argmax argmin bincount count_nonzero cummax
    cummin _cummax_helper _cummin_helper cumprod cumprod_ cumsum cumsum_ equal histc histogram
    index_add index_add_ index_reduce index_reduce_ isin _is_all_true _is_any_true kthvalue
    linalg_vector_norm logcumsumexp _logcumsumexp logsumexp max mean median min mode nanmedian
    nansum norm native_norm prod scatter_add scatter_add_ scatter_reduce scatter_reduce_
    searchsorted bucketize segment_reduce sort std std_mean sum topk trace unique_consecutive
    unique_dim unique_dim_consecutive _unique _unique2 var var_mean hash_tensor
"""
_NORMALIZATIONS = """
    _softmax softmax _log_softmax log_softmax _safe_softmax _masked_softmax batch_norm_elemt
    batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats
    batch_norm_update_stats _batch_norm_no_update _batch_norm_with_update
    _batch_norm_with_update_functional cudnn_batch_norm miopen_batch_norm native_batch_norm
    _native_batch_norm_legit _native_batch_norm_legit_functional
    _native_batch_norm_legit_no_training native_group_norm native_layer_norm _fused_rms_norm
    renorm renorm_ _weight_norm_interface linalg__powsum
"""
_POOLINGS = """
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d
    _embedding_bag _embedding_bag_forward_only fractional_max_pool2d fractional_max_pool3d
    max_pool2d_with_indices max_pool3d_with_indices mkldnn_adaptive_avg_pool2d
    mkldnn_max_pool2d mkldnn_max_pool3d
"""
_INTERPOLATIONS = """
    affine_grid_generator cudnn_affine_grid_generator cudnn_grid_sampler grid_sampler_2d
    grid_sampler_3d _grid_sampler_2d_cpu_fallback upsample_bicubic2d upsample_bilinear2d
    upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
    upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
"""
_ELEMENTWISE = """
    _add_relu _add_relu_ addr addr_ copysign dist floor_divide floor_divide_ glu hardswish
    hardswish_ log_sigmoid_forward _prelu_kernel rrelu_with_noise rrelu_with_noise_
    rrelu_with_noise_functional threshold_
    _thnn_fused_gru_cell _thnn_fused_lstm_cell heaviside lerp _masked_scale linalg_cross
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask
"""
_LOSSES = """
    binary_cross_entropy binary_cross_entropy_with_logits _ctc_loss huber_loss mse_loss
    multi_margin_loss multilabel_margin_loss_forward nll_loss2d_forward nll_loss_forward
    smooth_l1_loss soft_margin_loss
"""
_QUESTIONS = """
    _assert_async _assert_scalar _assert_tensor_metadata dense_dim _functional_assert_async
    _has_same_storage_numel is_coalesced is_pinned is_same_size is_set_to
    _linalg_check_errors _local_scalar_dense _print record_stream sym_constrain_range
    sym_constrain_range_for_size sym_numel sym_size sym_storage_offset sym_stride
"""
WITHOUT_PRODUCTS = frozenset(
    " ".join(
        (
            _FACTORIES,
            _RANDOM,
            _COPIES,
            _REDUCTIONS,
            _NORMALIZATIONS,
            _POOLINGS,
            _INTERPOLATIONS,
            _ELEMENTWISE,
            _LOSSES,
            _QUESTIONS,
        )
    ).split()
)
"""Names of operators of ATen that do no multiply-accumulates, beside elementwise ones and views.

Interpolations and outer products are arithmetic of single elements, not products of matrices.
"""


@cache
def is_without_products(operator: Any) -> bool:
    """Whether an operator of ATen, or a name, is known to do no multiply-accumulates."""
    packet = getattr(operator, "overloadpacket", None)
    if packet is None:
        return operator in WITHOUT_PRODUCTS
    name = packet.__name__
    return (
        name in WITHOUT_PRODUCTS
        or name.startswith("_foreach_")
        or _is_view(operator)
        or _is_elementwise(name)
    )


def _is_view(operator: Any) -> bool:
    """Whether the results are views of the arguments, which are left as they are."""
    aliases = [result.alias_info for result in operator._schema.returns]
    return bool(aliases) and all(each is not None and not each.is_write for each in aliases)


def _is_elementwise(name: str) -> bool:
    # In-place operators have no tag of their own.
    names = (name, name.removesuffix("_"))
    packets = [getattr(torch.ops.aten, each, None) for each in names]
    return any(
        torch.Tag.pointwise in getattr(packet, overload).tags
        for packet in packets
        if packet is not None
        for overload in packet.overloads()
    )
