import pytest

from defib.analysis.inspection import inspect
from defib.derivations.parameters import Parameters
from defib.errors import UsageError
from defib.networks.alexnet import AlexNet
from defib.networks.vgg import vgg_19
from defib.report.formula_text import formula_text


def lines(problem: Parameters) -> list[str]:
    return [formula_text(each) for step in problem.derive().steps for each in step.formulas]


def test_the_screenshot_network_has_508400_weights_and_its_dense_twin_632_million():
    results = Parameters(example="screenshots", dense=True).derive().results
    assert results["weights"] == 508_400
    assert results["dense weights"] == 632_408_400


def test_a_5x5_convolution_on_three_channels_with_eight_filters_has_608_parameters():
    assert Parameters(example="single-convolution").derive().results["parameters"] == 608


def test_vgg19_is_written_as_the_table_writes_it():
    assert "weights = (3·3·64)·64 = 36,864" in lines(Parameters(example="vgg19"))


@pytest.mark.parametrize(
    ("example", "network", "size"),
    [("alexnet", AlexNet, 227), ("vgg19", vgg_19, 224)],
)
def test_published_networks_have_the_counts_of_the_networks_themselves(
    example: str, network: type, size: int
):
    import torch

    with torch.device("meta"):
        built = network()
    architecture = inspect(built, (1, 3, size, size))
    results = Parameters(example=example).derive().results
    assert results["weights"] == sum(layer.weights.value for layer in architecture.layers)
    assert results["biases"] == sum(layer.biases.value for layer in architecture.layers)
    macs = sum(layer.macs.value for layer in architecture.layers)
    assert results["multiply-accumulates"] == macs


def test_layers_without_weights_are_refused():
    with pytest.raises(UsageError, match="None of these layers has weights"):
        Parameters(input="4x4x1", layers="relu, maxpool 2").derive()


def test_an_example_and_layers_at_once_are_refused():
    with pytest.raises(UsageError, match="either --example or --layers"):
        Parameters(example="alexnet", layers="relu").derive()
