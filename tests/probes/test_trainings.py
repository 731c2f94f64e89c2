"""Small trainings up to their first backward pass: what is measured and found in them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from defib.checkup import check_up
from defib.faults.tasks import ALL_TASKS, Task, set_up
from defib.records.finding import Severity
from defib.records.preflight import PreflightRecord
from defib.training.loop import train as run_training
from tests.probes.first_batches import record_of

Loss = Callable[[Tensor, Tensor], Tensor]


def alarms(record: PreflightRecord) -> list[str]:
    return [each.rule for each in check_up(record).findings if each.severity is not Severity.INFO]


def network(outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs))


def data(count: int = 320) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(count, 6)
    return inputs, inputs[:, :3].argmax(1)


def train(
    model: nn.Module,
    loss_function: Loss = F.cross_entropy,
    *,
    batch: tuple[Tensor, Tensor] | None = None,
    rate: float = 0.1,
) -> None:
    """One step that does not take place."""
    inputs, targets = batch or tuple(each[:32] for each in data())
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    loss = loss_function(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    raise AssertionError("the script was not stopped")


def measured(make: Callable[[], object]) -> PreflightRecord:
    torch.manual_seed(0)
    return record_of(make)


def test_a_healthy_training_has_no_finding():
    record = measured(lambda: train(network()))
    assert alarms(record) == []
    assert record.value("initial_loss") == pytest.approx(np.log(3), rel=0.3)
    assert record.value("constant_prediction_loss") == pytest.approx(np.log(3))
    assert record.value("mixed_sample_fraction") == 0
    assert record.value("own_sample_fraction") == 1
    assert record.sequence("fit_loss", "own")[-1] < 0.3
    assert record.network == "Sequential"


class Normalized(nn.Module):
    """Buffers, dropout and a result kept from the last call."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.3)
        )
        self.head = nn.Linear(16, 3)
        self.seen: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen = self.layers(inputs)
        return self.head(self.seen)


def digest(*things: Any) -> str:
    tensors = [each for thing in things for each in thing]
    content = b"".join(each.detach().numpy().tobytes() for each in tensors)
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("batch_size", [32, 4])  # 4: other sizes are tried
def test_the_users_objects_are_left_as_they_are(batch_size: int):
    found: dict[str, Any] = {}
    before: list[Any] = []

    def state() -> list[Any]:
        optimizer, loader = found["optimizer"], found["loader"]
        return [
            digest(found["model"].state_dict().values(), found["batch"]),
            [each.training for each in found["model"].modules()],
            [each.grad is None for each in found["model"].parameters()],
            len(optimizer.state),
            optimizer.param_groups[0]["lr"],
            torch.get_rng_state().tolist(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),  # type: ignore[call-overload, index]
            random.getstate(),
            loader.generator.get_state().tolist(),
            found["schedule"].last_epoch,
        ]

    def go() -> None:
        found["model"] = Normalized()
        found["optimizer"] = torch.optim.Adam(found["model"].parameters(), lr=1e-2)
        found["schedule"] = torch.optim.lr_scheduler.StepLR(found["optimizer"], 5)
        found["loader"] = DataLoader(
            TensorDataset(*data()), batch_size=batch_size, shuffle=True, generator=torch.Generator()
        )
        for inputs, targets in found["loader"]:
            found["batch"] = [inputs, targets]
            loss = F.cross_entropy(found["model"](inputs), targets)
            before.extend(state())
            loss.backward()

    record = measured(go)
    assert state() == before
    assert record.not_measured.keys() <= {
        *("leaking_positions", "missing_share", "embedding_rows", "trailing_share"),
        *("shared_examples", "mean_shift", "changing_examples"),
        *("single_precision_difference", "neighbour_difference"),
        *("batch_trial_progress", "batch_trial_size", "batch_trial_examples"),
    }
    assert bool(record.of("batch_trial_progress")) == (batch_size == 4)
    assert record.sequence("fit_loss", "own")[-1] < 0.5


def test_a_copy_draws_the_same_dropout_and_gives_the_same_loss():
    record = measured(lambda: train(Normalized()))
    assert "fit_loss" not in record.not_measured
    assert alarms(record) == []


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_loss_that_broadcasts_is_found_and_one_that_fits_is_not():
    inputs, _ = (each[:32] for each in data())
    targets = inputs[:, 0]
    broken = measured(lambda: train(network(1), F.mse_loss, batch=(inputs, targets), rate=0.01))
    assert alarms(broken)[0] == "loss-broadcasting"
    [call] = broken.loss_calls
    assert (call.prediction_shape, call.target_shape) == ((32, 1), (32,))
    assert call.site is not None
    healthy = measured(
        lambda: train(network(1), F.mse_loss, batch=(inputs, targets[:, None]), rate=0.01)
    )
    assert alarms(healthy) == []


class Mixing(nn.Module):
    """Features and samples swapped by a `view`."""

    def __init__(self, *, is_broken: bool) -> None:
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.head = nn.Linear(16, 3)
        self.is_broken = is_broken

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs).relu()
        if self.is_broken:
            hidden = hidden.T.reshape(len(inputs), -1)
        return self.head(hidden)


def test_mixed_samples_are_found():
    record = measured(lambda: train(Mixing(is_broken=True)))
    assert "samples-mixed-in-batch" in alarms(record)
    assert alarms(measured(lambda: train(Mixing(is_broken=False)))) == []


def test_the_features_of_one_sample_are_no_batch():
    """An input without an axis of samples, into a layer that gives as many numbers as it takes."""

    def go() -> None:
        inputs, targets = torch.randn(6), torch.randn(6)
        train(network(outputs=6), F.mse_loss, batch=(inputs, targets))

    record = measured(go)
    reason = "the only axis of the input holds features of one sample"
    assert record.not_measured["mixed_sample_fraction"] == reason
    assert "samples-mixed-in-batch" not in alarms(record)


@pytest.mark.parametrize("is_mixed", [False, True])
def test_a_batch_of_single_numbers_is_judged(is_mixed: bool):
    class Scalars(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

        def forward(self, inputs: Tensor) -> Tensor:
            outputs = self.layers(inputs[:, None])[:, 0]
            return outputs.softmax(0) if is_mixed else outputs

    inputs = torch.randn(32)
    record = measured(lambda: train(Scalars(), F.mse_loss, batch=(inputs, inputs.sin())))
    assert ("samples-mixed-in-batch" in alarms(record)) == is_mixed
    assert record.value("own_sample_fraction") == 1


@pytest.mark.parametrize("is_mixed", [False, True])
def test_a_batch_of_single_tokens_is_judged(is_mixed: bool):
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.layer = nn.Embedding(20, 8), nn.Linear(8, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            found = self.embedding(tokens)
            return self.layer(found - found.mean(0) if is_mixed else found)

    tokens = torch.randint(0, 20, (32,))
    record = measured(lambda: train(Tokens(), batch=(tokens, tokens % 3)))
    assert ("samples-mixed-in-batch" in alarms(record)) == is_mixed


@pytest.mark.parametrize(("is_batch_first", "expected"), [(True, 0), (False, 1)])
def test_a_recurrent_layer_that_takes_the_batch_for_time_is_found(
    is_batch_first: bool, expected: int
):
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(9, 8)
            self.cell = nn.GRU(8, 8, batch_first=is_batch_first)
            self.head = nn.Linear(8, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            outputs, _ = self.cell(self.embedding(tokens))
            return self.head(outputs[:, -1])

    tokens = torch.randint(9, (16, 5), generator=torch.Generator().manual_seed(0))
    record = measured(lambda: train(Recurrent(), batch=(tokens, tokens[:, 0] % 3)))
    assert alarms(record).count("samples-mixed-in-batch") == expected


def test_outputs_with_time_first_of_inputs_with_samples_first_are_not_judged():
    class Transcriber(nn.Module):
        """As connectionist temporal classification wants its scores: (time, sample, class)."""

        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, frames: Tensor) -> Tensor:
            return self.head(self.cell(frames)[0]).transpose(0, 1)

    def transposed(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.transpose(0, 1)[:, -1], targets)

    frames = torch.randn(16, 5, 6)
    batch = frames, frames[:, 0, :3].argmax(1)
    record = measured(lambda: train(Transcriber(), transposed, batch=batch))
    reason = "time or samples may come first in the output"
    assert record.not_measured["mixed_sample_fraction"] == reason


def test_dead_and_constant_networks_are_found():
    def dead() -> nn.Module:
        model = network()
        with torch.no_grad():
            dict(model.named_parameters())["0.bias"].fill_(-100.0)
        return model

    record = measured(lambda: train(dead()))
    assert record.value("dead_unit_fraction_at_start") == 1
    [cause] = check_up(record).causes
    assert cause.finding.rule == "dead-relu"
    assert "constant-output" in {each.rule for each in cause.symptoms}


def test_a_last_layer_that_is_too_large_is_found():
    def sure() -> nn.Module:
        model = network()
        with torch.no_grad():
            dict(model.named_parameters())["2.weight"].mul_(100)
        return model

    assert "initial-loss-off" in alarms(measured(lambda: train(sure(), rate=1e-4)))


def test_rates_that_are_too_high_and_too_low_are_found():
    assert alarms(measured(lambda: train(network(), rate=1e3)))[0] == "learning-rate-too-high"
    assert alarms(measured(lambda: train(network(), rate=1e-7))) == ["learning-rate-too-low"]


def test_missing_numbers_are_found():
    inputs, targets = (each[:32].clone() for each in data())
    inputs[3, 2] = torch.nan
    record = measured(lambda: train(network(), batch=(inputs, targets)))
    assert alarms(record) == ["non-finite-value"]
    assert record.of("non_finite_fraction")["inputs"] == pytest.approx(1 / 192, rel=1e-3)


def test_the_infinities_of_an_attention_mask_are_no_missing_numbers():
    class Masked(Mixing):
        def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
            hidden = self.first(inputs).relu()
            return self.head(hidden if mask is None else hidden + mask.exp().sum() * 0)

    def go() -> None:
        model = Masked(is_broken=False)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        inputs, targets = (each[:32] for each in data())
        mask = nn.Transformer.generate_square_subsequent_mask(4)
        F.cross_entropy(model(inputs, mask), targets).backward()
        optimizer.step()

    assert alarms(measured(go)) == []


def test_a_forgotten_layer_and_a_cut_graph_are_found():
    def forgetting() -> None:
        model = network()
        optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
        inputs, targets = (each[:32] for each in data())
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    class Cut(Mixing):
        def forward(self, inputs: Tensor) -> Tensor:
            return self.head(self.first(inputs).relu().detach())

    assert "parameter-not-in-optimizer" in alarms(measured(forgetting))
    record = measured(lambda: train(Cut(is_broken=False)))
    assert "parameter-without-gradient" in alarms(record)


@pytest.mark.parametrize("has_penalty", [True, False])
def test_a_parameter_that_the_loss_reads_is_used_and_another_is_not(has_penalty: bool):
    class Weighted(Mixing):
        def __init__(self) -> None:
            super().__init__(is_broken=False)
            self.log_variance = nn.Parameter(torch.zeros(()))
            self.forgotten = nn.Parameter(torch.ones(3))

    def go() -> None:
        model = Weighted()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        inputs, targets = (each[:32] for each in data())
        loss = F.cross_entropy(model(inputs), targets)
        loss = (-model.log_variance).exp() * loss + model.log_variance
        if has_penalty:
            loss = loss + 1e-4 * sum(each.pow(2).sum() for each in model.parameters())
        loss.backward()
        optimizer.step()

    findings = check_up(measured(go)).findings
    [finding] = [each for each in findings if each.rule == "unused-parameter"]
    assert "read `forgotten` (" in finding.message
    assert finding.evidence == {"parameters": 3}


@pytest.mark.parametrize("is_shuffled", [True, False])
def test_the_order_of_labels_is_seen_without_taking_batches_of_the_loader(is_shuffled: bool):
    inputs, targets = data(1280)
    order = targets.argsort()
    taken: list[int] = []

    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        dataset = TensorDataset(inputs[order], targets[order])
        for features, labels in DataLoader(dataset, batch_size=32, shuffle=is_shuffled):
            taken.append(len(features))
            F.cross_entropy(model(features), labels).backward()
            optimizer.step()

    record = measured(go)
    assert taken == [32]
    assert len(record.sequence("label_count", "0")) == 40
    assert alarms(record) == ([] if is_shuffled else ["label-ordered-batches"])


def test_a_loader_that_gives_its_data_once_is_not_read_again():
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            while True:
                yield torch.randn(6), torch.randint(3, ())

    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for features, labels in DataLoader(Stream(), batch_size=32):
            F.cross_entropy(model(features), labels).backward()
            optimizer.step()

    reason = "the loader reads an iterable data set, which gives data once"
    assert measured(go).not_measured["label_count"] == reason


def test_a_network_that_cannot_be_copied_says_so_and_the_rest_is_measured():
    class Locked(Mixing):
        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("locked")

    record = measured(lambda: train(Locked(is_broken=False)))
    reason = "the network cannot be copied (RuntimeError)"
    assert record.not_measured["fit_loss"] == reason
    assert record.value("initial_loss") > 0


def test_a_loss_of_several_parts_is_made_again():
    def go() -> None:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        inputs, targets = (each[:32] for each in data())
        penalty = torch.stack([each.square().sum() for each in model.parameters()]).sum()
        outputs = model(inputs)
        loss = F.cross_entropy(outputs, targets) + 1e-3 * penalty
        loss = loss + (outputs.logsumexp(1) ** 2).mean() * 1e-3
        loss.backward()
        optimizer.step()

    record = measured(go)
    assert record.sequence("fit_loss", "own")[-1] < 0.5
    assert alarms(record) == []


@pytest.mark.parametrize(
    ("loss_function", "expected"),
    [
        (lambda scores, labels: F.nll_loss(F.log_softmax(scores, 1), labels), []),
        (
            lambda scores, labels: F.nll_loss(F.log_softmax(scores, 0), labels),
            ["softmax-over-samples"],
        ),
        (lambda scores, labels: F.nll_loss(scores, labels), ["scores-without-log-softmax"]),
    ],
    ids=["classes", "samples", "none"],
)
def test_what_a_negative_log_likelihood_gets_is_checked(loss_function: Loss, expected: list[str]):
    record = measured(lambda: train(network(), loss_function))
    assert [each.finding.rule for each in check_up(record).causes][: len(expected) or 1] == expected


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_nothing_is_wrong_with_a_healthy_training(task: Task):
    record = record_of(lambda: run_training(set_up(task, 0)))
    assert alarms(record) == []
    assert len(check_up(record).passed) >= 20


class Autoencoder(nn.Module):
    """A variational one, whose divergence is next to nothing before it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.spread = nn.Linear(6, 4), nn.Linear(6, 4)
        self.decoder = nn.Linear(4, 6)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(inputs), self.spread(inputs)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        noise = torch.randn_like(mean)
        return torch.sigmoid(self.decoder(mean + noise * (log_variance / 2).exp())), divergence


def test_an_autoencoder_is_not_tried_with_one_input_that_is_the_target_too():
    inputs = torch.rand(32, 6)

    def train_autoencoder() -> None:
        model = Autoencoder()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        outputs, divergence = model(inputs)
        loss = F.binary_cross_entropy(outputs, inputs, reduction="sum") + divergence
        optimizer.zero_grad()
        loss.backward()

    record = measured(train_autoencoder)
    assert record.not_measured["input_loss"] == "the inputs are the targets too"
    assert alarms(record) == []
