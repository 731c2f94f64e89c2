import pytest

from defib.studies import batch_growth, cyclical_learning_rate
from defib.studies.batch_growth import CYCLICAL, FULL, GROWING, Config, _stages, measure
from tests.studies.garments import TINY, random_garments

CYCLE = cyclical_learning_rate.Config(1, TINY, lr_min=1e-3, lr_max=1e-2, epochs_up=1, cycles=2)
CONFIG = Config(seeds=1, cyclical=CYCLE, first=16, last=64, largest_part=32)


def test_the_batch_doubles_from_32_to_16384_at_full_size():
    assert FULL.sizes == (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


def test_all_sizes_together_take_the_examples_of_the_other_training():
    examples = FULL.every * sum(FULL.sizes)
    wanted = FULL.cyclical.epochs * FULL.cyclical.scale.train_images
    assert wanted - sum(FULL.sizes) < examples <= wanted


def test_the_loss_of_a_stage_is_weighted_by_examples():
    config = Config(1, CYCLE, first=16, last=16)
    steps = [(16, 3.0), (8, 0.0)] * (config.every // 2)
    [(stage, size, examples, loss)] = _stages(config, steps)
    assert (stage, size, examples) == (1, 16, 12 * config.every)
    assert loss == pytest.approx(2.0)


def test_both_trainings_are_compared_and_the_batches_grow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batch_growth, "garments", random_garments)
    tables = measure(CONFIG, 0)
    compared = tables["compared"]
    assert compared.column("training") == (CYCLICAL, GROWING)
    assert compared.numbers("updates") == (4, 3 * CONFIG.every)
    assert tables["growth"].numbers("batch_size") == (16, 32, 64)
    assert tables["growth"].numbers("examples")[-1] == CONFIG.every * (16 + 32 + 64)
