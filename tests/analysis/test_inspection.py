"""`inspect` as a whole: published totals, every way of writing a network, nothing touched."""

import gc
import hashlib
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.inspection import inspect
from defib.errors import UsageError
from defib.networks.alexnet import AlexNet
from defib.networks.decoder import Decoder, DecoderSize
from defib.networks.fcn import fcn_8s
from defib.networks.googlenet import googlenet
from defib.networks.inception_v2 import inception_v2
from defib.networks.lenet import lenet_5
from defib.networks.mini_googlenet import mini_googlenet
from defib.networks.mobilenet import mobilenet_v1
from defib.networks.resnet import resnet_50
from defib.networks.unet import UNet
from defib.networks.vgg import vgg_19
from defib.networks.vision_transformer import VisionTransformer
from defib.records.architecture import Architecture


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


def total(architecture: Architecture, column: str) -> int:
    return sum(getattr(layer, column).value for layer in architecture.layers)


def small_decoder() -> nn.Module:
    return Decoder(DecoderSize(50, 16, 2, 4, 32, key_value_heads=2, is_tied=True))


NETWORKS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (AlexNet, (1, 3, 227, 227)),
    (vgg_19, (1, 3, 224, 224)),
    (resnet_50, (1, 3, 224, 224)),
    (googlenet, (1, 3, 224, 224)),
    (inception_v2, (1, 3, 224, 224)),
    (mini_googlenet, (1, 3, 32, 32)),
    (mobilenet_v1, (1, 3, 224, 224)),
    (lenet_5, (1, 1, 28, 28)),
    (fcn_8s, (1, 3, 65, 70)),
    (UNet, (1, 1, 188, 188)),
    (lambda: VisionTransformer(side=32, layers=2), (1, 3, 32, 32)),
    (small_decoder, (2, 7)),
]


@pytest.mark.parametrize(("build", "shape"), NETWORKS)
def test_functions_and_operators_agree_and_nothing_is_left_out(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
):
    network = on_meta(build)
    architecture = inspect(network, shape, dtype=torch.long if len(shape) == 2 else None)
    assert architecture.notes == ()
    assert architecture.is_traced
    assert total(architecture, "macs") == sum(each.macs.value for each in architecture.operations)
    assert total(architecture, "weights") + total(architecture, "biases") == sum(
        each.numel() for each in network.parameters()
    )
    assert total(architecture, "macs") == total(architecture, "connections") + total(
        architecture, "padding_macs"
    )
    assert all(
        size.expression.value in layer.outputs[0].dimensions
        for layer in architecture.layers
        for size in layer.sizes
    )


@pytest.mark.parametrize(("build", "shape"), NETWORKS)
def test_macs_are_half_of_the_flops_of_torch(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
):
    if build is fcn_8s:
        pytest.skip("torch 2.13 forgets the groups of transposed convolutions")
    network = on_meta(build).eval()
    dtype = torch.long if len(shape) == 2 else None
    with FlopCounterMode(display=False) as oracle:
        network(torch.empty(shape, device="meta", dtype=dtype))
    assert total(inspect(network, shape, dtype=dtype), "macs") == oracle.get_total_flops() / 2


def test_published_totals():
    alexnet = inspect(on_meta(AlexNet), (1, 3, 227, 227))
    assert total(alexnet, "weights") + total(alexnet, "biases") == 60_965_224
    assert total(inspect(on_meta(vgg_19), (1, 3, 224, 224)), "weights") == 143_652_544
    assert total(inspect(on_meta(resnet_50), (1, 3, 224, 224)), "macs") == 4_089_184_256


# -- every way of writing a network ------------------------------------------------------------


class Functional(nn.Module):
    """All work in its own `forward`, a part of it in a container that it calls."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))
        self.head = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(16, 2)))

    def forward(self, image: Tensor) -> dict[str, Any]:
        # A tensor made without naming a device.
        mask = torch.ones(4, 1, 1)
        features = F.relu(F.conv2d(image, self.weight)) * mask
        return {"scores": self.head(features), "maps": [features]}


def test_work_of_a_container_counts_at_the_container():
    layers = inspect(Functional(), (1, 3, 4, 4)).layers
    assert [(each.name, each.depth, each.is_leaf) for each in layers] == [
        ("", 0, False),
        ("head", 1, False),
        ("head.0", 2, True),
        ("head.1", 2, False),
        ("head.1.0", 3, True),
    ]
    assert [each.macs.value for each in layers] == [3 * 3 * 3 * 4 * 4, 0, 0, 0, 16 * 2]


def test_outputs_in_a_dictionary_are_found():
    architecture = inspect(Functional(), (1, 3, 4, 4))
    assert [each.dimensions for each in architecture.outputs] == [(1, 2), (1, 4, 2, 2)]


def test_activations_of_a_part_are_not_those_of_the_container():
    layers = inspect(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (2, 3)).layers
    assert [each.activations.value for each in layers] == [0, 8, 8]


class Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.layer.register_forward_hook(lambda _module, _given, result: result @ result.T)

    def forward(self, features: Tensor) -> Tensor:
        return self.layer(features)


def test_work_of_hooks_counts_at_their_layer():
    layer = inspect(Hooked(), (2, 3)).layers[1]
    assert layer.macs.value == 2 * 3 * 3 + 2 * 3 * 2


class WithoutGradient(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        return self.convolution(image) @ torch.ones(4, 2)


def test_inference_mode_hides_nothing():
    architecture = inspect(WithoutGradient(), (1, 3, 6, 6))
    assert architecture.notes == ()
    assert total(architecture, "macs") == 27 * 4 * 16 + 4 * 4 * 4 * 2


class OwnCall(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def __call__(self, features: Tensor) -> Tensor:
        return self.layer(features) @ self.layer.weight


def test_network_with_a_call_of_its_own():
    layers = inspect(OwnCall(), (2, 3)).layers
    assert [(each.name, each.depth, each.macs.value) for each in layers] == [
        ("", 0, 18),
        ("layer", 1, 18),
    ]


def test_parametrized_layer_keeps_its_type():
    network = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    layers = inspect(network, (2, 3)).layers
    assert (layers[0].type, layers[0].macs.value) == ("Linear", 24)


def test_options_are_text():
    options = dict(inspect(nn.Conv2d(3, 4, 3, bias=False), (1, 3, 5, 5)).layers[0].options)
    assert (options["kernel_size"], options["bias"]) == ("(3, 3)", "False")


def test_operations_name_what_they_used():
    operations = inspect(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (2, 3)).operations
    kinds = [(each.kind, each.inputs) for each in operations[:3]]
    assert kinds == [("aten.t", ()), ("aten.addmm", (-1, 0)), ("aten.relu", (1,))]


# -- examples ----------------------------------------------------------------------------------


class Two(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left @ right


@pytest.mark.parametrize(
    "example",
    [
        (torch.zeros(2, 3), torch.zeros(3, 4)),
        [torch.zeros(2, 3), torch.zeros(3, 4)],
        {"right": torch.zeros(3, 4), "left": torch.zeros(2, 3)},
        [(2, 3), (3, 4)],
        ((2, 3), (3, 4)),
    ],
    ids=("tuple", "list", "names", "shapes", "tuple of shapes"),
)
def test_examples_are_tensors_or_shapes(example: Any):
    assert inspect(Two(), example).outputs[0].dimensions == (2, 4)


def test_further_inputs_by_name():
    architecture = inspect(Two(), torch.zeros(2, 3), keywords={"right": torch.zeros(3, 4)})
    assert architecture.outputs[0].dimensions == (2, 4)


def test_one_type_for_each_shape():
    with pytest.raises(UsageError, match="2 input shapes were given, but 1 element types"):
        inspect(Two(), [(2, 3), (3, 4)], dtype=[torch.float64])


def test_shapes_have_the_type_of_the_network():
    assert inspect(nn.Linear(3, 4).double(), (2, 3)).inputs[0].element_type == "float64"


def test_shapes_of_embedded_inputs_are_whole_numbers():
    architecture = inspect(nn.Embedding(5, 3), (2, 4))
    assert architecture.is_traced
    assert architecture.inputs[0].element_type == "int64"
    assert "whole numbers" in architecture.notes[0]


# -- the network is left as found --------------------------------------------------------------


def fingerprint(network: nn.Module) -> str:
    """Hash of all that a network is, and of every random state."""
    described = [
        (
            name,
            module.training,
            sorted(vars(module)),
            [
                (key, tensor.shape, tensor.device, tensor.requires_grad, tensor._version)
                for key, tensor in module.state_dict(keep_vars=True).items()
            ],
            list(module._forward_hooks),
            list(module._forward_pre_hooks),
        )
        for name, module in network.named_modules()
    ]
    values = [
        (tensor.detach().numpy().tobytes(), None if tensor.grad is None else tensor.grad.tolist())
        for tensor in network.state_dict(keep_vars=True).values()
    ]
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state().tolist())
    return hashlib.sha256(pickle.dumps((repr(described), values, repr(states)))).hexdigest()


class Uncopyable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.generator = (index for index in range(3))

    def forward(self, features: Tensor) -> Tensor:
        self.seen = features
        return F.dropout(self.layer(features), training=True)


class Counting(nn.Module):
    """Changes itself when it runs, and asks for the value of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, features: Tensor) -> Tensor:
        self.calls += 1
        self.norm.train()
        features = self.norm(features) + torch.rand(1)
        return features if features.sum() > 0 else -features


@pytest.mark.parametrize("build", [Uncopyable, Counting, Hooked])
def test_network_is_left_as_found(build: Callable[[], nn.Module]):
    network = build().train()
    next(network.parameters()).grad = torch.ones_like(next(network.parameters()))
    before = fingerprint(network)
    assert inspect(network, (4, 3)).is_traced
    assert fingerprint(network) == before


def test_network_is_left_as_found_where_it_fails():
    network = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(5, 2))
    before = fingerprint(network)
    assert not inspect(network, (4, 3)).is_traced
    assert fingerprint(network) == before


@pytest.mark.slow
def test_decoder_of_80_layers_is_counted_exactly():
    from defib.networks.decoder import LLAMA_3_70B

    network = on_meta(lambda: Decoder(LLAMA_3_70B))
    architecture = inspect(network, (1, 2048), dtype=torch.long)
    assert total(architecture, "weights") == 70_553_706_496


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_garbage_collector_is_left_as_found(is_enabled: bool):
    was_enabled = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        inspect(nn.Linear(2, 2), (1, 3))
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()
