"""What is true for every rule that needs no run, whoever wrote it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from defib.analysis.inspection import inspect
from defib.faults.base import Fault, all_faults
from defib.faults.tasks import Task
from defib.networks.alexnet import AlexNet
from defib.networks.alexnet_v2 import AlexNetV2
from defib.networks.decoder import Decoder, DecoderSize
from defib.networks.fcn import FullyConvolutionalNetwork, fcn_8s, fcn_16s, fcn_32s
from defib.networks.googlenet import googlenet
from defib.networks.inception_v2 import inception_v2
from defib.networks.lenet import lenet_5
from defib.networks.mini_googlenet import mini_googlenet
from defib.networks.mobilenet import mobilenet_v1
from defib.networks.resnet import resnet_18, resnet_50
from defib.networks.unet import UNet
from defib.networks.vgg import vgg_11, vgg_16, vgg_19
from defib.networks.vision_transformer import VisionTransformer, vision_transformer_b_16
from defib.records.architecture import Architecture
from defib.records.finding import NotEvaluated, Severity
from defib.rules.base import ArchitectureRule, architecture_rules
from defib.rules.judged import judged
from defib.training.setup import TrainingSetup

every_rule = pytest.mark.parametrize("rule", architecture_rules(), ids=lambda rule: rule.name())

small_decoder = partial(Decoder, DecoderSize(50, 16, 2, 4, 32, key_value_heads=2, is_tied=True))
small_transformer = partial(VisionTransformer, side=32, width=24, layers=2, heads=2, hidden=48)
small_fcn = partial(
    FullyConvolutionalNetwork, skips=2, stages=((4,), (4,), (4,), (4,), (4,)), hidden=8
)

PUBLISHED: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (AlexNet, (1, 3, 227, 227)),
    (AlexNetV2, (1, 3, 224, 224)),
    (vgg_11, (1, 3, 224, 224)),
    (vgg_16, (1, 3, 224, 224)),
    (vgg_19, (1, 3, 224, 224)),
    (resnet_18, (1, 3, 224, 224)),
    (resnet_50, (1, 3, 224, 224)),
    (googlenet, (1, 3, 224, 224)),
    (inception_v2, (1, 3, 224, 224)),
    (mobilenet_v1, (1, 3, 224, 224)),
    (mini_googlenet, (1, 3, 32, 32)),
    (lenet_5, (1, 1, 28, 28)),
    (fcn_32s, (1, 3, 500, 375)),
    (fcn_16s, (1, 3, 500, 375)),
    (fcn_8s, (1, 3, 500, 375)),
    (UNet, (1, 1, 572, 572)),
    (vision_transformer_b_16, (1, 3, 224, 224)),
    (small_decoder, (2, 7)),
]

WITH_NUMBERS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lenet_5, (1, 1, 28, 28)),
    (mini_googlenet, (1, 3, 32, 32)),
    (resnet_18, (1, 3, 224, 224)),
    (small_fcn, (1, 3, 65, 70)),
    (partial(UNet, width=4), (1, 1, 188, 188)),
    (small_transformer, (1, 3, 32, 32)),
    (small_decoder, (2, 7)),
]

EXPECTED = {
    # PyImageSearch gives its convolutions a bias, and normalises right after.
    "mini_googlenet": {"bias-before-normalization"},
    # The scores are upsampled by a transposed convolution: a factorisation by design.
    "fcn_32s": {"missing-nonlinearity"},
    "fcn_16s": {"missing-nonlinearity"},
    "fcn_8s": {"missing-nonlinearity"},
    "FullyConvolutionalNetwork": {"missing-nonlinearity"},
}
"""Remarks on published networks, each of them true. The receptive field is a fact for itself."""


def identify(value: object) -> str | None:
    target = value.func if isinstance(value, partial) else value
    return getattr(target, "__name__", None)


def inspected(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Architecture:
    return inspect(build(), shape, dtype=torch.long if len(shape) == 2 else None)


def names_of(architecture: Architecture) -> tuple[list[str], set[str]]:
    """Alarms with their message, and the names of the rules that remark something."""
    findings = judged(architecture).findings
    alarms = [f"{each.rule}: {each.message}" for each in findings if each.severity.weight < 2]
    remarks = {each.rule for each in findings if each.severity is Severity.INFO}
    return alarms, remarks - {"receptive-field-larger-than-input"}


@pytest.mark.parametrize(("build", "shape"), PUBLISHED, ids=identify)
def test_no_false_alarm_on_a_published_network(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
):
    with torch.device("meta"):
        alarms, remarks = names_of(inspected(build, shape))
    assert (alarms, remarks) == ([], EXPECTED.get(identify(build) or "", set()))


@pytest.mark.parametrize(("build", "shape"), WITH_NUMBERS, ids=identify)
def test_no_false_alarm_on_an_initialised_network(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
):
    torch.manual_seed(0)
    architecture = replace(inspected(build, shape), loss_kind="cross-entropy")
    alarms, remarks = names_of(architecture)
    assert (alarms, remarks) == ([], EXPECTED.get(identify(build) or "", set()))
    silent = {each.rule for each in judged(architecture).not_evaluated}
    assert silent <= {"receptive-field-larger-than-input"}


@every_rule
def test_an_empty_architecture_yields_no_finding(rule: ArchitectureRule):
    outcome = rule.evaluate_architecture(Architecture("Network"))
    assert outcome == () or isinstance(outcome, NotEvaluated)


@every_rule
def test_a_run_that_stopped_half_way_is_not_judged(rule: ArchitectureRule):
    outcome = rule.evaluate_architecture(Architecture("Network", is_traced=False))
    assert outcome == NotEvaluated(rule.name(), "the network could not be run to its end")


def architecture_of(setup: TrainingSetup, fault: Fault) -> Architecture:
    [features, *_] = next(iter(setup.batches(0)))
    is_classified = fault.rule == "softmax-before-cross-entropy"
    loss_kind = "cross-entropy" if is_classified else ""
    return replace(inspect(setup.model, features), loss_kind=loss_kind)


def name_of(value: object) -> str:
    return value.name() if isinstance(value, Fault) else getattr(value, "name", "")


PAIRS = [(fault, task) for fault in all_faults() for task in fault.tasks]
RULES = {rule.name() for rule in architecture_rules()}


@pytest.mark.parametrize(
    ("fault", "task"), [pair for pair in PAIRS if pair[0].rule in RULES], ids=name_of
)
def test_a_fault_that_shows_before_training_is_found(fault: Fault, task: Task):
    findings = judged(architecture_of(fault.broken(task, 0), fault)).findings
    assert fault.rule in {each.rule for each in findings if each.severity is not Severity.INFO}
    assert {each.rule for each in findings if each.severity is Severity.ERROR} <= {fault.rule}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "task"), PAIRS, ids=name_of)
def test_nothing_is_found_in_a_healthy_twin(fault: Fault, task: Task):
    assert judged(architecture_of(fault.healthy(task, 0), fault)).findings == ()


class Broken(nn.Module):
    def forward(self, _features: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("broken")


def test_nothing_is_found_in_a_network_that_does_not_run():
    outcome = judged(inspect(nn.Sequential(nn.Linear(3, 3), Broken()), (2, 3)))
    assert outcome.findings == ()
    assert len(outcome.not_evaluated) == len(architecture_rules())
