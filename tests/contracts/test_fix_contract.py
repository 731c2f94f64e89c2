"""True for every fix: it acts on a training it is made for, says what it did, and cleans up."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from defib.fixes.base import Fix, all_fixes, fix_called
from defib.fixes.early_stopping import TrainingStopped
from defib.fixes.live_training import LiveTraining
from defib.fixes.names import check_fix, fix_names
from defib.records.finding import Finding, Severity
from defib.records.run import RunRecord
from defib.rules.base import every_rule

FIXES = all_fixes()


def name_of(fix: Fix) -> str:
    return fix.name()


class Network(nn.Module):
    """Something for every fix: saturating units, as module and as function, dropout, a frozen
    layer, square layers and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.squash = nn.Sigmoid()
        self.middle = nn.Linear(12, 12)
        self.drop = nn.Dropout(0.6)
        self.late = nn.Linear(12, 12)
        self.frozen = nn.Linear(12, 12).requires_grad_(False)
        self.last = nn.Linear(12, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.drop(torch.relu(self.middle(self.squash(self.first(inputs)))))
        return F.softmax(self.last(torch.relu(self.frozen(self.late(hidden)))), dim=1)


class Regressor(nn.Module):
    """Slow statistics, and an output that cannot be negative."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.norm = nn.BatchNorm1d(12, momentum=1e-4)
        self.last = nn.Linear(12, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(self.last(torch.relu(self.norm(self.first(inputs)))))


REGRESSION = (
    "average-loss",
    "standardize-targets",
    "remove-output-activation",
    "evaluation-mode",
    "batch-normalization-momentum",
    "clip-after-backward",
)


LOSSES = ("match-target-shape", "replace-loss", "sigmoid", "stable-operation")


def train(fix: Fix) -> tuple[LiveTraining, nn.Module]:
    if fix.name() in LOSSES:
        return lose_with(fix)
    return regress_with(fix) if fix.name() in REGRESSION else train_with(fix)


def lose_with(fix: Fix) -> tuple[LiveTraining, nn.Module]:
    """Three steps on losses that are wrong: over one unit, stretched, by hand, of scores."""
    torch.manual_seed(0)
    training = LiveTraining()
    fix.connect(training)
    training.connect()
    try:
        network = nn.Linear(6, 3)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        inputs, classes = torch.randn(8, 6), torch.randint(3, (8,))
        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            scores = network(inputs)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                stretched = F.mse_loss(torch.softmax(scores[:, :1], dim=1), inputs[:, 0])
            by_hand = -torch.log(torch.sigmoid(scores)).mean()
            (stretched + by_hand + F.nll_loss(scores, classes)).backward()
            optimizer.step()
    finally:
        training.disconnect()
    return training, network


def regress_with(fix: Fix) -> tuple[LiveTraining, nn.Module]:
    """Ten steps: a summed loss, far targets, clipping too early, evaluation in training mode."""
    torch.manual_seed(0)
    training = LiveTraining()
    fix.connect(training)
    training.connect()
    try:
        network = Regressor()
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
        inputs = torch.randn(64, 6)
        targets = inputs.sum(1, keepdim=True) - 100
        for _ in range(10):
            optimizer.zero_grad(set_to_none=True)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            F.mse_loss(network(inputs), targets, reduction="sum").backward()
            optimizer.step()
            with torch.no_grad():
                F.mse_loss(network(inputs), targets)
    finally:
        training.disconnect()
    return training, network


def train_with(fix: Fix) -> tuple[LiveTraining, nn.Module]:
    """Sixteen steps, full of mistakes: gradients are never cleared, two batches are added up."""
    torch.manual_seed(0)
    training = LiveTraining()
    fix.connect(training)
    training.connect()
    try:
        network = Network()
        optimizer = torch.optim.SGD(
            [*network.first.parameters(), *network.middle.parameters(), *network.last.parameters()],
            lr=0.1,
            weight_decay=0.1,
            momentum=0.5 if fix.name() == "default-momentum" else 0.0,
        )
        if fix.name() == "default-epsilon":
            optimizer = torch.optim.Adam(network.parameters(), eps=1.0)
        inputs, targets = 50 * torch.randn(64, 6), torch.randint(3, (64,))
        is_shuffled = fix.name() == "balanced-sampler"
        loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=is_shuffled)
        if fix.name() == "train-mode":
            network.eval()
        for _ in range(2):
            for batch, labels in loader:
                F.cross_entropy(network(batch), labels).backward()
                F.cross_entropy(network(batch), labels).backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1e-3)
                optimizer.step()
    except TrainingStopped:
        pass  # What ends a script must not end the tests.
    finally:
        training.disconnect()
    return training, network


@pytest.mark.parametrize("fix", FIXES, ids=name_of)
def test_it_acts_and_says_what_it_did(fix: Fix):
    chosen = fix.with_value(0.01) if fix.name() == "clip-gradients" else fix
    if fix.name() == "clip-gradients":
        # The loop clips by itself already, to less: only a smaller limit has something to do.
        chosen = fix.with_value(1e-5)
    if fix.name() in ("revive-dead-units", "early-stopping"):
        chosen = fix.with_value(5)
    if fix.name() == "learning-rate-by-range-test":
        # Without a value it needs more steps than this: its own tests have them.
        chosen = fix.with_value(0.01)
    training, network = train(chosen)
    assert training.failures == []
    assert training.activity, "it found nothing to change in a training made for it"
    assert all(torch.isfinite(each).all() for each in network.parameters())


@pytest.mark.parametrize("fix", FIXES, ids=name_of)
def test_it_leaves_nothing_behind_in_torch(fix: Fix):
    names = [(F, "softmax"), (torch, "softmax"), (F, "cross_entropy"), (torch, "relu"), (F, "relu")]
    names += [(torch, "log"), (Tensor, "sqrt"), (F, "nll_loss")]
    names += [(torch.autograd, "backward"), (nn.utils, "clip_grad_norm_"), (DataLoader, "__init__")]
    names += [(DataLoader, "__iter__")]
    before = [getattr(owner, name) for owner, name in names]
    train(fix)
    assert [getattr(owner, name) for owner, name in names] == before


@pytest.mark.parametrize("fix", FIXES, ids=name_of)
def test_its_page_says_what_it_changes_and_when_it_helps(fix: Fix):
    page = inspect.getdoc(type(fix)) or ""
    assert page.partition("\n")[0].endswith(".")
    assert "## What it changes" in page
    assert "## When it helps" in page


@pytest.mark.parametrize("fix", FIXES, ids=name_of)
def test_it_says_what_the_user_has_to_write(fix: Fix):
    finding = Finding("dead-relu", Severity.ERROR, "", (0, 1))
    assert fix.change(RunRecord(), finding)


@pytest.mark.parametrize("fix", FIXES, ids=name_of)
def test_its_label_names_it_again(fix: Fix):
    assert fix_called(fix.label) == fix


def test_names_are_known_without_torch():
    assert fix_names() == tuple(fix.name() for fix in FIXES)
    for fix in FIXES:
        check_fix(fix.name())


def test_most_rules_that_name_fixes_name_one_that_can_be_tried():
    known = set(fix_names())
    naming = [rule for rule in every_rule() if rule.fixes]
    assert sum(bool(known & set(rule.fixes)) for rule in naming) >= 0.6 * len(naming)
