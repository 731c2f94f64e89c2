"""Records and diagnoses as real runs leave them, made from formulas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from defib.records.finding import (
    Cause,
    Diagnosis,
    Finding,
    NotEvaluated,
    Severity,
    Status,
)
from defib.records.run import (
    Coverage,
    Event,
    LayerFact,
    LoaderFact,
    LossFact,
    OptimizerFact,
    ParameterFact,
    RunEnding,
    RunRecord,
)
from defib.records.series import Series
from defib.records.site import Site

SCRIPT = "examples/train.py"


@dataclass(frozen=True)
class Sample:
    record: RunRecord
    diagnosis: Diagnosis


def sampled_steps(steps: int) -> np.ndarray:
    """Densely at first, then further and further apart, as the monitor samples."""
    dense = np.arange(min(30, steps))
    rest = np.unique(np.geomspace(30, max(steps - 1, 31), 90).astype(int))
    return np.concatenate([dense, rest[(rest >= 30) & (rest < steps)]])


def site(line: int, code: str, function: str = "<module>") -> Site:
    return Site(f"/home/ada/project/{SCRIPT}", line, code, function)


def network(names: tuple[str, ...], activation: str = "relu") -> Mapping[str, object]:
    """The facts of a multilayer perceptron with an SGD optimiser and shuffled batches."""
    last = len(names) - 1
    return {
        "script": SCRIPT,
        "started": "2026-03-14T09:26:53",
        "versions": {"defib": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
        "layers": tuple(
            LayerFact(
                name,
                "Linear",
                order=index,
                activation=activation if index < last else "",
                reads_input=index == 0,
                feeds_loss=index == last,
                optimizer="SGD",
                site=site(20 + index, f"self.{name} = nn.Linear(100, 100)", "__init__"),
            )
            for index, name in enumerate(names)
        ),
        "parameters": tuple(
            ParameterFact(f"{name}.{kind}", name, shape, optimizer="SGD")
            for name in names
            for kind, shape in (("weight", (100, 100)), ("bias", (100,)))
        ),
        "optimizers": (
            OptimizerFact(
                "SGD",
                "SGD",
                site(41, "optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)"),
                site(52, "optimizer.step()"),
                {"learning_rate": 0.5, "momentum": 0.9, "weight_decay": 0.0},
            ),
        ),
        "losses": (LossFact("SGD", "cross-entropy", site=site(50, "loss = criterion(out, y)")),),
        "loaders": (
            LoaderFact("DataLoader", 64, True, 157, 2, site(33, "DataLoader(train, shuffle=True)")),
        ),
        "coverage": Coverage(sampled_steps=117, backward_calls=1000),
        "ending": RunEnding.COMPLETED,
    }


def falling_loss(steps: int, start: float, end: float, noise: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    curve = end + (start - end) * np.exp(-5 * np.arange(steps) / steps)
    return curve * (1 + noise * random.standard_normal(steps))


def judged(record: RunRecord, summary: str, *causes: Cause, **fields: object) -> Sample:
    status = Status.FINDINGS if causes else Status.HEALTHY
    settings: dict[str, object] = {
        "status": status,
        "summary": summary,
        "script": record.script,
        "steps": record.steps,
        "seconds": record.seconds,
        "overhead": record.overhead,
        "causes": causes,
        "not_evaluated": (
            NotEvaluated("overfitting", "not recorded: evaluation_loss"),
            NotEvaluated("saturated-activation", "not recorded: saturated_fraction"),
        ),
    }
    return Sample(record, Diagnosis(**(settings | fields)))  # type: ignore[arg-type]


def record_of(facts: Mapping[str, object], steps: int, **series: Mapping[str, Series]) -> RunRecord:
    fields = {**facts, "steps": steps, "seconds": steps * 0.0124, "monitor_seconds": steps * 1e-4}
    return RunRecord(**fields, series=series)  # type: ignore[arg-type]


def dying_units() -> Sample:
    names = ("fc1", "fc2", "fc3", "fc4")
    facts = network(names)
    steps, sampled = 1000, sampled_steps(1000)
    random = np.random.default_rng(1)
    loss = falling_loss(steps, 2.3, 1.2, 0.05)
    loss[130:] = 2.303 * (1 + 0.012 * random.standard_normal(steps - 130))
    rise = 1 / (1 + np.exp(-(sampled - 120) / 12))
    dead = {
        name: Series(sampled[4:], np.clip((low + (high - low) * rise), 0, 1)[4:])
        for name, low, high in (("fc1", 0.02, 0.18), ("fc2", 0.03, 0.97), ("fc3", 0.01, 0.71))
    }
    record = record_of(
        facts,
        steps,
        loss={"SGD": Series(np.arange(steps), loss)},
        learning_rate={"SGD": Series(sampled, np.full(len(sampled), 0.5))},
        dead_unit_fraction=dead,
        gradient_norm={
            f"{name}.weight": Series(sampled, 0.3 * 4.0**index * (1 - 0.97 * rise) + 1e-9)
            for index, name in enumerate(names)
        },
        update_ratio={
            f"{name}.weight": Series(sampled, 0.03 * 2.0**index * (1 - 0.999 * rise))
            for index, name in enumerate(names)
        },
    )
    sites = {layer.name: layer.site for layer in record.layers}
    dead_units = Finding(
        "dead-relu",
        Severity.ERROR,
        "97% of the ReLU units after `fc2` output zero for every input, since step 120 "
        "(limit 60%).",
        (120, 999),
        "fc2",
        sites["fc2"],
        {"dead_unit_fraction": 0.9713, "dead_unit_fraction_at_start": 0.0304},
        "Lower the learning rate (divide it by 3 to 10: `lr=0.05`) or use a leaky ReLU.",
        ("lower-learning-rate", "leaky-relu"),
    )
    plateau = Finding(
        "loss-plateau",
        Severity.ERROR,
        "The loss has not fallen since step 130: it ends at 2.3, and a constant prediction has "
        "2.303. 98% of its fluctuation comes from the label mix of the batches: the output "
        "hardly depends on the input.",
        (130, 999),
        site=record.optimizers[0].site,
        evidence={"loss_at_end": 2.3031, "loss_of_constant_prediction": 2.3026},
    )
    constant = Finding(
        "constant-output",
        Severity.ERROR,
        "The network gives every example the same output (spread 1.2e-9).",
        (132, 999),
    )
    cause = Cause(
        dead_units,
        symptoms=(plateau, constant),
        also=(replace(dead_units, layer="fc3", site=sites["fc3"]),),
    )
    return judged(record, "dead-relu at train.py:21, since step 120 (suspected).", cause)


def low_learning_rate() -> Sample:
    names = ("fc1", "fc2", "fc3")
    steps, sampled = 2000, sampled_steps(2000)
    record = record_of(
        network(names),
        steps,
        loss={"SGD": Series(np.arange(steps), falling_loss(steps, 2.305, 2.28, 0.01))},
        learning_rate={"SGD": Series(sampled, np.full(len(sampled), 1e-6))},
        update_ratio={
            f"{name}.weight": Series(sampled, 1e-6 * (1.5 + np.sin(sampled + index)) * 3**-index)
            for index, name in enumerate(names)
        },
    )
    finding = Finding(
        "learning-rate-too-low",
        Severity.ERROR,
        "The weights change by 2e-06 of their size per step (limit 1e-05), and the loss falls by "
        "only 1% in 2,000 steps.",
        (0, 1999),
        site=record.optimizers[0].site,
        evidence={"update_ratio": 2.1e-6, "learning_rate": 1e-6},
        remedy="Multiply the learning rate by 100: `lr=1e-4`.",
        fixes=("raise-learning-rate",),
    )
    return judged(
        record, "learning-rate-too-low at train.py:41, from the start (suspected).", Cause(finding)
    )


def ordered_labels() -> Sample:
    names = ("conv1", "conv2", "head")
    steps, sampled = 600, sampled_steps(600)
    random = np.random.default_rng(2)
    current = (sampled // 20) % 10
    rest = random.poisson(0.2, (10, len(sampled)))
    counts = {
        str(label): Series(sampled, np.where(current == label, 62.0, rest[label]))
        for label in range(10)
    }
    within = np.arange(steps) % 20
    loss = 0.4 + 4.5 * np.exp(-within / 4) + 0.1 * random.standard_normal(steps) ** 2
    loader = LoaderFact("DataLoader", 64, False, 157, 0, site(33, "DataLoader(train, 64)"))
    record = record_of(
        network(names) | {"loaders": (loader,)},
        steps,
        loss={"SGD": Series(np.arange(steps), loss)},
        label_count=counts,
    )
    finding = Finding(
        "label-ordered-batches",
        Severity.ERROR,
        "A batch holds 1.3 classes on average, shuffled data would give 10 (limit 80%): the "
        "examples come sorted by label.",
        (0, 599),
        site=loader.site,
        evidence={"classes_per_batch": 1.31, "label_entropy_share": 0.08},
        remedy="Pass `shuffle=True` to the `DataLoader`.",
        fixes=("shuffle",),
    )
    return judged(
        record, "label-ordered-batches at train.py:33, from the start (suspected).", Cause(finding)
    )


def overfitting() -> Sample:
    names = ("fc1", "fc2", "fc3")
    steps = 3000
    ends = np.arange(150, steps, 150)
    random = np.random.default_rng(5)
    new = (
        0.02 * random.standard_normal(len(ends))
        + 0.62
        + 1.6 * np.exp(-ends / 350)
        + 0.00022 * np.maximum(ends - 700, 0)
    )
    record = record_of(
        network(names),
        steps,
        loss={"SGD": Series(np.arange(steps), falling_loss(steps, 2.3, 0.02, 0.25))},
        evaluation_loss={"train.py:70 < train.py:88": Series(ends, new)},
        evaluation_accuracy={
            "train.py:70 < train.py:88": Series(ends, 0.8 - 0.5 * np.exp(-ends / 350))
        },
    )
    finding = Finding(
        "overfitting",
        Severity.WARNING,
        "The evaluation loss rose from 0.88 at step 900 to 1.13, while the training loss fell to "
        "0.03.",
        (900, 2999),
        site=site(70, "loss = F.cross_entropy(model(x), y)", "evaluate"),
        evidence={"lowest_evaluation_loss": 0.881, "evaluation_loss_at_end": 1.128},
        remedy="Stop at step 900, or add weight decay, dropout or data.",
        fixes=("early-stopping", "weight-decay"),
    )
    return judged(record, "overfitting at train.py:70, since step 900 (suspected).", Cause(finding))


def healthy() -> Sample:
    names = ("fc1", "fc2", "fc3")
    steps, sampled = 1500, sampled_steps(1500)
    ends = range(299, steps, 300)
    record = record_of(
        network(names),
        steps,
        loss={"SGD": Series(np.arange(steps), falling_loss(steps, 2.3, 0.21, 0.12))},
        learning_rate={"SGD": Series(sampled, 0.5 * np.cos(sampled / steps * np.pi / 2))},
        evaluation_loss={
            "train.py:70 < train.py:88": Series.of([0.9, 0.5, 0.38, 0.31, 0.29], ends)
        },
    )
    return judged(record, "Healthy: no fault was found in 1,500 steps.")


def not_a_number() -> Sample:
    names = ("fc1", "fc2", "fc3")
    steps, sampled = 400, sampled_steps(400)
    loss = falling_loss(steps, 2.3, 1.5, 0.05)
    loss[200:260] *= np.exp(np.arange(60) / 4)
    loss[255] = np.inf
    loss[260:] = np.nan
    norm = np.where(sampled < 200, 3.0, 3.0 * np.exp((sampled - 200) / 5.0))
    norm[sampled >= 260] = np.nan
    event = Event(
        "non-finite",
        255,
        {"where": "loss", "phase": "forward", "layer": "fc3", "operation": "LogBackward0"},
        site(50, "loss = -torch.log(p[y]).mean()"),
    )
    record = record_of(
        network(names) | {"events": (event,), "ending": RunEnding.RAISED, "error": "ValueError: x"},
        steps,
        loss={"SGD": Series(np.arange(steps), loss)},
        total_gradient_norm={"SGD": Series(sampled, norm)},
        learning_rate={"SGD": Series(sampled, np.full(len(sampled), 0.5))},
    )
    finding = Finding(
        "non-finite-value",
        Severity.ERROR,
        "The loss became infinite at step 255, in `LogBackward0`; it has been NaN since step 260.",
        (255, 399),
        "fc3",
        event.site,
        {"loss_at_end": float("nan"), "largest_loss": float("inf"), "operation": "LogBackward0"},
        "Use `F.cross_entropy` on the logits: the logarithm of 0 is infinite.",
    )
    exploding = Finding(
        "exploding-gradient",
        Severity.ERROR,
        "The gradient grew from 3 to 2.1e4 within 60 steps.",
        (201, 255),
        site=record.optimizers[0].site,
        evidence={"total_gradient_norm": 21_000.0},
        remedy="Clip the gradient to a norm of 1, or lower the learning rate.",
    )
    return judged(
        record,
        "non-finite-value at train.py:50, since step 255 (suspected).",
        Cause(finding),
        Cause(exploding),
        notes=("The script ended with an error: ValueError: x",),
    )


def vanishing_gradient(layers: int = 100) -> Sample:
    names = tuple(f"blocks.{index}.linear" for index in range(layers))
    steps, sampled = 500, sampled_steps(500)
    random = np.random.default_rng(3)
    depth = np.arange(layers)[::-1]
    noise = 1 + 0.1 * random.random(len(sampled))
    record = record_of(
        network(names, "sigmoid"),
        steps,
        loss={"SGD": Series(np.arange(steps), falling_loss(steps, 0.71, 0.693, 0.01))},
        gradient_norm={
            f"{name}.weight": Series(sampled, 2.0 ** -depth[index] * noise)
            for index, name in enumerate(names)
        },
        saturated_fraction={
            name: Series(sampled, np.clip(index / layers + 0.1 * random.random(len(sampled)), 0, 1))
            for index, name in enumerate(names)
        },
        update_ratio={
            f"{name}.weight": Series(sampled, 1e-3 * 2.0 ** -depth[index] + 0 * sampled)
            for index, name in enumerate(names)
        },
    )
    finding = Finding(
        "vanishing-gradient",
        Severity.ERROR,
        f"The gradient of `{names[0]}.weight` is 2e-30 of that of `{names[-1]}.weight` (root mean "
        "square, limit 0.001), since step 0, and the loss does not fall.",
        (0, 499),
        names[0],
        record.layers[0].site,
        {"first_to_last_gradient": 1.6e-30, "layers": layers},
        "Replace sigmoid and tanh by ReLU with He initialisation.",
    )
    return judged(
        record, "vanishing-gradient at train.py:20, from the start (suspected).", Cause(finding)
    )


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "dying-units": dying_units,
    "low-learning-rate": low_learning_rate,
    "ordered-labels": ordered_labels,
    "overfitting": overfitting,
    "healthy": healthy,
    "not-a-number": not_a_number,
    "vanishing-gradient": vanishing_gradient,
}


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each of the runs in turn."""
    return SAMPLES[request.param]()


@pytest.fixture
def dying_run() -> Sample:
    return dying_units()


@pytest.fixture
def healthy_run() -> Sample:
    return healthy()


@pytest.fixture
def non_finite_run() -> Sample:
    return not_a_number()


@pytest.fixture
def deep_run() -> Sample:
    """A network of 100 layers."""
    return vanishing_gradient()


@pytest.fixture(scope="session")
def payloads() -> tuple[str, ...]:
    """Names that try to become markup, script, escape sequences or layout."""
    file = Path(__file__).with_name("payloads.json")
    return tuple(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture
def samples() -> Mapping[str, Callable[[], Sample]]:
    return SAMPLES
