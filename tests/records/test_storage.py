import json
import math
from pathlib import Path

import pytest

from defib.errors import RunDirectoryError
from defib.records.reading import read_run
from defib.records.run import (
    Coverage,
    Event,
    LayerFact,
    OptimizerFact,
    RunEnding,
)
from defib.records.site import Site
from defib.records.storage import RUN_FILE, RunWriter, numbers, thin

STATE = {"steps": 3, "seconds": 1.5, "monitor_seconds": 0.25, "coverage": Coverage(2, 3)}


def written(directory: Path, **options: int) -> RunWriter:
    writer = RunWriter(directory, **options)
    writer.write_header({"script": "train.py", "arguments": ["-x"], "started": "now"})
    return writer


def test_everything_written_is_read_back(tmp_path: Path):
    writer = written(tmp_path)
    layer = LayerFact("fc1", "Linear", activation="relu", site=Site("train.py", 3, "nn.Linear()"))
    optimizer = OptimizerFact("SGD", "SGD", hyperparameters={"lr": math.inf})
    event = Event("non-finite", 2, {"where": "loss", "value": math.nan})
    writer.write_fact("layers", layer)
    writer.write_fact("optimizers", optimizer)
    writer.write_event(event)
    writer.write_losses("SGD", [0, 1, 2], [1.0, math.nan, math.inf])
    writer.write_sample(1, (("gradient_norm", "fc1.weight"),), [0.1])
    writer.write_state(STATE | {"ending": RunEnding.RAISED, "error": "boom"})
    writer.close()
    record = read_run(tmp_path)
    assert (record.script, record.arguments, record.steps) == ("train.py", ("-x",), 3)
    assert (record.ending, record.error) == (RunEnding.RAISED, "boom")
    assert record.layers == (layer,)
    assert record.optimizers == (optimizer,)
    assert math.isnan(float(record.events[0].detail["value"]))
    assert record.of("loss")["SGD"].values.tolist()[::2] == [1.0, math.inf]
    assert math.isnan(record.of("loss")["SGD"].values[1])
    assert record.of("gradient_norm")["fc1.weight"].values.tolist() == [0.1]
    assert record.overhead == pytest.approx(0.25 / 1.25)


def test_a_later_fact_of_the_same_name_replaces(tmp_path: Path):
    writer = written(tmp_path)
    writer.write_fact("layers", LayerFact("fc1", "Linear"))
    writer.write_fact("layers", LayerFact("fc1", "Conv2d"))
    assert [layer.kind for layer in read_run(tmp_path).layers] == ["Conv2d"]


@pytest.mark.parametrize("value", [1 / 3, 1e-38, 3.4e38, -0.0, 16777217.0])
def test_numbers_are_exact_in_float32(value: float):
    import numpy as np

    assert np.float32(numbers([float(np.float32(value))])) == np.float32(value)


def test_lines_are_strict_json(tmp_path: Path):
    writer = written(tmp_path)
    writer.write_losses("SGD", [0, 5], [math.nan, -math.inf])
    for path in tmp_path.iterdir():
        for line in path.read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("cut", [2, 10, 40])
def test_a_torn_last_line_is_ignored(tmp_path: Path, cut: int):
    writer = written(tmp_path)
    writer.write_losses("SGD", [0, 1], [1.0, 2.0])
    writer.write_losses("SGD", [2, 3], [3.0, 4.0])
    writer.close()
    path = tmp_path / "series-000000.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_run(tmp_path).of("loss")["SGD"].values.tolist() == [1.0, 2.0]


def test_writing_goes_on_after_a_torn_line(tmp_path: Path):
    writer = written(tmp_path)
    writer.close()
    with (tmp_path / RUN_FILE).open("a") as file:
        file.write('{"kind":"fa')
    writer = RunWriter(tmp_path)
    writer.write_fact("layers", LayerFact("fc1", "Linear"))
    assert [layer.name for layer in read_run(tmp_path).layers] == ["fc1"]


def test_unknown_kinds_and_fields_are_passed_over(tmp_path: Path):
    header = {"kind": "run", "version": "1.9", "script": "a.py", "novelty": 1}
    fact = {
        "kind": "fact",
        "field": "layers",
        "fact": {"name": "fc1", "kind": "Linear", "colour": "red"},
    }
    lines = [header, fact, {"kind": "novelty"}, {"kind": "fact", "field": "moons", "fact": {}}]
    (tmp_path / RUN_FILE).write_text("\n".join(map(json.dumps, lines)) + "\n[1]\nnull\n")
    record = read_run(tmp_path)
    assert [layer.name for layer in record.layers] == ["fc1"]


def test_another_major_version_is_refused(tmp_path: Path):
    (tmp_path / RUN_FILE).write_text('{"kind":"run","version":"2.0"}\n')
    with pytest.raises(RunDirectoryError, match=r"layout 2\.0"):
        read_run(tmp_path)


def test_a_missing_directory_is_a_clear_error(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="does not exist"):
        read_run(tmp_path / "nowhere")


def test_a_foreign_directory_is_a_clear_error(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="is no run directory"):
        read_run(tmp_path)


def test_a_foreign_file_of_the_right_name_is_a_clear_error(tmp_path: Path):
    (tmp_path / RUN_FILE).write_bytes(bytes(range(256)))
    with pytest.raises(RunDirectoryError, match="holds no defib run"):
        read_run(tmp_path)


def test_a_long_run_stays_small_and_keeps_what_matters(tmp_path: Path):
    writer = written(tmp_path, maximum_bytes=400_000, segment_bytes=40_000)
    keys = tuple(("gradient_norm", f"layer{number}.weight") for number in range(50))
    writer.pin(5000)
    for step in range(12_000):
        writer.write_losses("SGD", [step], [1e6 if step == 7777 else 1.0 + step % 7])
        if step % 5 == 0:
            writer.write_sample(step, keys, [float(step)] * 50)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    record = read_run(tmp_path)
    loss, norm = record.of("loss")["SGD"], record.of("gradient_norm")["layer0.weight"]
    assert size < 600_000
    assert loss.values.max() == 1e6
    assert {0, 5, 195, 4955, 5000, 5045, 11_995} <= set(norm.steps.tolist())
    assert loss.steps[-1] == 11_999
    assert record.steps == 12_000


def test_thinning_keeps_non_finite_losses(tmp_path: Path):
    writer = written(tmp_path)
    steps = list(range(1000, 1100))
    writer.write_losses("SGD", steps, [math.nan if s == 1050 else float(s) for s in steps])
    writer.close()
    thin(tmp_path / "series-000000.jsonl", [])
    series = read_run(tmp_path).of("loss")["SGD"]
    assert 40 < len(series) < 60
    assert math.isnan(series.between(1050, 1050).values[0])


def test_the_time_before_the_first_step_is_not_known_of_earlier_records(tmp_path: Path):
    writer = written(tmp_path)
    assert math.isnan(read_run(tmp_path).seconds_before)
    writer.write_header({"script": "train.py", "seconds_before": 2.5})
    writer.close()
    assert read_run(tmp_path).seconds_before == 2.5


def test_what_was_measured_later_stands_in_order(tmp_path: Path):
    writer = written(tmp_path)
    for step in (0, 3, 1, 2):
        writer.write_sample(step, (("accuracy", "SGD"),), [step / 10])
    writer.close()
    series = read_run(tmp_path).of("accuracy")["SGD"]
    assert series.steps.tolist() == [0, 1, 2, 3]
    assert series.values.tolist() == [0.0, 0.1, 0.2, 0.3]
