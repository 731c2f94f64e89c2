from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from defib.discovery.losses import announce_loss, read_loss


@pytest.fixture
def outputs() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(4, 5, requires_grad=True)


CLASSES = torch.tensor([0, 1, 2, 4])
VALUES = torch.rand(4, 5)

KINDS = {
    "cross-entropy": lambda x: F.cross_entropy(x, CLASSES),
    "cross-entropy, smoothed": lambda x: F.cross_entropy(x, CLASSES, label_smoothing=0.1),
    "cross-entropy, soft targets": lambda x: F.cross_entropy(x, VALUES),
    "cross-entropy, accumulated": lambda x: F.cross_entropy(x, CLASSES) / 4,
    "cross-entropy, with a penalty": lambda x: F.cross_entropy(x, CLASSES) + 1e-3 * (x**2).sum(),
    "cross-entropy, in two calls": lambda x: F.nll_loss(x.log_softmax(1), CLASSES),
    "negative-log-likelihood": lambda x: F.nll_loss(x, CLASSES),
    "mean-squared-error": lambda x: F.mse_loss(x, VALUES),
    "mean-squared-error, by hand": lambda x: ((x - VALUES) ** 2).mean(),
    "mean-squared-error, unreduced": lambda x: F.mse_loss(x, VALUES, reduction="none").mean(),
    "mean-absolute-error": lambda x: F.l1_loss(x, VALUES),
    "huber": lambda x: F.huber_loss(x, VALUES),
    "binary-cross-entropy": lambda x: F.binary_cross_entropy_with_logits(x, VALUES),
    "binary-cross-entropy, of probabilities": lambda x: F.binary_cross_entropy(x.sigmoid(), VALUES),
    "unknown": lambda x: x.exp().sum(),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind_is_read_from_the_graph(name: str, outputs: Tensor):
    assert read_loss(KINDS[name](outputs).grad_fn).kind == name.split(",")[0]


def test_predictions_are_log_probabilities_and_targets_the_classes(outputs: Tensor):
    reading = read_loss(F.cross_entropy(outputs, CLASSES).grad_fn)
    assert reading.predictions is not None
    assert torch.allclose(reading.predictions, outputs.log_softmax(1))
    assert reading.targets is not None
    assert torch.equal(reading.targets, CLASSES)


def test_softmax_before_cross_entropy_is_seen_through_reshapes(outputs: Tensor):
    probabilities = outputs.softmax(1).reshape(2, 2, 5).flatten(0, 1)
    reading = read_loss(F.cross_entropy(probabilities, CLASSES).grad_fn)
    assert reading.input_operation == "SoftmaxBackward0"


def test_logits_have_no_softmax_before_them(outputs: Tensor):
    reading = read_loss(F.cross_entropy(outputs * 2, CLASSES).grad_fn)
    assert reading.input_operation == "MulBackward0"


def test_tensors_stay_unread_on_request(outputs: Tensor):
    reading = read_loss(F.cross_entropy(outputs, CLASSES).grad_fn, with_tensors=False)
    assert (reading.kind, reading.predictions, reading.targets) == ("cross-entropy", None, None)


def test_announced_loss_completes_what_the_graph_tells(outputs: Tensor):
    result = -(outputs.softmax(1).log() * VALUES).sum(1).mean()
    announce_loss(result, outputs, lambda reading: replace(reading, kind="own", targets=VALUES))
    reading = read_loss((result / 4).grad_fn)
    assert (reading.kind, reading.operations[0]) == ("own", "DivBackward0")
    assert reading.targets is VALUES


def test_announced_loss_ends_at_its_predictions():
    hidden = torch.randn(4, 5, requires_grad=True)
    # A normalisation within the model looks like a mean of squares.
    predictions = hidden / ((hidden - 1) ** 2).mean()
    result = predictions.exp().sum()
    announce_loss(result, predictions, lambda reading: reading)
    assert read_loss(result.grad_fn).kind == "unknown"


REDUCTIONS = {
    "mean": lambda x: F.cross_entropy(x, CLASSES),
    "mean, of numbers": lambda x: F.mse_loss(x, VALUES),
    "mean, by hand": lambda x: ((x - VALUES) ** 2).mean(),
    "mean, of single losses": lambda x: F.cross_entropy(x, CLASSES, reduction="none").mean(),
    "sum": lambda x: F.cross_entropy(x, CLASSES, reduction="sum"),
    "sum, of numbers": lambda x: F.mse_loss(x, VALUES, reduction="sum"),
    "sum, by hand": lambda x: ((x - VALUES) ** 2).sum(),
    "sum, of single losses": lambda x: F.cross_entropy(x, CLASSES, reduction="none").sum(),
    ", a sum that is divided": lambda x: F.cross_entropy(x, CLASSES, reduction="sum") / 4,
    ", a sum that is scaled": lambda x: 0.25 * F.cross_entropy(x, CLASSES, reduction="sum"),
    ", for each example": lambda x: F.mse_loss(x, VALUES, reduction="none"),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_is_read_from_the_graph(name: str, outputs: Tensor):
    assert read_loss(REDUCTIONS[name](outputs).grad_fn).reduction == name.split(",")[0]


def test_probabilities_kept_apart_from_0_and_1_are_still_those_of_a_sigmoid(outputs: Tensor):
    probabilities = outputs.sigmoid().clamp(1e-7, 1 - 1e-7)
    reading = read_loss(F.binary_cross_entropy(probabilities, VALUES).grad_fn)
    assert reading.input_operation == "SigmoidBackward0"


CUT_OFF = {
    "by binary_cross_entropy": lambda x: F.binary_cross_entropy(x.clamp(1e-7, 1), VALUES),
    "by nll_loss": lambda x: F.nll_loss(x.clamp(1e-7, 1).log(), CLASSES),
    "by nll_loss, from below alone": lambda x: F.nll_loss(x.clamp(min=1e-7).log(), CLASSES),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_what_was_cut_off_to_probabilities_is_read(name: str, outputs: Tensor):
    probabilities = read_loss(CUT_OFF[name](outputs).grad_fn).probabilities
    assert probabilities is not None
    assert torch.equal(probabilities, outputs.detach())


KEPT = {
    "logarithms that are cut off": lambda x: F.nll_loss(x.log_softmax(1).clamp(-9, 0), CLASSES),
    "logits that are cut off": lambda x: F.binary_cross_entropy_with_logits(x.clamp(-9, 9), VALUES),
    "probabilities": lambda x: F.binary_cross_entropy(x.sigmoid(), VALUES),
    "scores": lambda x: F.cross_entropy(x.clamp(-9, 9), CLASSES),
}


@pytest.mark.parametrize("name", KEPT)
def test_nothing_else_is_taken_for_probabilities(name: str, outputs: Tensor):
    assert read_loss(KEPT[name](outputs).grad_fn).probabilities is None


def test_what_was_cut_off_stays_unread_on_request(outputs: Tensor):
    loss = F.binary_cross_entropy(outputs.clamp(1e-7, 1), VALUES)
    assert read_loss(loss.grad_fn, with_tensors=False).probabilities is None
