import copy
import math
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from defib.analysis.signal_propagation.measured import measure_signal_propagation, random_batch
from defib.analysis.signal_propagation.results import LayerSignal, Prediction
from defib.errors import UsageError
from defib.networks.residual import ResidualNetwork


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    state = torch.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)


def deep(
    width: int, depth: int, activation: Callable[[], nn.Module], deviation: float
) -> nn.Sequential:
    """Square layers; `deviation` is that of a weight times √width."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layer = nn.Linear(width, width, bias=False)
        nn.init.normal_(layer.weight, std=deviation / math.sqrt(width))
        layers += [layer, activation()]
    return nn.Sequential(*layers)


def measure(model: nn.Module, *shape: int) -> tuple[LayerSignal, ...]:
    return measure_signal_propagation(model, random_batch(model, shape)).layers


def log_errors(layers: tuple[LayerSignal, ...]) -> list[float]:
    """|ln(measured/predicted)| forward and backward, of layers and activations."""
    errors = []
    for each in layers:
        for way in (each.forward, each.backward):
            assert way.prediction is Prediction.CHAINED
            for measured, predicted in (
                (way.layer, way.predicted_layer),
                (way.activation, way.predicted_activation),
            ):
                assert measured is not None
                errors.append(abs(math.log(measured.second_moment / predicted)))
    return errors


@pytest.mark.parametrize(
    ("activation", "deviation", "tolerance"),
    # At width n a ReLU layer adds the relative variance 5/n, and 12 layers add up: standard
    # deviation 0.40 at n = 384. tanh pulls back to its fixed point: under 0.11 for 8 seeds.
    [
        (nn.ReLU, math.sqrt(2), 0.8),
        (nn.GELU, 1.5335, 0.8),
        (nn.Tanh, 1.3, 0.2),
        (nn.Tanh, 1.0, 0.2),
    ],
)
def test_wide_networks_follow_the_theory(
    activation: Callable[[], nn.Module], deviation: float, tolerance: float
):
    layers = measure(deep(384, 12, activation, deviation), 64, 384)
    assert len(layers) == 12
    assert max(log_errors(layers)) < tolerance


def test_sampling_error_of_relu_networks_averages_out():
    # Over 8 networks the mean of ln(measured/predicted) has the standard error 0.09 · 2/√8 here,
    # and the bias −5/(2n) per layer of a logarithm of a mean.
    errors = []
    for seed in range(8):
        torch.manual_seed(seed)
        last = measure(deep(256, 2, nn.ReLU, math.sqrt(2)), 64, 256)[-1].forward
        errors.append(math.log(last.activation.second_moment / last.predicted_activation))
    assert abs(sum(errors) / 8) < 0.15


def test_torchs_default_loses_five_sixths_per_layer():
    model = nn.Sequential(*[m for _ in range(10) for m in (nn.Linear(300, 300), nn.ReLU())])
    for layer in model[::2]:
        nn.init.zeros_(layer.bias)
    layers = measure(model, 64, 300)
    assert layers[3].theory.chi_1 == pytest.approx(1 / 6, rel=0.02)
    assert layers[3].theory.weight_variance == pytest.approx(1 / 3, rel=0.02)
    assert layers[3].initialization.ratio == pytest.approx(math.sqrt(1 / 6), rel=0.02)
    assert layers[3].initialization.gain == pytest.approx(math.sqrt(2))
    assert layers[3].initialization.recommended_deviation == pytest.approx(math.sqrt(2 / 300))
    fall = layers[-1].forward.layer.second_moment / layers[0].forward.layer.second_moment
    assert math.log(fall) / 9 == pytest.approx(math.log(1 / 6), abs=0.15)


def test_one_linear_layer_has_known_moments():
    layer = nn.Linear(2, 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 3.0]]))
        layer.bias.fill_(0.5)
    [signal] = measure_signal_propagation(
        layer, torch.tensor([[1.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
    ).layers
    # Outputs 1.5 and 7.5.
    assert signal.forward.layer.mean == pytest.approx(4.5)
    assert signal.forward.layer.variance == pytest.approx(9)
    assert signal.forward.layer.second_moment == pytest.approx(29.25)
    assert signal.received.second_moment == pytest.approx(1.5)
    # 2 inputs · Var w = 1 · E[x²] = 1.5, and the bias.
    assert signal.forward.predicted_layer == pytest.approx(3.25)
    assert signal.forward_factor == pytest.approx(19.5)
    assert signal.activation is None
    assert signal.initialization.gain == pytest.approx(1)
    assert signal.backward.predicted_layer == 1.0


def test_convolutions_follow_the_theory_up_to_the_border():
    layers: list[nn.Module] = []
    for inputs, stride in ((3, 1), (64, 2), (64, 1), (64, 2)):
        layer = nn.Conv2d(inputs, 64, 3, stride=stride, padding=1)
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU(inplace=True)]
    assert max(log_errors(measure(nn.Sequential(*layers), 16, 3, 12, 12))) < 0.35


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(x), 0.2)
        x = F.dropout(x.view(-1, 8, 8).flatten(1), 0.5, self.training)
        return self.second(x).tanh_()


def test_functional_and_in_place_activations_and_dropout_are_followed():
    first, second = measure(Functional(), 256, 64)
    assert (first.activation, second.activation) == ("leaky_relu", "tanh")
    assert second.forward.prediction is Prediction.CHAINED
    assert first.backward.prediction is Prediction.CHAINED
    for each in (first, second):
        for way in (each.forward, each.backward):
            assert way.layer.second_moment == pytest.approx(way.predicted_layer, rel=0.3)
            assert way.activation.second_moment == pytest.approx(way.predicted_activation, rel=0.3)


def test_in_place_activation_does_not_change_what_is_measured():
    kept = deep(32, 4, nn.ReLU, 1.4)
    in_place = copy.deepcopy(kept)
    for module in in_place[1::2]:
        module.inplace = True
    assert measure(kept, 8, 32) == measure(in_place, 8, 32)


class Branching(nn.Module):
    """x + second(relu(first(x))), then a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second, self.head = (nn.Linear(64, 64) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(x + self.second(self.first(x).relu()))


def test_sums_start_again_from_what_was_measured():
    stem, first, second, head = measure(Branching(), 128, 64)
    forward = [each.forward.prediction for each in (stem, first, second, head)]
    assert forward == [Prediction.CHAINED] * 3 + [Prediction.FROM_MEASURED_INPUT]
    scale = head.theory.weight_variance
    expected = scale * head.received.second_moment + head.theory.bias_variance
    assert head.forward.predicted_layer == pytest.approx(expected)
    backward = [each.backward.prediction for each in (stem, first, second, head)]
    assert backward == [
        Prediction.FROM_MEASURED_INPUT,
        Prediction.CHAINED,
        Prediction.FROM_MEASURED_INPUT,
        Prediction.CHAINED,
    ]
    assert stem.backward.predicted_layer == pytest.approx(stem.backward.layer.second_moment)


def test_residual_network_with_normalisation():
    layers = {each.layer: each for each in measure(ResidualNetwork(), 8, 1, 8, 8)}
    normalisation = layers["blocks.0.norm1"]
    assert normalisation.forward.prediction is Prediction.NONE
    assert normalisation.theory is None
    assert normalisation.activation == "relu"
    assert normalisation.forward.predicted_activation == pytest.approx(0.5, rel=0.01)
    assert layers["blocks.0.conv2"].forward.prediction is Prediction.CHAINED
    assert layers["head"].forward.prediction is Prediction.FROM_MEASURED_INPUT


@pytest.mark.parametrize("training", [True, False])
def test_attention_and_embeddings_are_measured(training: bool):
    model = nn.Sequential(
        nn.Embedding(10, 16), nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    ).train(training)
    found = measure_signal_propagation(model, torch.arange(10).reshape(2, 5))
    layers = {each.layer: each for each in found.layers}
    assert layers["0"].received is None
    assert layers["1.self_attn"].backward.layer.second_moment > 0
    assert layers["1.linear1"].activation == "relu"
    assert layers["1.linear2"].forward.layer.second_moment > 0
    assert found.never_called == ()


def test_shared_layer_has_one_result_per_call_and_an_uncalled_one_is_named():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.idle = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"out": self.layer(self.layer(x).relu())}

    model = Shared()
    found = measure_signal_propagation(model, random_batch(model, (3, 4)))
    assert [(each.layer, each.call) for each in found.layers] == [("layer", 0), ("layer", 1)]
    assert found.never_called == ("idle",)


def test_frozen_model_has_gradients():
    model = deep(16, 2, nn.ReLU, 1.4).requires_grad_(False)
    assert all(each.backward.layer.second_moment > 0 for each in measure(model, 4, 16))
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_works_without_gradients_being_enabled():
    model = deep(16, 2, nn.ReLU, 1.4)
    expected = measure(model, 4, 16)
    with torch.no_grad():
        assert measure(model, 4, 16) == expected
    with torch.inference_mode():
        assert measure(model, 4, 16) == expected


def test_exploding_signals_are_numbers_and_not_warnings():
    last = measure(deep(256, 30, nn.ReLU, 24.0), 4, 256)[-1]
    assert last.forward.layer.second_moment > 1e50
    assert abs(math.log(last.forward.layer.second_moment / last.forward.predicted_layer)) < 3


def test_infinite_signals_are_told():
    last = measure(deep(64, 30, nn.ReLU, 200.0), 4, 64)[-1]
    assert not math.isfinite(last.forward.layer.second_moment)
    assert last.theory is None


def test_constant_weights_have_no_predicted_signal():
    model = nn.Linear(4, 4)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    [signal] = measure(model, 4, 4)
    assert signal.forward.predicted_layer == 0.0
    assert signal.initialization.ratio == 0.0


def test_refuses_models_without_values():
    with pytest.raises(UsageError, match="no shape yet"):
        measure_signal_propagation(nn.LazyLinear(3), torch.zeros(1, 2))
    with pytest.raises(UsageError, match="no values"):
        measure_signal_propagation(nn.Linear(2, 3, device="meta"), torch.zeros(1, 2))


def test_random_batch_has_the_stated_moments_and_type():
    batch = random_batch(nn.Linear(2, 2).double(), (200, 100), mean=3, deviation=2, seed=1)
    assert batch.dtype is torch.float64
    assert batch.mean().item() == pytest.approx(3, abs=0.06)
    assert batch.std().item() == pytest.approx(2, abs=0.06)
    again = random_batch(nn.Linear(2, 2).double(), (200, 100), mean=3, deviation=2, seed=1)
    assert torch.equal(batch, again)


class Touchy(nn.Module):
    """Does to itself, its input and the random state whatever a forward pass may do."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.fails = fails
        self.embedding = nn.Embedding(4, 8, max_norm=0.1)
        self.linear = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x += self.embedding(torch.randint(4, (len(x),)))
        x = self.dropout(self.norm(self.linear(x)))
        self.eval()
        if self.fails:
            raise ArithmeticError("mine")
        return x


def fingerprint(model: nn.Module) -> list[object]:
    hooks = [
        len(table)
        for module in model.modules()
        for table in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._forward_hooks_with_kwargs,
            module._forward_pre_hooks_with_kwargs,
            module._backward_hooks,
        )
    ]
    return [
        {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        [module.training for module in model.modules()],
        [(parameter.requires_grad, parameter.device) for parameter in model.parameters()],
        [None if p.grad is None else p.grad.tolist() for p in model.parameters()],
        hooks,
        torch.get_rng_state().tolist(),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_left_as_found(fails: bool):
    model = Touchy(fails)
    model.norm.eval()
    model.linear.weight.requires_grad_(False)
    model.linear.bias.grad = torch.ones(8)
    model.linear.register_forward_hook(lambda *_: None)
    batch = torch.randn(5, 8)
    before, batch_before = fingerprint(model), batch.clone()
    if fails:
        with pytest.raises(ArithmeticError, match="mine"):
            measure_signal_propagation(model, batch)
    else:
        measure_signal_propagation(model, batch)
    assert fingerprint(model) == before
    assert torch.equal(batch, batch_before)


def test_same_seed_same_result():
    model = Touchy(fails=False)
    batch = torch.randn(5, 8)
    first = measure_signal_propagation(model, batch, seed=3)
    assert measure_signal_propagation(model, batch, seed=3) == first
    assert measure_signal_propagation(model, batch, seed=4) != first
