"""Models that people use: inspected, and compared with torch's own count of their operators.

The reference is `torch.utils.flop_counter` on the same network: on the meta device, or where
the code needs numbers, in a real run of a small network. It counts what the dispatcher sees, so
attention, recurrent layers and experts run as plain products for it: not fused, not in oneDNN.
"""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.inspection import inspect
from defib.records.architecture import Architecture
from tests.analysis.optional_packages import optional

# Warnings of the models' own code are not ours to mend.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TIMM = """
    resnet18 resnet50 resnext50_32x4d seresnet50 resnetv2_50 res2net50_26w_4s resnest50d
    ecaresnet50d skresnet50 nf_resnet50 dm_nfnet_f0 efficientnet_b0 tf_efficientnetv2_s
    mobilenetv2_100 mobilenetv3_large_100 mobilenetv4_conv_small mixnet_s ghostnet_100
    mnasnet_100 convnext_tiny convnextv2_tiny densenet121 regnetx_008 regnety_016 vgg16_bn
    inception_v3 inception_resnet_v2 xception41 dpn68 dla34 hrnet_w18_small repvgg_a0
    cspdarknet53 vovnet39a rexnet_100 tresnet_m halonet26t lambda_resnet26t botnet26t_256
    vit_base_patch16_224 vit_base_r50_s16_224 deit3_small_patch16_224 beit_base_patch16_224
    eva02_tiny_patch14_224 vit_small_patch14_dinov2 swin_tiny_patch4_window7_224
    swinv2_tiny_window8_256 pvt_v2_b0 twins_svt_small cait_xxs24_224 xcit_nano_12_p16_224
    crossvit_tiny_240 tnt_s_patch16_224 volo_d1_224 convit_tiny coat_tiny coatnet_nano_rw_224
    maxvit_tiny_tf_224 levit_128 mixer_b16_224 resmlp_12_224 gmlp_s16_224 convmixer_768_32
    poolformer_s12 caformer_s18 edgenext_xx_small mobilevit_xxs efficientformer_l1 fastvit_t8
    focalnet_tiny_srf gcvit_xxtiny davit_tiny repvit_m0_9 hiera_tiny_224 sequencer2d_s
    nest_tiny mvitv2_tiny pit_ti_224 efficientvit_b0 mambaout_tiny starnet_s1 hgnet_tiny
"""


@dataclass(frozen=True)
class Model:
    """A class of transformers with its configuration; sizes left out are the published ones."""

    name: str
    inputs: Callable[[], dict[str, Tensor]]
    configuration: dict[str, Any] = field(default_factory=dict)
    configuration_name: str = ""
    needs_numbers: bool = False
    """Its code asks for values of tensors, or the reference cannot run on meta."""
    uncounted: str = ""
    """An operator that no formula is known for, which a note has to name."""

    def __str__(self) -> str:
        return self.name

    def made_by(self, transformers: Any) -> nn.Module:
        stem = self.name
        for ending in ("ForConditionalGeneration", "ForCausalLM", "LMHeadModel", "MTModel"):
            stem = stem.removesuffix(ending)
        name = self.configuration_name or f"{stem.removesuffix('Model')}Config"
        configuration = getattr(transformers, name)(**self.configuration)
        with torch.device("cpu" if self.needs_numbers else "meta"):
            return getattr(transformers, self.name)(configuration).eval()


def tokens(*size: int) -> Tensor:
    return torch.ones(size, dtype=torch.long)


def text() -> dict[str, Tensor]:
    return {"input_ids": tokens(2, 16)}


def two_texts() -> dict[str, Tensor]:
    return {"input_ids": tokens(2, 16), "decoder_input_ids": tokens(2, 12)}


def image(side: int = 224) -> dict[str, Tensor]:
    return {"pixel_values": torch.ones(1, 3, side, side)}


def sound() -> dict[str, Tensor]:
    return {"input_values": torch.ones(1, 16_000)}


SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
DECODER = {**SMALL, "num_key_value_heads": 2}
PAIR = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "vocab_size": 100,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": 2,
}
EXPERTS = {
    **DECODER,
    "num_key_value_heads": 4,
    "moe_intermediate_size": 32,
    "n_routed_experts": 8,
    "n_group": 2,
    "topk_group": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "q_lora_rank": 32,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
}
TRANSFORMERS = (
    Model("BertModel", text),
    Model("RobertaModel", text),
    Model("AlbertModel", text),
    Model("DistilBertModel", text),
    Model("ElectraModel", text),
    Model("MPNetModel", text),
    Model("ModernBertModel", text),
    Model("FunnelModel", text),
    Model("FNetModel", text, uncounted="aten._fft_c2c"),
    Model("DebertaV2Model", text, {**SMALL, "relative_attention": True}, needs_numbers=True),
    Model("LongformerModel", text, {**SMALL, "attention_window": 8}, needs_numbers=True),
    Model(
        "BigBirdModel",
        lambda: {"input_ids": tokens(1, 64)},
        {**SMALL, "block_size": 4, "num_random_blocks": 1, "max_position_embeddings": 128},
        needs_numbers=True,
    ),
    Model(
        "XLNetModel",
        text,
        {"n_layer": 2, "d_model": 64, "n_head": 4, "d_inner": 128, "vocab_size": 100},
        needs_numbers=True,
    ),
    Model("GPT2LMHeadModel", text),
    Model("GPTNeoXForCausalLM", text, {"num_hidden_layers": 2}),
    Model("GPTJForCausalLM", text, {"n_layer": 2}),
    Model("OPTForCausalLM", text),
    Model("BloomForCausalLM", text),
    Model("FalconForCausalLM", text, {"num_hidden_layers": 2}),
    Model("MptForCausalLM", text, {"n_layers": 2}),
    Model("LlamaForCausalLM", text),
    Model("MistralForCausalLM", text),
    Model("Qwen2ForCausalLM", text),
    Model("Qwen3ForCausalLM", text, DECODER),
    Model("GemmaForCausalLM", text, DECODER),
    Model("Gemma2ForCausalLM", text, DECODER),
    Model("Phi3ForCausalLM", text, DECODER),
    Model("StableLmForCausalLM", text, DECODER),
    Model("OlmoForCausalLM", text, DECODER),
    Model("CohereForCausalLM", text, DECODER),
    Model("Starcoder2ForCausalLM", text, DECODER),
    Model("MixtralForCausalLM", text, DECODER, needs_numbers=True),
    Model(
        "Qwen3MoeForCausalLM",
        text,
        {**DECODER, "num_experts": 8, "moe_intermediate_size": 32, "head_dim": 16},
        needs_numbers=True,
    ),
    Model(
        "GptOssForCausalLM",
        text,
        {**DECODER, "num_local_experts": 4, "head_dim": 16},
        needs_numbers=True,
    ),
    Model("DeepseekV3ForCausalLM", text, EXPERTS, needs_numbers=True),
    Model("MambaForCausalLM", text, {"num_hidden_layers": 2}),
    Model("Mamba2ForCausalLM", text, {"num_hidden_layers": 2}),
    Model("RwkvForCausalLM", text, {"num_hidden_layers": 2}),
    Model("T5ForConditionalGeneration", two_texts),
    Model("BartForConditionalGeneration", two_texts, PAIR, needs_numbers=True),
    Model("PegasusForConditionalGeneration", two_texts, PAIR, needs_numbers=True),
    Model("MarianMTModel", two_texts, PAIR, needs_numbers=True),
    Model(
        "WhisperForConditionalGeneration",
        lambda: {"input_features": torch.ones(1, 80, 3000), "decoder_input_ids": tokens(1, 8)},
    ),
    Model("Wav2Vec2Model", sound),
    Model("HubertModel", sound),
    Model("WavLMModel", sound),
    Model("ASTModel", lambda: {"input_values": torch.ones(1, 1024, 128)}),
    Model(
        "EncodecModel",
        lambda: {"input_values": torch.ones(1, 1, 2400)},
        {"num_filters": 4, "codebook_size": 16, "hidden_size": 16, "codebook_dim": 16},
        needs_numbers=True,
    ),
    Model("CLIPModel", lambda: {**text(), **image()}),
    Model("SiglipModel", lambda: {**text(), **image()}),
    Model("ViTModel", image),
    Model("DeiTModel", image),
    Model("BeitModel", image),
    Model("SwinModel", image),
    Model("Swinv2Model", lambda: image(256)),
    Model("Dinov2Model", image),
    Model("ConvNextModel", image),
    Model("ResNetModel", image),
    Model("SegformerForSemanticSegmentation", image, configuration_name="SegformerConfig"),
    Model("MobileViTModel", image),
    Model(
        "ViltModel",
        lambda: {"input_ids": tokens(1, 16), **image(64)},
        {**SMALL, "image_size": 64, "patch_size": 16},
        needs_numbers=True,
    ),
    Model(
        "PerceiverModel",
        lambda: {"inputs": torch.ones(1, 20, 16)},
        {"num_latents": 8, "d_latents": 32, "d_model": 16, "num_self_attends_per_block": 2},
        needs_numbers=True,
    ),
    Model("TimesformerModel", lambda: {"pixel_values": torch.ones(1, 8, 3, 224, 224)}),
    Model(
        "LayoutLMModel",
        lambda: {"input_ids": tokens(1, 16), "bbox": tokens(1, 16, 4)},
        SMALL,
        needs_numbers=True,
    ),
    Model(
        "SamVisionModel",
        lambda: {"pixel_values": torch.ones(1, 3, 1024, 1024)},
        {"num_hidden_layers": 2},
    ),
)


@pytest.mark.parametrize("name", TIMM.split())
def test_a_model_of_timm_is_counted_as_its_operators_run(name: str):
    timm = optional("timm")
    with torch.device("meta"):
        network = timm.create_model(name, pretrained=False).eval()
    shape = (1, *network.default_cfg["input_size"])
    architecture = inspect(network, shape)
    assert architecture.notes == ()
    _assert_counted(architecture, network, {"x": torch.empty(shape, device="meta")})


@pytest.mark.parametrize("model", TRANSFORMERS, ids=str)
def test_a_model_of_transformers_is_counted_as_its_operators_run(model: Model):
    transformers = optional("transformers")
    torch.manual_seed(0)
    network, inputs = model.made_by(transformers), model.inputs()
    architecture = inspect(network, inputs)
    uncounted = [note for note in architecture.notes if "not counted" in note]
    assert len(uncounted) == bool(model.uncounted)
    assert all(model.uncounted in note for note in uncounted)
    assert not any("was expected to take" in note for note in architecture.notes)
    if not model.needs_numbers:
        inputs = {name: each.to("meta") for name, each in inputs.items()}
    _assert_counted(architecture, network, inputs)


def _assert_counted(
    architecture: Architecture, network: nn.Module, inputs: dict[str, Tensor]
) -> None:
    assert architecture.is_traced
    parameters = [layer.weights.value + layer.biases.value for layer in architecture.layers]
    assert sum(parameters) == sum(each.numel() for each in network.parameters())
    macs = sum(layer.macs.value for layer in architecture.layers)
    assert 2 * macs == _reference_flops(network, inputs)


def _reference_flops(network: nn.Module, inputs: dict[str, Tensor]) -> int:
    network = copy.deepcopy(network)
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")
    with ExitStack() as stack:
        counter = stack.enter_context(FlopCounterMode(display=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        network(**inputs)
    return counter.get_total_flops()
