"""The compiled training does what a PyTorch loop does, and the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from defib.ensemble.data import Data
from defib.ensemble.kernel import compilation
from defib.ensemble.reference import train_reference
from defib.ensemble.result import EnsembleResult, initial_ensemble
from defib.ensemble.specification import (
    Initialization,
    Network,
    OptimizerSpecification,
    Scope,
    Snapshots,
    Training,
    relu_network,
)
from defib.ensemble.training import train_ensemble
from tests.ensemble.torch_loop import OPTIMIZERS, Case, case_of, random_case, train_with_torch

ROUNDING = 1e-12
"""A few hundred operations in float64, each within 1.1e-16, relative to numbers of size 1."""
NETWORK = Network((3, 5, 4, 2), ("tanh", "relu", "identity"))
TRAINING = Training(NETWORK, batch_size=8, epochs=3)


def some_data(networks: int | None = None, points: int = 50, seed: int = 0) -> Data:
    random = np.random.default_rng(seed)
    shape = (points,) if networks is None else (networks, points)
    return Data(random.normal(size=(*shape, 3)), random.normal(size=(*shape, 2)))


def difference(first: EnsembleResult, second: EnsembleResult) -> float:
    pairs = zip(first.weights + first.biases, second.weights + second.biases, strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def check_against_torch(case: Case) -> None:
    """Every step's loss and gradient norms, and the parameters at the end."""
    networks = len(case.inputs)
    start = initial_ensemble(case.training, networks, seed=5)
    result = train_ensemble(
        case.training,
        case.data,
        networks=networks,
        start=start,
        orders=case.orders,
        snapshots=Snapshots(every=1),
    )
    assert result.snapshots is not None
    for network in range(networks):
        expected = train_with_torch(case, start, network)
        pairs = zip(result.weights, result.biases, strict=True)
        found = [part[network] for pair in pairs for part in pair]
        for ours, theirs in zip(found, expected.parameters, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=ROUNDING, atol=ROUNDING)
        series = (
            (result.snapshots.loss, expected.losses),
            (result.snapshots.gradient_norm, expected.gradient_norms),
        )
        for ours, theirs in series:
            assert ours is not None
            np.testing.assert_allclose(ours[:, network], theirs, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("seed", range(len(OPTIMIZERS)))
def test_each_step_is_that_of_a_torch_loop(seed: int):
    check_against_torch(random_case(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 220))
def test_each_step_is_that_of_a_torch_loop_for_many_networks(seed: int):
    check_against_torch(random_case(seed))


@pytest.mark.slow
@pytest.mark.parametrize("width", [16, 33, 64])
def test_wide_layers_are_those_of_a_torch_loop(width: int):
    network = Network((16, width, width, 10), ("relu", "tanh", "identity"))
    training = Training(
        network, Initialization("torch"), "softmax_cross_entropy", precision="float64"
    )
    check_against_torch(case_of(training, points=150, networks=2, seed=width))


def test_float32_stays_near_float64():
    single = train_ensemble(TRAINING, some_data(), networks=5)
    double = train_ensemble(replace(TRAINING, precision="float64"), some_data(), networks=5)
    assert single.weights[0].dtype == np.float32
    assert difference(single, double) < 1e-4


@pytest.mark.parametrize("scope", Scope)
def test_the_torch_path_draws_the_same_and_agrees(scope: Scope):
    training = replace(TRAINING, precision="float64")
    rates = np.linspace(1e-4, 1e-2, 20)
    options = {
        "networks": 20,
        "seed": 3,
        "learning_rates": rates,
        "snapshots": Snapshots(every=5, scope=scope),
    }
    compiled = train_ensemble(training, some_data(20), **options)
    plain = train_reference(training, some_data(20), **options)
    assert difference(compiled, plain) < ROUNDING
    np.testing.assert_allclose(compiled.loss, plain.loss, rtol=ROUNDING)
    for name in (
        "steps",
        "loss",
        "dead_units",
        "gradient_norm",
        "output_minimum",
        "output_maximum",
    ):
        ours, theirs = (getattr(result.snapshots, name) for result in (compiled, plain))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=ROUNDING)


def test_the_number_of_threads_changes_no_bit():
    alone, many = (
        train_ensemble(TRAINING, some_data(), networks=100, threads=threads) for threads in (1, 3)
    )
    assert difference(alone, many) == 0
    assert (alone.loss == many.loss).all()


def test_a_network_is_the_same_in_an_ensemble_of_any_size():
    whole = train_ensemble(TRAINING, some_data(), networks=40, seed=1)
    part = train_ensemble(TRAINING, some_data(), networks=3, seed=1, first_network=30)
    assert (whole.weights[1][30:33] == part.weights[1]).all()


def test_seeds_differ():
    first, second = (train_ensemble(TRAINING, some_data(), networks=2, seed=s) for s in (1, 2))
    assert difference(first, second) > 0.1


def test_networks_train_on_their_own_data():
    own = some_data(20)
    together = train_ensemble(TRAINING, own, networks=20)
    alone = train_ensemble(
        TRAINING,
        Data(np.asarray(own.inputs)[17], np.asarray(own.targets)[17]),
        networks=1,
        first_network=17,
    )
    assert (together.weights[0][17] == alone.weights[0][0]).all()


def test_one_order_for_all_is_that_order_for_each():
    random = np.random.default_rng(0)
    orders = np.array([random.permutation(50) for _ in range(3)])
    shared = train_ensemble(TRAINING, some_data(), networks=18, orders=orders)
    each = train_ensemble(
        TRAINING, some_data(), networks=18, orders=np.broadcast_to(orders, (18, 3, 50))
    )
    assert difference(shared, each) == 0


def test_without_shuffling_examples_come_in_turn():
    in_turn = train_ensemble(replace(TRAINING, shuffle=False), some_data(), networks=2)
    given = train_ensemble(
        TRAINING, some_data(), networks=2, orders=np.broadcast_to(np.arange(50), (3, 50))
    )
    assert difference(in_turn, given) == 0


def test_snapshots_leave_the_training_as_it_is():
    plain = train_ensemble(TRAINING, some_data(), networks=4)
    for scope in Scope:
        watched = train_ensemble(
            TRAINING, some_data(), networks=4, snapshots=Snapshots(2, scope=scope)
        )
        assert difference(plain, watched) == 0


def test_only_the_statistics_that_were_asked_for_are_kept():
    result = train_ensemble(
        TRAINING, some_data(), networks=4, snapshots=Snapshots(10, ("dead_units",), Scope.DATA)
    )
    assert result.snapshots is not None
    assert result.snapshots.steps.tolist() == [0, 10, 20]
    assert result.snapshots.dead_units is not None
    assert result.snapshots.dead_units.shape == (3, 4, 2)
    assert result.snapshots.loss is None
    assert result.snapshots.gradient_norm is None


def test_progress_ends_at_one_and_never_falls():
    shares: list[float] = []
    train_ensemble(TRAINING, some_data(), networks=40, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 3


def test_an_error_in_the_progress_callback_stops_the_training():
    def fail(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ensemble(TRAINING, some_data(), networks=40, on_progress=fail)


def test_no_epochs_leave_the_start():
    training = replace(TRAINING, epochs=0)
    result = train_ensemble(training, some_data(), networks=4, seed=2)
    start = initial_ensemble(training, 4, seed=2)
    assert (result.weights[2] == start.weights[2]).all()


def test_a_diverging_network_becomes_nan_and_its_neighbours_do_not():
    training = replace(TRAINING, optimizer=OptimizerSpecification("sgd"), epochs=30)
    result = train_ensemble(training, some_data(), networks=3, learning_rates=[0.01, 1e4, 0.01])
    assert np.isnan(result.loss).tolist() == [False, True, False]


def test_a_network_born_dead_moves_nothing_but_its_last_bias():
    training = Training(relu_network(1, (2,) * 9), epochs=2, batch_size=64)
    random = np.random.default_rng(0)
    inputs = random.uniform(-2, 2, (200, 1))
    start = initial_ensemble(training, 200, seed=0)
    result = train_ensemble(training, Data(inputs, np.abs(inputs)), networks=200, seed=0)
    from_start = [a != b for a, b in zip(result.biases, start.biases, strict=True)]
    is_unmoved = ~np.concatenate([moved.any(1)[:, None] for moved in from_start[:-1]], 1).any(1)
    assert 0.8 < is_unmoved.mean() < 0.95
    assert from_start[-1].all()


def test_narrow_registers_compute_the_same_bits(monkeypatch: pytest.MonkeyPatch):
    wide = train_ensemble(TRAINING, some_data(20), networks=20)
    without = compilation.host_features().replace("+avx512", "-avx512")
    monkeypatch.setattr(compilation, "host_features", lambda: without)
    assert compilation.specialization(TRAINING).lanes.count == 8
    narrow = train_ensemble(TRAINING, some_data(20), networks=20)
    assert difference(wide, narrow) == 0
