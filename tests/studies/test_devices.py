from dataclasses import dataclass

import pytest

from defib.errors import UsageError
from defib.studies.batch_size import STUDY
from defib.studies.devices import check_device, devices_of, on_device


@dataclass(frozen=True)
class Inner:
    images: int = 3
    device: str = "auto"


@dataclass(frozen=True)
class Config:
    seeds: int = 2
    scale: Inner = Inner()


@dataclass(frozen=True)
class Plain:
    seeds: int = 2


def test_the_device_is_set_wherever_it_stands():
    assert on_device(Config(), "cuda") == Config(scale=Inner(device="cuda"))
    assert devices_of(Config()) == ("auto",)


def test_a_configuration_without_a_device_stays():
    plain = Plain()
    assert on_device(plain, "cuda") is plain
    assert devices_of(plain) == ()


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="torch cannot use it here"):
        check_device("no-such-device")


def test_the_command_of_a_result_repeats_it():
    for config, command in (
        (STUDY.quick, "defib study run batch-size"),
        (on_device(STUDY.quick, "meta"), "defib study run batch-size --device meta"),
        (STUDY.full, "defib study run batch-size --full"),
        (on_device(STUDY.full, "meta"), "defib study run batch-size --full --device meta"),
    ):
        assert " ".join(("defib study run", STUDY.name, *STUDY._options(config))) == command
